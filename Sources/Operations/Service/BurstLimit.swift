/// Decides which of many messages to log: a number of each kind in each interval. The rest is left out and counted.
/// A pure value.
public struct BurstLimit: Sendable {
    /// What to log.
    public struct Decision: Equatable, Sendable {
        /// Whether to log the message.
        public var isAdmitted: Bool
        /// Messages of its kind that were left out in the interval before, to be logged first.
        public var leftOut: Int

        /// A message that is written or not, after `leftOut` that were not.
        public init(isAdmitted: Bool, leftOut: Int) {
            self.isAdmitted = isAdmitted
            self.leftOut = leftOut
        }
    }

    private struct Interval {
        var began: UInt64
        var admitted = 0
        var leftOut = 0
    }

    private let count: Int
    private let length: UInt64
    private var intervals: [String: Interval] = [:]

    /// At most `count` messages of a kind in `interval` nanoseconds.
    public init(count: Int = 20, interval: UInt64 = 60_000_000_000) {
        self.count = count
        length = interval
    }

    /// Whether to log a message of `kind` at `now` (nanoseconds).
    public mutating func admit(_ kind: String, at now: UInt64) -> Decision {
        var interval = intervals[kind] ?? Interval(began: now)
        var leftOut = 0
        if now < interval.began || now - interval.began >= length {
            leftOut = interval.leftOut
            interval = Interval(began: now)
        }
        let isAdmitted = interval.admitted < count
        if isAdmitted { interval.admitted += 1 } else { interval.leftOut += 1 }
        intervals[kind] = interval
        return Decision(isAdmitted: isAdmitted, leftOut: leftOut)
    }
}
