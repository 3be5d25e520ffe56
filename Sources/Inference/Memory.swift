/// A block of memory that lives as long as its owner, 64-byte aligned, zeroed. All of the engine's tensors lie in one,
/// all of its prepared weights in another; whoever asks for a part of it says how long the part is and is checked.
final class Memory: @unchecked Sendable {
    private let block: UnsafeMutableRawBufferPointer

    init(bytes: Int) {
        block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
        block.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { block.deallocate() }

    var size: Int { block.count }

    /// `count` values from byte `offset` on.
    func floats(at offset: Int, count: Int) -> UnsafeMutablePointer<Float> {
        pointer(at: offset, bytes: count * MemoryLayout<Float>.stride).assumingMemoryBound(to: Float.self)
    }

    /// `count` bytes from byte `offset` on.
    func bytes(at offset: Int, count: Int) -> UnsafeMutablePointer<UInt8> {
        pointer(at: offset, bytes: count).assumingMemoryBound(to: UInt8.self)
    }

    private func pointer(at offset: Int, bytes: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && bytes >= 0 && offset + bytes <= block.count, "a tensor outside its block")
        guard let base = block.baseAddress else { preconditionFailure("an empty block") }
        return base + offset
    }
}

/// Values that the steps read while running, laid out once, each array 64-byte aligned.
struct PreparedWeights {
    private var values: [Float] = []

    /// Adds an array and says where it begins, in bytes.
    mutating func add(_ array: [Float]) -> Int {
        let offset = (values.count + 15) & ~15
        values.append(contentsOf: repeatElement(0, count: offset - values.count))
        values.append(contentsOf: array)
        return offset * MemoryLayout<Float>.stride
    }

    /// Adds indices, four bytes each, and says where they begin.
    mutating func add(indices: [Int32]) -> Int {
        add(indices.map { Float(bitPattern: UInt32(bitPattern: $0)) })
    }

    /// All of it in one block.
    func seal() -> Memory {
        let memory = Memory(bytes: values.count * MemoryLayout<Float>.stride)
        let target = memory.floats(at: 0, count: values.count)
        values.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            target.update(from: base, count: source.count)
        }
        return memory
    }
}
