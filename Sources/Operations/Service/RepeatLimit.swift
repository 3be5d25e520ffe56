/// Decides which of many like messages to log: the first, and then one an interval with the number left out.
public struct RepeatLimit: Sendable {
    private let interval: UInt64
    private var lastLogged: [String: UInt64] = [:]
    private var leftOut: [String: Int] = [:]

    /// One message an `interval` (nanoseconds) of each kind.
    public init(interval: UInt64) { self.interval = interval }

    /// The kinds whose interval is over and of which messages were left out, with how many; they begin anew.
    public mutating func overdue(at now: UInt64) -> [(kind: String, count: Int)] {
        let kinds = lastLogged.filter { now < $0.value || now - $0.value >= interval }.keys.sorted()
        return kinds.compactMap { kind in
            lastLogged[kind] = nil
            return leftOut.removeValue(forKey: kind).map { (kind, $0) }
        }
    }

    /// Whether to log a message of `kind` at `now` (nanoseconds): nil if not, else how many were left out before it.
    public mutating func admit(_ kind: String, at now: UInt64) -> Int? {
        if let last = lastLogged[kind], now >= last, now - last < interval {
            leftOut[kind, default: 0] += 1
            return nil
        }
        lastLogged[kind] = now
        return leftOut.removeValue(forKey: kind) ?? 0
    }
}
