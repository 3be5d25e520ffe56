import Imaging

/// Which capture time to believe: the source's own stamp or the arrival of the data. Pure.
///
/// Where only arrival is known, data that was delivered late counts as old as it is (`DeliveryDelay`).
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
    private var delays = DeliveryDelay()
    /// The sender's wall clock less the stream's time, as it was with the last frame.
    private var mapping: Int64?
    /// The same where it is known to be wrong: from when the stream's clock was set until the sender's next report.
    private var outdated: Int64?

    /// The capture time of data that arrived at `arrival` and that its source stamped so. `streamTime` is its time in
    /// the stream in nanoseconds, nil where that does not pass as time does.
    mutating func capture(arrival: CaptureTime, stamped stamp: Stamp?, streamTime: Int64? = nil) -> CaptureTime {
        let now = Int64(clamping: arrival.monotonicNanoseconds)
        let delay = streamTime.map { delays.delay(stamp: $0, arrival: arrival.monotonicNanoseconds) } ?? 0
        switch stamp {
        case nil: break
        case .driver(let time):
            if let age = Self.age(now &- time) { return arrival.earlier(by: age, origin: .driver) }
            if let known = byWallClock(arrival, time, .driver) { return known }
        case .epoch(let time):
            if !isOutdated(time, streamTime), let known = byWallClock(arrival, time, .senderReport) { return known }
        }
        return arrival.earlier(by: delay)
    }

    /// The sender's clock was set, by the time stamp that comes next.
    mutating func clockWasSet() {
        delays.restart()
        outdated = mapping
    }

    /// Whether the sender's report is of before its clock was set. A report's own uncertainty is far below the least
    /// difference that counts as such (`StreamGap`).
    private mutating func isOutdated(_ time: Int64, _ streamTime: Int64?) -> Bool {
        guard let streamTime else { return false }
        let now = time &- streamTime
        mapping = now
        guard let outdated else { return false }
        let isSame = (now &- outdated).magnitude < 250_000_000
        if !isSame { self.outdated = nil }
        return isSame
    }

    private mutating func byWallClock(_ arrival: CaptureTime, _ time: Int64, _ origin: CaptureOrigin) -> CaptureTime? {
        let now = Int64(clamping: arrival.monotonicNanoseconds)
        if let anchor, let age = Self.age(now &+ anchor &- time) { return arrival.earlier(by: age, origin: origin) }
        guard let age = Self.age(arrival.epochNanoseconds &- time) else { return nil }
        anchor = arrival.epochNanoseconds &- now
        return arrival.earlier(by: age, origin: origin)
    }

    /// How old data is that took `delay` to arrive; nil where that cannot be.
    private static func age(_ delay: Int64) -> UInt64? {
        // Nothing arrives before it is captured.
        delay >= -clockTolerance && delay <= longestDelay ? UInt64(max(delay, 0)) : nil
    }
}
