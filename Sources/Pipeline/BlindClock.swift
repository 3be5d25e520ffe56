import Imaging

/// Whether the source sees anything, as the blind clock asks.
public enum Sight: Hashable, Sendable {
    /// Frames come.
    case seeing
    /// None come, for this cause.
    case nothing(BlindCause)
    /// None will ever come again.
    case over
}

/// Decides when a blind mask goes out: while there is nothing to see, one an interval of the camera's nominal rate.
///
/// A pure value: the caller brings the time (nanoseconds of CLOCK_MONOTONIC) and what the source says. A camera that
/// sees, but whose masks do not come for longer than a mask may be old, is blind too: for overload.
public struct BlindClock: Sendable {
    /// The rate where the camera has not said its own.
    public static let defaultRate = 10.0

    private let maxAge: UInt64
    private let cap: Double?
    private var rate = Self.defaultRate
    private var due: UInt64
    private var lastValid: UInt64
    private var seeingSince: UInt64?
    private var cause: BlindCause?

    /// The clock of a camera that begins at `now`. `maxAge` is how old a mask may be, in nanoseconds;
    /// `maxFramesPerSecond` is the camera's rate cap.
    public init(maxAge: UInt64, maxFramesPerSecond: Double? = nil, now: UInt64) {
        self.maxAge = maxAge
        cap = maxFramesPerSecond
        due = now
        lastValid = now
        due = now &+ interval
    }

    /// Nanoseconds from one blind mask to the next.
    public var interval: UInt64 {
        let rate = min(max(min(rate, cap ?? .infinity), 1), 120)
        return UInt64(1e9 / rate)
    }

    /// How long the camera may see without a mask before that is overload.
    public var patience: UInt64 {
        let expected = 1 / min(rate, cap ?? .infinity)
        return max(maxAge, UInt64(min(3 * expected, 3600) * 1e9))
    }

    /// When to `tick` next.
    public var nextTick: UInt64 { due }

    /// The source opened and announced its rate; nil where it did not.
    public mutating func opened(framesPerSecond: Double?) {
        guard let framesPerSecond, framesPerSecond > 0, framesPerSecond.isFinite else { return }
        rate = framesPerSecond
    }

    /// A valid mask went out.
    public mutating func sentValid(at now: UInt64) {
        cause = nil
        lastValid = now
        due = now &+ interval
    }

    /// A mask went out as blind because it was too old.
    public mutating func sentTooOld(at now: UInt64) {
        cause = .overload
        due = now &+ interval
    }

    /// The cause of the blind mask to send now, nil where none is to be sent.
    public mutating func tick(_ sight: Sight, at now: UInt64) -> BlindCause? {
        guard now >= due else { return nil }
        due = now - due < interval ? due &+ interval : now &+ interval
        switch sight {
        case .over:
            return nil
        case .nothing(let found):
            seeingSince = nil
            cause = found
        case .seeing:
            let since = seeingSince ?? now
            seeingSince = since
            // What made it blind holds until the first mask comes, unless that takes too long.
            let began = cause == nil ? lastValid : max(since, lastValid)
            if now > began, now - began > patience { cause = .overload }
        }
        return cause
    }
}
