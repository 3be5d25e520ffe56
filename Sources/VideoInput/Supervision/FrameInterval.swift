import Imaging

/// The time between two frames of a source: what the stream announces, and what is measured. Pure.
struct FrameInterval: Hashable, Sendable {
    /// Announced rates outside of this are mistakes: some streams give their clock's rate as their frame rate.
    private static let plausible = 0.05...300.0
    /// So many of the last intervals count; one long silence among them changes nothing.
    private static let measured = 9

    private var announced: UInt64?
    private var last: UInt64?
    private var intervals: [UInt64] = []
    private var position = 0

    /// A source that announces `rate` frames a second, where it does.
    init(rate: Rational? = nil) {
        guard let rate, rate.isPositive, Self.plausible.contains(rate.value) else { return }
        announced = UInt64(1e9 / rate.value)
    }

    /// A frame came at `now`, in nanoseconds.
    mutating func frame(at now: UInt64) {
        defer { last = now }
        guard let last, now > last else { return }
        advance(by: now - last)
    }

    /// A frame came so many nanoseconds after the one before.
    mutating func advance(by step: UInt64) {
        guard step > 0 else { return }
        if intervals.count < Self.measured {
            intervals.append(step)
        } else {
            intervals[position] = step
            position = (position + 1) % Self.measured
        }
    }

    /// Nanoseconds from a frame to the next, the longer of what is announced and what is measured: a camera that
    /// exposes longer at night is no camera that stalls. Nil where neither tells.
    var nanoseconds: UInt64? {
        let median = intervals.count >= 3 ? intervals.sorted()[intervals.count / 2] : nil
        guard let announced else { return median }
        return max(announced, median ?? 0)
    }
}
