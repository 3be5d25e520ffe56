import Glibc

/// A block of memory that lives as long as its owner, 64-byte aligned, zeroed. All of the engine's tensors lie in one,
/// each thread's scratch in another; whoever asks for a part of it says how long the part is and is checked.
///
/// A place in the block has one type for as long as the block lives: `MemoryPlan` gives tensors of different types
/// different places. A place that was asked for as `Float` and later as `UInt8` would be undefined behaviour.
///
/// Large blocks ask for huge pages: a tensor's planes lie kilobytes apart, and reading a column of them would touch a
/// page each.
final class Memory: @unchecked Sendable {
    private let block: UnsafeMutableRawBufferPointer
    private static let hugePage = 2 << 20

    /// Throws where the system gives no more.
    init(bytes: Int) throws(GraphError) {
        var base: UnsafeMutableRawPointer?
        let isLarge = bytes >= Self.hugePage / 4
        let count = isLarge ? (bytes + Self.hugePage - 1) / Self.hugePage * Self.hugePage : max(bytes, 64)
        guard posix_memalign(&base, isLarge ? Self.hugePage : 64, count) == 0, let base else {
            throw GraphError(
                "it needs \(count / 1_000_000) MB of memory for tensors and the system gives no more; use a smaller size"
            )
        }
        // Where the system has none to give, small pages do too.
        if isLarge { _ = madvise(base, count, MADV_HUGEPAGE) }
        block = UnsafeMutableRawBufferPointer(start: base, count: count)
        // Zeros of no type yet.
        memset(base, 0, count)
    }

    deinit { free(block.baseAddress) }

    var size: Int { block.count }

    /// `count` values from byte `offset` on.
    func floats(at offset: Int, count: Int) -> UnsafeMutablePointer<Float> {
        values(of: Float.self, at: offset, count: count)
    }

    /// `count` values of `type` from byte `offset` on.
    func values<Element: BitwiseCopyable>(
        of type: Element.Type, at offset: Int, count: Int
    ) -> UnsafeMutablePointer<Element> {
        pointer(at: offset, bytes: count * MemoryLayout<Element>.stride).bindMemory(to: type, capacity: count)
    }

    /// `count` bytes from byte `offset` on, whatever their type.
    func bytes(at offset: Int, count: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(pointer(at: offset, bytes: count))
    }

    private func pointer(at offset: Int, bytes: Int) -> UnsafeMutableRawPointer {
        precondition(offset >= 0 && bytes >= 0 && offset + bytes <= block.count, "a tensor outside its block")
        guard let base = block.baseAddress else { preconditionFailure("an empty block") }
        return base + offset
    }
}

/// Values that the steps read while running, made ready once, each array 64-byte aligned.
final class PreparedWeights: @unchecked Sendable {
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit { for block in blocks { block.deallocate() } }

    /// All arrays together, in bytes.
    var size: Int { blocks.reduce(0) { $0 + $1.count } }

    /// Keeps a copy of `array` for as long as the weights live.
    func keep<Element: BitwiseCopyable>(_ array: [Element]) -> UnsafePointer<Element> {
        let bytes = array.count * MemoryLayout<Element>.stride
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
        array.withUnsafeBytes { block.copyMemory(from: $0) }
        blocks.append(block)
        let start = block.bindMemory(to: Element.self).baseAddress
        guard let start else { preconditionFailure("an empty block") }
        return UnsafePointer(start)
    }
}
