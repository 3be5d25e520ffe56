import Dispatch

/// Signals, watched through Dispatch on a queue of their own. The sources do not change after `init`.
struct SignalSources: @unchecked Sendable {
    private let sources: [(number: Int32, source: any DispatchSourceSignal)]

    init(_ numbers: [Int32]) {
        let queue = DispatchQueue(label: "segmentd.signals")
        sources = numbers.map { ($0, DispatchSource.makeSignalSource(signal: $0, queue: queue)) }
    }

    /// Calls `handler` with each signal that comes, one after the other.
    ///
    /// Returns when the signals are watched; until then they do what they always do. To ignore them first would lose one
    /// that comes before Dispatch, on a thread of its own, has taken them over.
    func activate(_ handler: @escaping @Sendable (Int32) -> Void) {
        let registered = DispatchGroup()
        for (number, source) in sources {
            source.setEventHandler { handler(number) }
            registered.enter()
            source.setRegistrationHandler { registered.leave() }
            source.activate()
        }
        registered.wait()
    }
}
