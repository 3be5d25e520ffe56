/// How much later than usual a stream delivers, by its own time stamps. Pure; times are nanoseconds.
///
/// A network that stalls delivers old pictures when it goes on: they arrive now and were taken seconds ago. Arrival
/// less time stamp is least where nothing was in the way; what a frame has more than that is its delay. The least is
/// that of the last 10 to 20 s, so that clocks may drift.
struct DeliveryDelay: Sendable {
    static let window: UInt64 = 10_000_000_000
    /// Stamps that lose more than this against our clock in a window do not count time as it passes.
    static let longestDrift: Int64 = 100_000_000
    static let longestDelay: Int64 = 10_000_000_000
    /// A picture that seems to come so much earlier than any before has a strange stamp, until the next one does too.
    static let longestLead: Int64 = 50_000_000

    private var least: Int64?
    private var leastBefore: Int64?
    private var windowBegan: UInt64 = 0
    private var lastStamp: Int64?
    private var lead: Int64?
    private var isBelieved = true
    private var trial: ClockTrial? = ClockTrial()

    /// The delay of a frame with this time `stamp` that arrived at `arrival`; 0 where nothing tells.
    mutating func delay(stamp: Int64, arrival: UInt64) -> UInt64 {
        let (offset, overflow) = Int64(clamping: arrival).subtractingReportingOverflow(stamp)
        guard !overflow else { return 0 }
        // Stamps that go back belong to another clock than those before.
        if let lastStamp, stamp < lastStamp { restart() }
        lastStamp = stamp
        attend(stamp: stamp, arrival: arrival)
        if least == nil, leastBefore == nil { windowBegan = arrival }
        if arrival &- windowBegan >= Self.window { turn(at: arrival) }
        guard let earliest = confirmed(offset) else { return 0 }
        least = min(least ?? earliest, earliest)
        let delay = offset &- min(least ?? offset, leastBefore ?? offset)
        guard delay <= Self.longestDelay else {
            restart()
            (least, windowBegan) = (offset, arrival)
            return 0
        }
        return isBelieved ? UInt64(max(delay, 0)) : 0
    }

    /// The sender's clock was set: what follows is not compared with what was before.
    mutating func restart() { (least, leastBefore, lastStamp, lead) = (nil, nil, nil, nil) }

    /// The offset that may count as the least; nil where it is far below the others for the first time.
    private mutating func confirmed(_ offset: Int64) -> Int64? {
        guard let known = [least, leastBefore].compactMap({ $0 }).min(), offset < known &- Self.longestLead else {
            lead = nil
            return offset
        }
        defer { lead = offset }
        return lead.map { max($0, offset) }
    }

    /// Whether the stamps count time at all shows within a second.
    private mutating func attend(stamp: Int64, arrival: UInt64) {
        guard let keepsTime = trial?.keepsTime(stamp: stamp, arrival: arrival) else { return }
        isBelieved = keepsTime
        if keepsTime { trial = nil }
    }

    private mutating func turn(at arrival: UInt64) {
        if trial == nil, let least, let leastBefore { isBelieved = least &- leastBefore <= Self.longestDrift }
        (leastBefore, least, windowBegan) = (least ?? leastBefore, nil, arrival)
    }
}
