import Dispatch
import Synchronization
import Threads

/// A bounded mailbox from one stage's queue to the next: one sender, one receiver, both may block.
///
/// What it does is decided by `MailboxDecisions`; here is only the lock and the waking up.
public final class Mailbox<Element: Sendable>: Sendable {
    /// What became of an element that was sent.
    public enum Sent: Sendable {
        /// It waits for the receiver, or was received already.
        case delivered
        /// It waits; an older one that waited will never be received.
        case replaced(Element)
        /// The mailbox was closed; it was not taken.
        case refused
    }

    private struct State {
        var decisions: MailboxDecisions<Element>
        var senderWaits = false
        var receiverWaits = false
    }

    private let state: Mutex<State>
    private let room = DispatchSemaphore(value: 0)
    private let arrival = MonotonicSemaphore()

    /// An open, empty mailbox.
    public init(_ delivery: MailboxDecisions<Element>.Delivery) {
        state = Mutex(State(decisions: MailboxDecisions(delivery)))
    }

    /// Sends an element; blocks only where every frame counts and there is no room.
    public func send(_ element: Element) -> Sent {
        while true {
            let offer = state.withLock { state in
                let offer = state.decisions.offer(element)
                if case .wait = offer { state.senderWaits = true } else { wakeReceiver(&state) }
                return offer
            }
            switch offer {
            case .stored: return .delivered
            case .replaced(let old): return .replaced(old)
            case .refused: return .refused
            case .wait: room.wait()
            }
        }
    }

    /// The oldest element; blocks until there is one. Nil when the mailbox is closed and empty.
    public func receive() -> Element? {
        while true {
            let take = state.withLock { state in
                let take = state.decisions.take()
                if case .wait = take { state.receiverWaits = true } else { wakeSender(&state) }
                return take
            }
            switch take {
            case .element(let element): return element
            case .ended: return nil
            case .wait: arrival.wait()
            }
        }
    }

    /// What a receiver that waits for a limited time gets.
    public enum Received: Sendable {
        /// The oldest element.
        case element(Element)
        /// Nothing came in time.
        case nothing
        /// The mailbox is closed and empty.
        case ended
    }

    /// The oldest element; blocks until there is one, but no longer than so many nanoseconds.
    public func receive(within nanoseconds: UInt64) -> Received {
        let deadline = DispatchTime.now() + .nanoseconds(Int(clamping: nanoseconds))
        while true {
            let take = state.withLock { state in
                let take = state.decisions.take()
                if case .wait = take { state.receiverWaits = true } else { wakeSender(&state) }
                return take
            }
            switch take {
            case .element(let element): return .element(element)
            case .ended: return .ended
            case .wait:
                guard arrival.wait(timeout: deadline) == .timedOut else { continue }
                // A sender that has just signalled leaves one signal behind, which only makes a later wait look again.
                state.withLock { $0.receiverWaits = false }
                return .nothing
            }
        }
    }

    /// The oldest element, where one waits.
    public func takeNow() -> Element? {
        state.withLock { state in
            guard case .element(let element) = state.decisions.take() else { return nil }
            wakeSender(&state)
            return element
        }
    }

    /// The sender is done; the receiver still gets what waits.
    public func close() {
        state.withLock { state in
            state.decisions.close()
            wakeReceiver(&state)
            wakeSender(&state)
        }
    }

    /// The receiver is gone: senders are refused from now on. Hands back what waited.
    public func discard() -> [Element] {
        state.withLock { state in
            wakeReceiver(&state)
            wakeSender(&state)
            return state.decisions.discard()
        }
    }

    private func wakeReceiver(_ state: inout State) {
        if state.receiverWaits { arrival.signal() }
        state.receiverWaits = false
    }

    private func wakeSender(_ state: inout State) {
        if state.senderWaits { room.signal() }
        state.senderWaits = false
    }
}
