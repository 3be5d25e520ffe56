import CThreads
import Dispatch
import Glibc

/// A counting semaphore whose waits with a deadline do not mind that the system's clock is set.
///
/// Dispatch's own waits on CLOCK_REALTIME on Linux: where the clock is set back by an hour, a wait of milliseconds takes
/// an hour, unless somebody signals. Use this one wherever a wait has a deadline.
public final class MonotonicSemaphore: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    /// A semaphore that lets `value` waits pass at once.
    public init(value: UInt32 = 0) {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, value)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Lets one wait pass. From any thread.
    public func signal() { sem_post(semaphore) }

    /// Waits for a signal.
    public func wait() { while sem_wait(semaphore) != 0 {} }

    /// Waits for a signal, until `timeout` at most.
    public func wait(timeout: DispatchTime) -> DispatchTimeoutResult {
        // Dispatch counts as CLOCK_MONOTONIC does.
        threads_wait_until(semaphore, timeout.uptimeNanoseconds) == 0 ? .success : .timedOut
    }
}
