/// How old a mask may be when it is sent as valid. Every place that sends one asks the same.
public struct AgeContract: Hashable, Sendable {
    /// Nanoseconds from the capture of the frame; nil for masks of any age.
    public let maxAge: UInt64?

    /// A contract over `maxAge` nanoseconds; nil allows any age.
    public init(maxAge: UInt64?) { self.maxAge = maxAge }

    /// Until when the mask of the frame of `stamp` may be sent as valid.
    public func expiry(of stamp: FrameStamp) -> Expiry {
        Expiry(maxAge.map { stamp.capture.monotonicNanoseconds &+ $0 })
    }
}

/// A moment after which a mask may not be sent as valid any more.
public struct Expiry: Hashable, Sendable {
    /// Never: for masks of files, and for those that say nothing anyway.
    public static let never = Expiry(nil)

    /// Nanoseconds of CLOCK_MONOTONIC; nil for never.
    public let nanoseconds: UInt64?

    /// At `nanoseconds` of CLOCK_MONOTONIC; nil for never.
    public init(_ nanoseconds: UInt64?) { self.nanoseconds = nanoseconds }

    /// Whether the mask is too old for a reader that would get it from `now` (CLOCK_MONOTONIC) on.
    public func isOver(at now: UInt64) -> Bool { nanoseconds.map { now > $0 } ?? false }
}
