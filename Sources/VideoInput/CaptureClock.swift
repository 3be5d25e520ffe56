import Imaging

/// Which capture time to believe: the source's own stamp or the arrival of the data.
enum CaptureClock {
    /// A stamp older than this, or this far in the future, comes from a clock that is not ours.
    static let longestDelay: Int64 = 10_000_000_000
    static let clockTolerance: Int64 = 100_000_000

    /// The capture time of data that arrived at `arrival` and that `origin` stamped `epochNanoseconds`; nil where it
    /// gave no stamp.
    static func capture(arrival: CaptureTime, stamped epochNanoseconds: Int64?, by origin: CaptureOrigin) -> CaptureTime
    {
        guard let stamp = epochNanoseconds else { return arrival }
        let delay = arrival.epochNanoseconds &- stamp
        guard delay >= -clockTolerance, delay <= longestDelay else { return arrival }
        // Nothing arrives before it is captured.
        let age = UInt64(max(delay, 0))
        guard arrival.monotonicNanoseconds >= age else { return arrival }
        return CaptureTime(
            epochNanoseconds: arrival.epochNanoseconds - Int64(age),
            monotonicNanoseconds: arrival.monotonicNanoseconds - age, origin: origin)
    }
}
