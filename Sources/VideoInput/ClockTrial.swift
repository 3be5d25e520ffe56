/// Tells whether a sender's time stamps pass as time does, before they are used to call pictures late. Pure.
///
/// Some cameras stamp all pictures alike, or count at another rate than they announce. From a network that is too slow
/// this differs in one way only: it was so from the beginning.
struct ClockTrial: Sendable {
    /// Nanoseconds by our clock, and pictures, that a decision takes.
    static let least: UInt64 = 200_000_000
    static let pictures = 5
    /// A silence so long is the network's; what was seen before it does not count.
    static let longestSilence: UInt64 = 200_000_000

    private var began: (stamp: Int64, arrival: UInt64)?
    private var last: UInt64 = 0
    private var count = 0

    /// Whether the stamps keep time; nil as long as it cannot be told. Later calls begin another trial.
    mutating func keepsTime(stamp: Int64, arrival: UInt64) -> Bool? {
        defer { last = arrival }
        guard let began, arrival >= last, arrival - last <= Self.longestSilence else {
            (began, count) = ((stamp, arrival), 0)
            return nil
        }
        count += 1
        let passed = arrival - began.arrival
        guard count >= Self.pictures, passed >= Self.least else { return nil }
        let (counted, overflow) = stamp.subtractingReportingOverflow(began.stamp)
        (self.began, count) = ((stamp, arrival), 0)
        return !overflow && counted >= 0 && UInt64(counted) >= passed / 10 * 8
    }
}
