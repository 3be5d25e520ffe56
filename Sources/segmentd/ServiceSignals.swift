import Glibc
import Synchronization

/// The signals of a service: SIGTERM and SIGINT end it, a second one at once; SIGHUP reads its configuration again.
///
/// What comes before somebody listens is kept.
final class ServiceSignals: Sendable {
    private struct State {
        var stop: Int32?
        var isReloadDue = false
        var onStop: (@Sendable () -> Void)?
        var onReload: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    init() { SignalThread.listen(always: [SIGTERM, SIGINT, SIGHUP]) { [self] in received($0) } }

    /// Whether it is to end.
    var isStopping: Bool { state.withLock { $0.stop != nil } }

    /// Calls `handler` when it is to end; at once where that was said already.
    func onStop(_ handler: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            state.onStop = handler
            return state.stop != nil
        }
        if isLate { handler() }
    }

    /// Calls `handler` each time the configuration is to be read again; once at once where that was asked for already.
    func onReload(_ handler: @escaping @Sendable () -> Void) {
        let isDue = state.withLock { state in
            state.onReload = handler
            defer { state.isReloadDue = false }
            return state.isReloadDue
        }
        if isDue { handler() }
    }

    private func received(_ number: Int32) -> SignalThread.Reaction {
        if number == SIGHUP {
            let handler = state.withLock { state in
                state.isReloadDue = state.onReload == nil
                return state.onReload
            }
            handler?()
            return .goOn
        }
        let (handler, isFirst) = state.withLock { state in
            defer { state.stop = state.stop ?? number }
            return (state.onStop, state.stop == nil)
        }
        guard isFirst else { return .endNow }
        handler?()
        return .end
    }
}
