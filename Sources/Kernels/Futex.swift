import CKernels
import Synchronization

/// A 32-bit counter that threads can sleep on, without a lock: who is not scheduled holds nobody up.
public final class Futex: @unchecked Sendable {
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    /// A counter at `value`.
    public init(_ value: UInt32) {
        word = .allocate(capacity: 1)
        word.initialize(to: Atomic(value))
    }

    deinit {
        word.deinitialize(count: 1)
        word.deallocate()
    }

    /// The value; what was written before it was set is seen.
    public var value: UInt32 { word.pointee.load(ordering: .acquiring) }

    /// The value, in the one order of all sequentially consistent operations.
    public var latest: UInt32 { word.pointee.load(ordering: .sequentiallyConsistent) }

    /// Sets the value.
    public func set(_ value: UInt32) { word.pointee.store(value, ordering: .releasing) }

    /// Adds `amount`, wrapping.
    public func add(_ amount: UInt32) { word.pointee.wrappingAdd(amount, ordering: .sequentiallyConsistent) }

    /// Subtracts `amount`; returns the new value.
    public func subtract(_ amount: UInt32) -> UInt32 {
        word.pointee.wrappingSubtract(amount, ordering: .sequentiallyConsistent).newValue
    }

    /// Sleeps while the value is `expected`; may return early.
    public func sleep(while expected: UInt32) {
        UnsafeRawPointer(word).withMemoryRebound(to: UInt32.self, capacity: 1) { ck_futex_wait($0, expected) }
    }

    /// Wakes at most `count` of the threads that sleep.
    public func wake(_ count: Int32) {
        UnsafeRawPointer(word).withMemoryRebound(to: UInt32.self, capacity: 1) { ck_futex_wake($0, count) }
    }
}
