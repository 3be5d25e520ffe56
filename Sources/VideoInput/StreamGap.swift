import Imaging

/// Tells by a stream's time stamps that pictures are missing between two that came. Pure.
///
/// A camera that halted goes on with a picture that refers to those nobody got, and numbers may fit by chance.
struct StreamGap: Sendable {
    /// As a source counts as stalled: after so many frame intervals, and never before so many nanoseconds.
    static let intervals: UInt64 = 3
    static let least: UInt64 = 500_000_000

    private var interval: FrameInterval
    private var last: Int64?

    /// A stream that announces `rate` frames a second, where it does.
    init(rate: Rational? = nil) { interval = FrameInterval(rate: rate) }

    /// Whether pictures are missing before the one with this time `stamp`, in nanoseconds.
    mutating func precedes(_ stamp: Int64) -> Bool {
        defer { last = stamp }
        guard let last else { return false }
        let (step, overflow) = stamp.subtractingReportingOverflow(last)
        guard !overflow, step >= 0 else { return true }
        let longest = max(
            (interval.nanoseconds ?? 0).multipliedReportingOverflow(by: Self.intervals).partialValue, Self.least)
        // Only distances count here, not when the stream began.
        interval.advance(by: UInt64(step))
        return UInt64(step) > longest
    }
}
