import Imaging

/// Which capture time to believe: the source's own stamp or the arrival of the data. Pure.
///
/// The wall clock counts once, to compare a sender's clock with ours; from then on frames are placed by the monotonic
/// clock, so that a wall clock that jumps changes no age.
struct CaptureClock: Sendable {
    /// A stamp older than this, or this far in the future, comes from a clock that is not ours.
    static let longestDelay: Int64 = 10_000_000_000
    static let clockTolerance: Int64 = 100_000_000

    /// What a source says of a frame's time, in nanoseconds.
    enum Stamp: Hashable, Sendable {
        /// Since the epoch, by the clock of the sender.
        case epoch(Int64)
        /// Of this machine's CLOCK_MONOTONIC, or since the epoch: V4L2 drivers give the one or the other.
        case driver(Int64)
    }

    /// The wall clock less the monotonic one when a stamp was last found to agree with ours.
    private var anchor: Int64?

    /// The capture time of data that arrived at `arrival` and that its source stamped so.
    mutating func capture(arrival: CaptureTime, stamped stamp: Stamp?) -> CaptureTime {
        let now = Int64(clamping: arrival.monotonicNanoseconds)
        switch stamp {
        case nil: return arrival
        case .driver(let time):
            if let age = Self.age(now &- time) { return Self.back(arrival, by: age, .driver) }
            return byWallClock(arrival, time, .driver)
        case .epoch(let time): return byWallClock(arrival, time, .senderReport)
        }
    }

    private mutating func byWallClock(_ arrival: CaptureTime, _ time: Int64, _ origin: CaptureOrigin) -> CaptureTime {
        let now = Int64(clamping: arrival.monotonicNanoseconds)
        if let anchor, let age = Self.age(now &+ anchor &- time) { return Self.back(arrival, by: age, origin) }
        guard let age = Self.age(arrival.epochNanoseconds &- time) else { return arrival }
        anchor = arrival.epochNanoseconds &- now
        return Self.back(arrival, by: age, origin)
    }

    /// How old data is that took `delay` to arrive; nil where that cannot be.
    private static func age(_ delay: Int64) -> UInt64? {
        // Nothing arrives before it is captured.
        delay >= -clockTolerance && delay <= longestDelay ? UInt64(max(delay, 0)) : nil
    }

    private static func back(_ arrival: CaptureTime, by age: UInt64, _ origin: CaptureOrigin) -> CaptureTime {
        guard arrival.monotonicNanoseconds >= age else { return arrival }
        return CaptureTime(
            epochNanoseconds: arrival.epochNanoseconds - Int64(age),
            monotonicNanoseconds: arrival.monotonicNanoseconds - age, origin: origin)
    }
}
