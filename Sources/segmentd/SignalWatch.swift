import Glibc
import MediaIO
import Synchronization

/// Tells of SIGINT, SIGTERM and SIGHUP instead of dying of them; the second one ends the process at once.
final class SignalWatch: Sendable {
    private struct State {
        var received: Int32?
        var handler: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let sources: SignalSources

    init() {
        sources = SignalSources([SIGINT, SIGTERM, SIGHUP].filter { !Self.isIgnored($0) })
        sources.activate { [weak self] in self?.received($0) }
    }

    /// The signal that came, if one did.
    var signalNumber: Int32? { state.withLock { $0.received } }

    /// The code to end with after the signal that came.
    var exitStatus: ExitStatus? { signalNumber.flatMap { ExitStatus(rawValue: 128 + $0) } }

    /// Whether the caller wants `number` ignored, as nohup does with SIGHUP and shells do with SIGINT behind `&`.
    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(number, nil, &action) == 0 else { return false }
        return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }

    /// Calls `handler` at the first signal; at once where it came already.
    func onSignal(_ handler: (@Sendable () -> Void)?) {
        let isLate = state.withLock { state in
            state.handler = handler
            return state.received != nil
        }
        if isLate { handler?() }
    }

    private func received(_ number: Int32) {
        let handler = state.withLock { state -> (@Sendable () -> Void)? in
            if state.received != nil {
                PartialFile.removeAll()
                _exit(128 + number)
            }
            state.received = number
            return state.handler
        }
        handler?()
    }
}
