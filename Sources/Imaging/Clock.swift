import Glibc

/// The two clocks a frame is stamped with. Tests hand in their own.
public protocol FrameClock: Sendable {
    /// Nanoseconds of CLOCK_MONOTONIC.
    var monotonicNanoseconds: UInt64 { get }
    /// Nanoseconds since the epoch, CLOCK_REALTIME.
    var epochNanoseconds: Int64 { get }
}

extension FrameClock {
    /// Now, on both clocks, as the arrival of a frame.
    public var arrival: CaptureTime { now(.arrival) }

    /// Now, on both clocks, as `origin` tells it.
    public func now(_ origin: CaptureOrigin) -> CaptureTime {
        CaptureTime(epochNanoseconds: epochNanoseconds, monotonicNanoseconds: monotonicNanoseconds, origin: origin)
    }
}

/// The machine's clocks.
public struct SystemClock: FrameClock {
    /// The machine's clocks.
    public init() {}

    /// Nanoseconds of CLOCK_MONOTONIC.
    public var monotonicNanoseconds: UInt64 { UInt64(Self.nanoseconds(CLOCK_MONOTONIC)) }
    /// Nanoseconds since the epoch, CLOCK_REALTIME.
    public var epochNanoseconds: Int64 { Self.nanoseconds(CLOCK_REALTIME) }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
