/// A point on a stream's own clock: `value` ticks of `timeBase` seconds, as FFmpeg's pts.
public struct MediaTime: Hashable, Sendable {
    /// Ticks.
    public let value: Int64
    /// Seconds a tick.
    public let timeBase: Rational

    /// `value` ticks of `timeBase` seconds.
    public init(value: Int64, timeBase: Rational) {
        self.value = value
        self.timeBase = timeBase
    }

    /// The time in seconds.
    public var seconds: Double { Double(value) * timeBase.value }
}

/// Who says when a frame was captured.
public enum CaptureOrigin: String, CaseIterable, Sendable {
    /// Nobody: it is the moment at which the frame's data reached this process.
    case arrival
    /// The sender: the RTCP sender report of an RTSP or RTP stream, or a producer reference time.
    case senderReport = "sender_report"
    /// The driver of the camera: V4L2's time of the buffer.
    case driver
    /// The program itself: the moment at which a synthetic frame began.
    case synthetic
    /// A file, which was not captured now: the moment at which it was read.
    case file

    /// Whether the moment of capture is not known, and that of arrival stands for it.
    public var isEstimated: Bool { self == .arrival }
}

/// When a frame was captured, on both clocks, and who says so.
///
/// Ages are differences of `monotonicNanoseconds`: the wall clock may jump.
public struct CaptureTime: Hashable, Sendable {
    /// Nanoseconds since the epoch (CLOCK_REALTIME): what consumers compare with.
    public let epochNanoseconds: Int64
    /// Nanoseconds of CLOCK_MONOTONIC: what latency is measured with.
    public let monotonicNanoseconds: UInt64
    /// Who says so.
    public let origin: CaptureOrigin

    /// A capture time known on both clocks.
    public init(epochNanoseconds: Int64, monotonicNanoseconds: UInt64, origin: CaptureOrigin) {
        self.epochNanoseconds = epochNanoseconds
        self.monotonicNanoseconds = monotonicNanoseconds
        self.origin = origin
    }
}

extension CaptureTime {
    /// The moment so many nanoseconds before it, on both clocks.
    public func earlier(by age: UInt64, origin: CaptureOrigin? = nil) -> CaptureTime {
        let age = min(age, monotonicNanoseconds)
        return CaptureTime(
            epochNanoseconds: epochNanoseconds &- Int64(clamping: age),
            monotonicNanoseconds: monotonicNanoseconds - age,
            origin: origin ?? self.origin)
    }
}

/// A stage of the pipeline, in order.
public enum Stage: Int, CaseIterable, Sendable {
    case decode, preprocess, infer, publish

    /// The name in tables, logs and metrics.
    public var name: String {
        switch self {
        case .decode: "decode"
        case .preprocess: "preprocess"
        case .infer: "infer"
        case .publish: "publish"
        }
    }
}

/// When each stage began and ended for one frame, in nanoseconds of CLOCK_MONOTONIC; 0 where it has not happened.
public struct StageTimes: Hashable, Sendable {
    /// The beginning and the end of one stage.
    public struct Interval: Hashable, Sendable {
        /// When the stage took the frame up.
        public var began: UInt64
        /// When the stage was done with it.
        public var ended: UInt64

        /// A stage's interval; all zero before it happens.
        public init(began: UInt64 = 0, ended: UInt64 = 0) {
            self.began = began
            self.ended = ended
        }

        /// Nanoseconds that the stage took; 0 where it has not ended.
        public var nanoseconds: UInt64 { ended > began ? ended - began : 0 }
    }

    private var decode = Interval()
    private var preprocess = Interval()
    private var infer = Interval()
    private var publish = Interval()

    /// No stage has happened yet.
    public init() {}

    /// The interval of `stage`.
    public subscript(stage: Stage) -> Interval {
        get {
            switch stage {
            case .decode: decode
            case .preprocess: preprocess
            case .infer: infer
            case .publish: publish
            }
        }
        set {
            switch stage {
            case .decode: decode = newValue
            case .preprocess: preprocess = newValue
            case .infer: infer = newValue
            case .publish: publish = newValue
            }
        }
    }
}
