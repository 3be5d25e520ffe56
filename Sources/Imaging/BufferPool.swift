import Synchronization

/// Buffers of one kind that are used again: after the first few frames a pipeline allocates none.
///
/// `take` lends a buffer; it comes back by itself when the last `Loan` of it is gone.
public final class BufferPool<Buffer: AnyObject & Sendable>: Sendable {
    private let idle = Mutex<[Buffer]>([])
    private let make: @Sendable () -> Buffer

    /// A pool that makes buffers with `make` when none is idle.
    public init(_ make: @escaping @Sendable () -> Buffer) {
        self.make = make
    }

    /// An idle buffer, or a new one. Its contents are whatever was last written.
    public func take() -> Loan<Buffer> {
        let buffer = idle.withLock { $0.popLast() } ?? make()
        return Loan(buffer, pool: self)
    }

    fileprivate func give(back buffer: Buffer) {
        idle.withLock { $0.append(buffer) }
    }
}

/// A buffer out of a pool, which goes back when the loan is released.
public final class Loan<Buffer: AnyObject & Sendable>: Sendable {
    /// The buffer.
    public let buffer: Buffer
    private let pool: BufferPool<Buffer>

    fileprivate init(_ buffer: Buffer, pool: BufferPool<Buffer>) {
        self.buffer = buffer
        self.pool = pool
    }

    deinit { pool.give(back: buffer) }
}
