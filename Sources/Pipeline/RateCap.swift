/// Decides which frames of a stream to take so that no more than a given rate goes on, evenly spaced.
public struct RateCap: Sendable {
    private let interval: Int64
    private var due: Int64?

    /// At most `framesPerSecond` frames a second; nil unless that is a positive number.
    public init?(framesPerSecond: Double) {
        guard framesPerSecond > 0, framesPerSecond.isFinite else { return nil }
        interval = max(1, Int64(min(1e9 / framesPerSecond, 1e15)))
    }

    /// Whether the frame at `time` (nanoseconds on any clock) goes on.
    ///
    /// A frame up to an eighth of the interval early is taken, so that jitter does not halve the rate; after a gap or
    /// a jump of the clock the count starts anew.
    public mutating func admits(_ time: Int64) -> Bool {
        guard let due, time <= due + interval, time >= due - 2 * interval else {
            self.due = time + interval
            return true
        }
        guard time >= due - interval / 8 else { return false }
        self.due = due + interval
        return true
    }
}
