import Imaging

/// Where each frame stands on the output's clock: the source's own time stamps wherever a container can hold them.
///
/// Containers want stamps that rise. A stamp that does not is moved up by as little as needed, a jump back of more than
/// a second (a looped or restarted source) carries on after the last frame, a start before zero or more than 48 hours
/// away from it (a camera that counts from the epoch) is moved to zero, and frames without a stamp follow at the frame
/// rate.
struct PresentationTimes {
    /// A frame's place, in ticks of `timeBase`.
    struct Place: Equatable {
        let start: Int64
        let duration: Int64

        /// Where the next one may start. A file that lies about its times gets as far as the clock goes.
        var end: Int64 { start + min(duration, max(0, .max - 1 - start)) }
    }

    /// A stamp beyond this is a lie: at a tick a nanosecond it lies a hundred years ahead.
    private static let latest: Int64 = 1 << 62

    /// Seconds a tick.
    let timeBase: Rational
    /// Frames whose stamp could not be kept.
    private(set) var adjusted = 0
    private let interval: Int64
    private var shift: Int64 = 0
    private var last: Place?

    /// The clock of an output in `timeBase`; `frameRate` fills gaps in what is known (25 a second where nil).
    init(timeBase: Rational, frameRate: Rational?) {
        self.timeBase = timeBase
        let rate = frameRate.flatMap { $0.isPositive ? $0 : nil } ?? Rational(25, 1)
        interval = max(1, Self.rescale(1, from: Rational(rate.denominator, rate.numerator), to: timeBase))
    }

    /// The place of the next frame.
    mutating func place(_ time: MediaTime?, duration: Int64) -> Place {
        var length = interval
        if duration > 0 {
            length = max(1, time.map { Self.rescale(duration, from: $0.timeBase, to: timeBase) } ?? duration)
        }
        let start: Int64
        length = min(length, Self.latest)
        if let time {
            start = settle(Self.rescale(time.value, from: time.timeBase, to: timeBase))
        } else {
            start = last?.end ?? 0
        }
        let place = Place(start: start, duration: length)
        last = place
        return place
    }

    private mutating func settle(_ stamp: Int64) -> Int64 {
        let second = max(1, Int64((1 / timeBase.value).rounded()))
        guard let last else {
            if stamp < 0 || stamp / second > 48 * 3600 {
                shift = 0 &- stamp
                adjusted += 1
            }
            return stamp &+ shift
        }
        var start = stamp &+ shift
        if start < last.start - second || start > Self.latest {
            shift &+= last.end &- start
            start = last.end
            adjusted += 1
        } else if start <= last.start {
            start = min(last.start, .max - 1) + 1
            adjusted += 1
        }
        return start
    }

    /// `value` ticks of `from` in ticks of `to`, to the nearest; saturates instead of overflowing.
    static func rescale(_ value: Int64, from: Rational, to: Rational) -> Int64 {
        guard from != to, from.isPositive, to.isPositive else { return value }
        let scale = from.numerator.multipliedReportingOverflow(by: to.denominator)
        let divisor = from.denominator.multipliedReportingOverflow(by: to.numerator)
        guard !scale.overflow, !divisor.overflow else {
            return Int64(exactly: (Double(value) * from.value / to.value).rounded()) ?? value
        }
        let product = value.magnitude.multipliedFullWidth(by: UInt64(scale.partialValue))
        let half = UInt64(divisor.partialValue) / 2
        let (low, carry) = product.low.addingReportingOverflow(half)
        let high = product.high + (carry ? 1 : 0)
        guard high < UInt64(divisor.partialValue) else { return value < 0 ? .min : .max }
        let quotient = UInt64(divisor.partialValue).dividingFullWidth((high, low)).quotient
        let magnitude = Int64(clamping: quotient)
        return value < 0 ? -magnitude : magnitude
    }
}
