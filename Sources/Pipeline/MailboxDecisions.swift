/// What a mailbox between two stages decides: who waits, what is replaced, when it is over.
///
/// A pure value without locks or threads; `Mailbox` puts it between threads.
public struct MailboxDecisions<Element> {
    /// What happens when the stage behind is slower than the stage before.
    public enum Delivery: Hashable, Sendable {
        /// Nothing is lost and order is kept: with `capacity` elements waiting, the sender waits.
        case everyFrame(capacity: Int)
        /// The sender never waits: one element waits at most, and a newer one takes its place.
        case newest
    }

    /// The answer to a sender.
    public enum Offer {
        /// The element waits for the receiver.
        case stored
        /// The element waits; the one that waited before is handed back, and will never be received.
        case replaced(Element)
        /// There is no room: try again after an element was taken.
        case wait
        /// The mailbox is closed; the element was not taken.
        case refused
    }

    /// The answer to a receiver.
    public enum Take {
        /// The oldest element that waited.
        case element(Element)
        /// Nothing is there yet: try again after an element was stored.
        case wait
        /// Nothing is there and nothing will come.
        case ended
    }

    /// How many elements can wait.
    public let capacity: Int
    private let replaces: Bool
    private var waiting: [Element] = []
    private var isClosed = false

    /// An open, empty mailbox. A capacity below 1 counts as 1.
    public init(_ delivery: Delivery) {
        switch delivery {
        case .everyFrame(let capacity):
            self.capacity = max(1, capacity)
            replaces = false
        case .newest:
            capacity = 1
            replaces = true
        }
        waiting.reserveCapacity(capacity)
    }

    /// How many elements wait.
    public var count: Int { waiting.count }

    /// A sender has `element`.
    public mutating func offer(_ element: Element) -> Offer {
        if isClosed { return .refused }
        if waiting.count < capacity {
            waiting.append(element)
            return .stored
        }
        guard replaces else { return .wait }
        let old = waiting.removeFirst()
        waiting.append(element)
        return .replaced(old)
    }

    /// The receiver is ready for an element.
    public mutating func take() -> Take {
        guard waiting.isEmpty else { return .element(waiting.removeFirst()) }
        return isClosed ? .ended : .wait
    }

    /// The sender is done: what waits is still received, then the mailbox has ended.
    public mutating func close() { isClosed = true }

    /// The receiver is gone: nothing more is taken in, and what waited is handed back.
    public mutating func discard() -> [Element] {
        isClosed = true
        defer { waiting.removeAll() }
        return waiting
    }
}
