import Synchronization
import Threads

/// Runs reloads one after the other on a thread of its own. Requests that come before the next reload begins share it:
/// a thousand SIGHUPs are two reloads, and whoever asks last need not wait for all of them.
public final class ReloadQueue: Sendable {
    /// What a reload came to.
    public typealias Outcome = Result<ControlAnswers.Reload, ControlError>

    private let worker: SerialWorker
    private let waiting = Mutex<[@Sendable (Outcome) -> Void]>([])

    /// A queue with its thread. Throws where the system gives none.
    public init() throws(ThreadError) { worker = try SerialWorker("reload") }

    /// Has `reload` run once after this call, and tells `done` what it came to. Returns at once.
    public func request(_ done: @escaping @Sendable (Outcome) -> Void, reload: @escaping @Sendable () -> Outcome) {
        let isFirst = waiting.withLock { waiting in
            waiting.append(done)
            return waiting.count == 1
        }
        guard isFirst else { return }
        worker.async { [self] in
            // Whoever asks from here on may have changed the file again: that is the next reload.
            let asking = waiting.withLock { waiting in
                defer { waiting.removeAll() }
                return waiting
            }
            let outcome = reload()
            for done in asking { done(outcome) }
        }
    }
}
