import Imaging

/// Tells from a stream's time stamps and arrivals whether it halted, and whether a stamp can be believed. Pure.
///
/// A camera that halted goes on with a picture that refers to those nobody got, and frame numbers may fit by chance.
/// A strange stamp alone proves nothing: sequence numbers and the decoder tell of lost data. It only says that this
/// picture's time is not known. Times are nanoseconds.
struct StreamGap: Sendable {
    /// What is to be thought of a picture.
    enum Judgement: Hashable, Sendable {
        /// It follows the one before.
        case steady
        /// Nothing came for long, and its stamp does not show that nothing was left out.
        case halted
        /// Its stamp does not fit the pictures around it.
        case strange
        /// Its stamp fits the strange one before: the sender's clock was set.
        case newClock
    }

    /// As a source counts as stalled: after so many frame intervals, and never before so many nanoseconds.
    static let intervals: UInt64 = 3
    static let least: UInt64 = 500_000_000

    private struct Mark {
        let stamp: Int64
        let arrival: UInt64
    }

    /// Between stamps, and between arrivals: a sender's clock may run at another speed.
    private var stampInterval: FrameInterval
    private var arrivalInterval: FrameInterval
    private var lastArrival: UInt64?
    private var believed: Mark?
    private var doubted: Mark?
    /// The last mark that came in time, from a held-up picture on until the pictures have caught up with it.
    private var timely: Mark?

    /// A stream that announces `rate` frames a second, where it does.
    init(rate: Rational? = nil) {
        stampInterval = FrameInterval(rate: rate)
        arrivalInterval = FrameInterval(rate: rate)
    }

    /// Judges the next picture by its time `stamp` and its `arrival`.
    mutating func judge(stamp: Int64, arrival: UInt64) -> Judgement {
        let mark = Mark(stamp: stamp, arrival: arrival)
        let silence = lastArrival.map { arrival > $0 ? arrival - $0 : 0 } ?? 0
        let isLong = silence > Self.longest(arrivalInterval)
        defer {
            lastArrival = arrival
            // Only distances count here, not when the stream began.
            arrivalInterval.advance(by: silence)
        }
        guard let last = believed else {
            believed = mark
            return .steady
        }
        if isLong {
            let isSmall = Self.isSmall(last, mark, stampInterval)
            timely = isSmall ? timely ?? last : nil
            accept(mark, after: isSmall ? last : nil)
            return isSmall ? .steady : .halted
        }
        if isContinued(last, mark) {
            accept(mark, after: last)
            return .steady
        }
        // The network held up what came before the halt, so nothing was silent for long before this picture: its stamp
        // is as far from the last punctual one as time went on.
        if let punctual = timely, isContinued(punctual, mark), mark.stamp > last.stamp {
            timely = nil
            accept(mark, after: nil)
            return .halted
        }
        if let before = doubted, isContinued(before, mark) {
            accept(mark, after: before)
            return .newClock
        }
        doubted = mark
        return .strange
    }

    private mutating func accept(_ mark: Mark, after last: Mark?) {
        (believed, doubted) = (mark, nil)
        if let punctual = timely, hasCaughtUp(punctual, mark) { timely = nil }
        if let last { stampInterval.advance(by: UInt64(max(mark.stamp &- last.stamp, 0))) }
    }

    /// Whether `next` is no later than `punctual` was. A bound that is kept for hours would be one of drifting clocks.
    private func hasCaughtUp(_ punctual: Mark, _ next: Mark) -> Bool {
        let step = UInt64(max(next.stamp.subtractingReportingOverflow(punctual.stamp).partialValue, 0))
        let passed = next.arrival > punctual.arrival ? next.arrival - punctual.arrival : 0
        return passed <= step.addingReportingOverflow(Self.longest(stampInterval)).partialValue
    }

    /// Whether the stamps went on by a picture or a few, although nothing came for long: what a network held up.
    private static func isSmall(_ last: Mark, _ next: Mark, _ interval: FrameInterval) -> Bool {
        let (step, overflow) = next.stamp.subtractingReportingOverflow(last.stamp)
        return !overflow && step > 0 && UInt64(step) <= longest(interval)
    }

    /// Whether `next` has a stamp that can follow that of `last`: not before it, nor much further than time went on.
    private func isContinued(_ last: Mark, _ next: Mark) -> Bool {
        let (step, overflow) = next.stamp.subtractingReportingOverflow(last.stamp)
        guard !overflow, step >= 0 else { return false }
        let passed = next.arrival > last.arrival ? next.arrival - last.arrival : 0
        return UInt64(step) <= passed.addingReportingOverflow(Self.longest(stampInterval)).partialValue
    }

    private static func longest(_ interval: FrameInterval) -> UInt64 {
        let (product, overflow) = (interval.nanoseconds ?? 0).multipliedReportingOverflow(by: intervals)
        return overflow ? .max : max(product, least)
    }
}
