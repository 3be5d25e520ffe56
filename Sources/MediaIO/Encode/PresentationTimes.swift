import Imaging

/// Where each frame stands on the output's clock (`docs/decisions/0014-clocks-that-jump.md`).
///
/// Usually the output keeps the source's pace: it starts at 0 (or less than a second later, as a video does that waits
/// for its sound, which may be put beside the output), every step of the source's time stamps is kept as long
/// as it may be a gap, and after a jump (backwards, or forwards by more than 10 s and ten frame intervals) it goes on at
/// the frame rate. With `isExact` the stamps are kept as they are, as far as a container can hold them: they rise, none
/// is negative, and no step is longer than `longestStep`.
///
/// A stamp that falls behind by a few frames is no jump, for decoders and muxers confuse the order: it is moved up by as
/// little as needed. Frames without a stamp follow at the frame rate.
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
    /// Seconds that a gap may last. Players and FFmpeg take a longer one for a jump of the clock, too.
    private static let longestGap = 10.0
    /// Seconds from 0 that a first frame may stay.
    private static let latestOrigin = 1.0
    /// Frame intervals that a gap may last in a film of few frames, such as a slide show.
    private static let longestGapInFrames: Int64 = 10
    /// Frame intervals that a stamp may fall behind, for frames in the wrong order.
    private static let deepestReordering: Int64 = 4

    /// Seconds a tick.
    let timeBase: Rational
    /// The longest step that the container can hold, in ticks.
    var longestStep = Self.latest
    private let isExact: Bool
    private let announced: Int64?
    private let gap: Int64
    private var shift: Int64 = 0
    private var last: Place?
    private var isLastCut = false
    private var lastTold: Int64?
    private var found = ClockCorrections()

    /// The clock of an output in `timeBase`; `frameRate` fills gaps in what is known (25 a second where nil).
    init(timeBase: Rational, frameRate: Rational?, isExact: Bool = false) {
        self.timeBase = timeBase
        self.isExact = isExact
        announced = frameRate.flatMap { $0.isPositive ? $0 : nil }.map {
            max(1, Self.rescale(1, from: Rational($0.denominator, $0.numerator), to: timeBase))
        }
        gap = Self.rescale(Int64(Self.longestGap), from: Rational(1, 1), to: timeBase)
    }

    /// What was corrected so far.
    var corrections: ClockCorrections {
        var all = found
        if isLastCut { all.jumps += 1 }
        return all
    }

    /// The place of the next frame, the `advance`th after the last one (more than 1 where some were left out).
    mutating func place(_ time: MediaTime?, duration: Int64, advance: Int = 1) -> Place {
        let usual = announced ?? max(1, Self.rescale(1, from: Rational(1, 25), to: timeBase))
        var length = usual
        if duration > 0 {
            length = max(1, time.map { Self.rescale(duration, from: $0.timeBase, to: timeBase) } ?? duration)
        }
        let advance = Int64(max(1, min(advance, 1 << 30)))
        let longest = longestStep(interval: announced ?? length, advance: 1)
        // Some containers tell a jump as the duration of the frame before it.
        let isCut = length > longest
        if isCut { length = min(usual, longest) }
        let start: Int64
        if let time {
            let stamp = Self.rescale(time.value, from: time.timeBase, to: timeBase)
            start = last.map { follow($0, stamp: stamp, advance: advance) } ?? begin(stamp)
        } else {
            start = last.map { next(after: $0, advance: advance) } ?? 0
        }
        let place = Place(start: start, duration: length)
        last = place
        // Where all frames tell the same it is the container's guess.
        isLastCut = isCut && duration != lastTold
        lastTold = duration
        return place
    }

    private mutating func begin(_ stamp: Int64) -> Int64 {
        let isKept = isExact ? stamp <= Self.latest : Double(stamp) * timeBase.value < Self.latestOrigin
        guard stamp < 0 || !isKept else { return stamp }
        shift = 0 &- stamp
        found.origin = Double(stamp) * timeBase.value
        return 0
    }

    private mutating func follow(_ last: Place, stamp: Int64, advance: Int64) -> Int64 {
        let (start, isWrong) = stamp.addingReportingOverflow(shift)
        let (step, isTooLong) = start.subtractingReportingOverflow(last.start)
        let interval = announced ?? last.duration
        if !isWrong, !isTooLong, start <= Self.latest {
            if step > 0, step <= longestStep(interval: interval, advance: advance) { return start }
            if step <= 0, step >= -saturated(interval, times: Self.deepestReordering) {
                found.nudges += 1
                return next(after: Place(start: last.start, duration: 1), advance: 1)
            }
        }
        let place = next(after: last, advance: advance)
        shift = place &- stamp
        found.jumps += 1
        return place
    }

    private func next(after last: Place, advance: Int64) -> Int64 {
        let step = max(1, min(saturated(last.duration, times: advance), longestStep))
        let (start, isBeyond) = last.start.addingReportingOverflow(step)
        return isBeyond ? .max : start
    }

    /// The longest step that is no jump, `advance` frames after the last one.
    private func longestStep(interval: Int64, advance: Int64) -> Int64 {
        if isExact { return longestStep }
        return min(
            max(gap, saturated(saturated(interval, times: advance), times: Self.longestGapInFrames)), longestStep)
    }

    private func saturated(_ value: Int64, times factor: Int64) -> Int64 {
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        return overflow ? Self.latest : min(product, Self.latest)
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
