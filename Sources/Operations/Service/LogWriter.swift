import Dispatch
import Glibc
import Imaging
import Synchronization
import Threads

/// Writes log lines to a descriptor on a thread of its own, so that no other thread ever waits for whoever reads them.
///
/// Lines that find no room in the queue are dropped. The log says how many as soon as it can be written again.
public final class LogWriter: Sendable {
    /// How the log is doing.
    public struct Snapshot: Codable, Hashable, Sendable {
        /// Lines that wait to be written.
        public var queued: UInt64
        /// Lines that were dropped since the start: the queue was full, or writing failed.
        public var dropped: UInt64
        /// How long the line that is being written has waited for its reader; nil where none waits.
        public var blockedSeconds: Double?
        /// Why the last line could not be written; nil where it could.
        public var error: String?

        enum CodingKeys: String, CodingKey {
            case queued, dropped, error
            case blockedSeconds = "blocked_s"
        }

        /// A log with so many lines waiting and dropped.
        public init(
            queued: UInt64 = 0, dropped: UInt64 = 0, blockedSeconds: Double? = nil, error: String? = nil
        ) {
            self.queued = queued
            self.dropped = dropped
            self.blockedSeconds = blockedSeconds
            self.error = error
        }
    }

    private struct State {
        var backlog: LogBacklog
        /// Since when the present piece is being written, without a byte taken.
        var writingSince: UInt64?
        var failure: Int32?
        var waiters: [MonotonicSemaphore] = []
    }

    private let descriptor: Int32
    private let style: ServiceLog.Style
    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    private let clock: any FrameClock

    /// Writes to `descriptor`, which stays the caller's and open. At most `capacity` bytes wait. `style` is that of the
    /// line which says how many were dropped. The thread lives as long as the process.
    public init(
        descriptor: Int32 = STDERR_FILENO, style: ServiceLog.Style = .suitable, capacity: Int = 1 << 20,
        clock: any FrameClock = SystemClock()
    ) throws(ThreadError) {
        self.descriptor = descriptor
        self.style = style
        self.clock = clock
        state = Mutex(State(backlog: LogBacklog(capacity: capacity)))
        try NamedThread("log") { [self] in run() }
    }

    /// Queues whole lines, with their ends. Never waits.
    public func write(_ lines: String) {
        state.withLock { $0.backlog.add(lines) }
        wake.signal()
    }

    /// Waits until everything is written, `seconds` at most. Says whether it is.
    @discardableResult
    public func flush(seconds: Double) -> Bool {
        let done = MonotonicSemaphore()
        let isIdle = state.withLock { state in
            if state.writingSince == nil, state.backlog.isEmpty { return true }
            state.waiters.append(done)
            return false
        }
        return isIdle || done.wait(timeout: .now() + seconds) == .success
    }

    /// How it is doing now.
    public var snapshot: Snapshot {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            Snapshot(
                queued: state.backlog.waitingLines, dropped: state.backlog.dropped,
                blockedSeconds: state.writingSince.flatMap { since in
                    now > since ? Double((now - since) / 1_000_000) / 1000 : nil
                }, error: state.failure.map { String(cString: strerror($0)) })
        }
    }

    // MARK: - The thread

    private func run() {
        // A line that was cut off by a failure is ended before the next one.
        var isAmidLine = false
        while true {
            guard let entry = nextEntry() else {
                wake.wait()
                continue
            }
            var bytes: [UInt8] = isAmidLine ? [UInt8(ascii: "\n")] : []
            if entry.missing > 0 { bytes += Array(report(entry.missing).utf8) }
            bytes += entry.bytes
            let (written, failure) = put(bytes)
            if written > 0 { isAmidLine = bytes[written - 1] != UInt8(ascii: "\n") }
            state.withLock { state in
                state.failure = failure
                if failure == nil { state.backlog.wrote() } else { state.backlog.failed(entry) }
            }
        }
    }

    private func nextEntry() -> LogBacklog.Entry? {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            let entry = state.backlog.next()
            state.writingSince = entry == nil ? nil : now
            if entry == nil {
                for waiter in state.waiters { waiter.signal() }
                state.waiters.removeAll()
            }
            return entry
        }
    }

    private func report(_ missing: UInt64) -> String {
        ServiceLog.line(
            .warning,
            "\(missing) line\(missing == 1 ? "" : "s") of the log could not be written and "
                + "\(missing == 1 ? "is" : "are") missing here: nobody read standard error, or its disk was full",
            style: style)
    }

    /// Writes all of `bytes`, however long that takes. Answers how many were written, and what failed.
    private func put(_ bytes: [UInt8]) -> (written: Int, failure: Int32?) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                written += count
                let now = clock.monotonicNanoseconds
                state.withLock { $0.writingSince = now }
                continue
            }
            switch count < 0 ? errno : EIO {
            case EINTR: continue
            case EAGAIN:
                // Whoever started the service made the descriptor non-blocking.
                var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&polled, 1, 1000)
            case let code: return (written, code)
            }
        }
        return (written, nil)
    }
}
