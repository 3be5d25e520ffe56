import Glibc
import MediaIO
import Operations
import Synchronization
import Threads

/// SIGTERM, SIGINT and SIGHUP, taken by one thread that needs nothing else of the process: they work however stuck the
/// rest is.
///
/// The signals are blocked in every thread, so `begin` comes before any other thread is made. Until a command listens,
/// each signal does what it always does. After one that a command takes as the order to end, the process ends within
/// `patience` seconds, if need be with a message and status 70.
final class SignalThread: Sendable {
    /// What a command makes of a signal.
    enum Reaction {
        /// It goes on.
        case goOn
        /// It ends by itself, soon.
        case end
        /// It ends now.
        case endNow
    }

    /// Seconds that a command may take to end by itself; less than systemd's `TimeoutStopSec`.
    static let patience = SegmentationService.stopTimeout

    private struct State {
        var numbers: Set<Int32> = []
        var handler: (@Sendable (Int32) -> Reaction)?
        var deadline: UInt64?
    }

    private static let numbers = [SIGTERM, SIGINT, SIGHUP]
    private static let shared = SignalThread()
    private let state = Mutex(State())
    /// Those that the caller wants ignored, as nohup does with SIGHUP and shells do with SIGINT behind `&`.
    private let ignored = SignalThread.numbers.filter(isIgnored)

    private init() {}

    /// Blocks the signals in this thread, and with it in all that it makes, and starts the thread that takes them.
    static func begin() throws(ThreadError) {
        let shared = shared
        var set = signals
        pthread_sigmask(SIG_BLOCK, &set, nil)
        do {
            try NamedThread("signals") { shared.run() }
        } catch {
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            throw error
        }
    }

    /// Calls `handler` with each signal that comes, one after the other, on the thread; it must not block. Ignored ones
    /// stay ignored, except those in `always`.
    static func listen(always: Set<Int32> = [], _ handler: @escaping @Sendable (Int32) -> Reaction) {
        shared.state.withLock { state in
            state.numbers = Set(numbers.filter { !shared.ignored.contains($0) }).union(always)
            state.handler = handler
        }
    }

    private static var signals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers { sigaddset(&set, number) }
        return set
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    // MARK: - The thread

    private func run() {
        while true {
            let number = next()
            if number > 0 { received(number) }
            if let deadline = state.withLock({ $0.deadline }), Self.now() >= deadline { overdue() }
        }
    }

    /// The next signal; 0 or less where the deadline passed or the wait was interrupted.
    private func next() -> Int32 {
        var set = Self.signals
        guard let deadline = state.withLock({ $0.deadline }) else { return sigwaitinfo(&set, nil) }
        let (now, nanoseconds) = (Self.now(), 1_000_000_000 as UInt64)
        let rest = deadline > now ? deadline - now : 0
        var time = timespec(tv_sec: Int(rest / nanoseconds), tv_nsec: Int(rest % nanoseconds))
        return sigtimedwait(&set, nil, &time)
    }

    private func received(_ number: Int32) {
        let (handler, isWanted) = state.withLock { ($0.handler, $0.numbers.contains(number)) }
        guard let handler else {
            if !ignored.contains(number) { die(of: number) }
            return
        }
        guard isWanted else { return }
        switch handler(number) {
        case .goOn: return
        case .end:
            let end = Self.now() + UInt64(Self.patience) * 1_000_000_000
            state.withLock { $0.deadline = $0.deadline ?? end }
        case .endNow:
            leave(128 + number)
        }
    }

    /// Ends the process as the signal does that nobody takes.
    private func die(of number: Int32) {
        removeTemporaryFiles()
        signal(number, SIG_DFL)
        var set = Self.signals
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        raise(number)
        _exit(128 + number)
    }

    private func overdue() {
        StandardError.writeUnlessBlocked(
            "segmentd: stopping took longer than \(Self.patience) s; giving up, outputs are not completed\n")
        leave(ExitStatus.software.rawValue)
    }

    private func leave(_ status: Int32) -> Never {
        removeTemporaryFiles()
        _exit(status)
    }

    /// Removes them, unless the disk does not answer: then the kernel ends the process after a second.
    private func removeTemporaryFiles() {
        signal(SIGALRM, SIG_DFL)
        alarm(1)
        PartialFile.removeAll()
        alarm(0)
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
