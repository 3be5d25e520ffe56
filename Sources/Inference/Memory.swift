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

/// Values that the steps read while running, made ready once, each array 64-byte aligned.
final class PreparedWeights: @unchecked Sendable {
    private var blocks: [Memory] = []

    /// All arrays together, in bytes.
    var size: Int { blocks.reduce(0) { $0 + $1.size } }

    /// Keeps a copy of `array` for as long as the weights live.
    func keep(_ array: [Float]) -> UnsafePointer<Float> {
        let memory = Memory(bytes: array.count * MemoryLayout<Float>.stride)
        let target = memory.floats(at: 0, count: array.count)
        array.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { target.update(from: base, count: source.count) }
        }
        blocks.append(memory)
        return UnsafePointer(target)
    }

    /// Keeps a copy of `indices`.
    func keep(indices: [Int32]) -> UnsafePointer<Int32> {
        let memory = Memory(bytes: indices.count * MemoryLayout<Int32>.stride)
        let target = UnsafeMutableRawPointer(memory.bytes(at: 0, count: indices.count * MemoryLayout<Int32>.stride))
            .bindMemory(to: Int32.self, capacity: indices.count)
        indices.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { target.update(from: base, count: source.count) }
        }
        blocks.append(memory)
        return UnsafePointer(target)
    }
}
