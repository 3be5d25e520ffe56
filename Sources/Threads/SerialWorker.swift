import Dispatch
import Glibc
import Synchronization

/// Runs closures one after the other, in the order in which they came, on one named thread of its own: a serial queue
/// that needs no thread of Dispatch's and may block.
///
/// The thread exists from `init` on, so that a lack of threads shows there. When the worker is released the thread does
/// what waits, and ends.
public final class SerialWorker: Sendable {
    private final class Core: Sendable {
        struct State {
            var waiting: [@Sendable () -> Void] = []
            var isEnding = false
            var thread: pthread_t?
        }

        let state = Mutex(State())
        let arrival = DispatchSemaphore(value: 0)

        func run() {
            state.withLock { $0.thread = pthread_self() }
            while true {
                arrival.wait()
                let (work, isEnding) = state.withLock { state in
                    defer { state.waiting.removeAll() }
                    return (state.waiting, state.isEnding)
                }
                for item in work { item() }
                if isEnding { return }
            }
        }
    }

    private let core: Core

    /// A worker whose thread is called `name` (cut to 15 bytes); `niceness` above 0 lets other threads go first.
    public init(
        _ name: String, stackBytes: Int = NamedThread.stackBytes, niceness: Int32 = 0
    ) throws(ThreadError) {
        let core = Core()
        self.core = core
        try NamedThread(name, stackBytes: stackBytes, niceness: niceness) { core.run() }
    }

    deinit {
        core.state.withLock { $0.isEnding = true }
        core.arrival.signal()
    }

    /// Has `work` run after all that came before; returns at once.
    public func async(_ work: @escaping @Sendable () -> Void) {
        core.state.withLock { $0.waiting.append(work) }
        core.arrival.signal()
    }

    /// Runs `work` after all that came before, and returns what it returns. It runs on the caller's thread while the
    /// worker waits for it, so it must not call `sync` again. On the worker's own thread it runs at once.
    public func sync<Result>(_ work: () throws -> Result) rethrows -> Result {
        if core.state.withLock({ $0.thread }).map({ pthread_equal($0, pthread_self()) != 0 }) ?? false {
            return try work()
        }
        // The worker's thread does nothing but wait meanwhile, so the caller's thread may do it in its place.
        let (reached, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        async {
            reached.signal()
            done.wait()
        }
        reached.wait()
        defer { done.signal() }
        return try work()
    }
}
