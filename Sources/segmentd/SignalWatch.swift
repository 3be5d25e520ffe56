import Glibc
import Synchronization

/// Tells of SIGINT, SIGTERM and SIGHUP instead of dying of them; the second one ends the process at once.
final class SignalWatch: Sendable {
    private struct State {
        var received: Int32?
        var handler: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    init() { SignalThread.listen { [self] in received($0) } }

    /// The signal that came, if one did.
    var signalNumber: Int32? { state.withLock { $0.received } }

    /// The code to end with after the signal that came.
    var exitStatus: ExitStatus? { signalNumber.flatMap { ExitStatus(rawValue: 128 + $0) } }

    /// Calls `handler` at the first signal; at once where it came already.
    func onSignal(_ handler: (@Sendable () -> Void)?) {
        let isLate = state.withLock { state in
            state.handler = handler
            return state.received != nil
        }
        if isLate { handler?() }
    }

    private func received(_ number: Int32) -> SignalThread.Reaction {
        let (handler, isFirst) = state.withLock { state in
            defer { state.received = state.received ?? number }
            return (state.handler, state.received == nil)
        }
        guard isFirst else { return .endNow }
        handler?()
        return .end
    }
}
