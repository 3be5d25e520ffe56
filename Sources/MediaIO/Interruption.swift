import CFFmpeg
import Dispatch
import Glibc
import Synchronization
import Threads

/// Ends blocking calls of FFmpeg: when their deadline passes, or when another thread calls `cancel`.
public final class Interruption: Sendable {
    private let deadline = Atomic<UInt64>(.max)
    private let cancelled = Atomic<Bool>(false)
    private let wake = MonotonicSemaphore()

    /// No deadline, not cancelled.
    public init() {}

    /// Makes the call that blocks now, and all later ones, end at once. From any thread, more than once.
    public func cancel() {
        cancelled.store(true, ordering: .releasing)
        wake.signal()
    }

    /// Whether `cancel` was called.
    public var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

    /// Throws `CancellationError` after `cancel`.
    public func checkCancellation() throws {
        if isCancelled { throw CancellationError() }
    }

    /// Sleeps until `time` on CLOCK_MONOTONIC, in nanoseconds; throws `CancellationError` as soon as cancelled.
    public func sleep(until time: UInt64) throws {
        while true {
            try checkCancellation()
            let now = Self.now
            guard time > now else { return }
            let nanoseconds = Int(clamping: min(time - now, 3_600_000_000_000))
            if wake.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success {
                // For the next sleeper too: a cancellation is for good.
                wake.signal()
            }
        }
    }

    /// The calls that follow end `timeout` from now; nil lets them take as long as they like.
    func arm(_ timeout: Duration?) {
        deadline.store(timeout.map { Self.now &+ $0.nanoseconds } ?? .max, ordering: .relaxed)
    }

    /// Whether the deadline has passed.
    var isExpired: Bool { Self.now >= deadline.load(ordering: .relaxed) }

    /// Whether FFmpeg should give up.
    var isDue: Bool { isCancelled || isExpired }

    /// What FFmpeg asks while it blocks. The interruption must outlive whoever holds this.
    var callback: AVIOInterruptCB {
        AVIOInterruptCB(
            callback: { opaque in
                guard let opaque else { return 0 }
                return Unmanaged<Interruption>.fromOpaque(opaque).takeUnretainedValue().isDue ? 1 : 0
            }, opaque: Unmanaged.passUnretained(self).toOpaque())
    }

    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Whole nanoseconds, none below zero.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 1_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    /// Whole microseconds, as FFmpeg's options take them.
    var microseconds: UInt64 { nanoseconds / 1000 }
}
