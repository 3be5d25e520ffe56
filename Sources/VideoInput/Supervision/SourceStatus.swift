/// How a source is doing.
public enum SourceState: String, CaseIterable, Sendable {
    /// It is being opened, or has not given its first good frame yet.
    case connecting
    /// Good frames come.
    case live
    /// It is open and silent: nothing came for three frame intervals, or half a second.
    case stalled
    /// Frames come, and are refused.
    case corrupt
    /// It failed and is opened anew when the back-off is over.
    case waiting
    /// It gives no more frames: a file at its end, or a source that was closed.
    case ended
}

/// Why a frame that was decoded is not passed on.
public enum RefusalCause: String, CaseIterable, Sendable {
    /// Data was lost, or reading has just begun: pictures are whole from the next key frame on.
    case awaitingKeyFrame = "awaiting_key_frame"
    /// Its decoder or container says that it is damaged.
    case corrupt
    /// The camera has sent the same picture, bit for bit, for too long.
    case frozen
    /// Large parts of it are the even grey or green that stands for lost data.
    case flat
    /// It has more pixels than allowed.
    case tooLarge = "too_large"
}

/// What is known of a source at one moment.
public struct SourceStatus: Hashable, Sendable {
    /// How it is doing.
    public var state: SourceState
    /// When that began, in nanoseconds of CLOCK_MONOTONIC.
    public var since: UInt64
    /// What is read, without secrets.
    public var location: String
    /// Why it failed last, without secrets; nil where it never did.
    public var cause: String?
    /// Failed attempts in a row since it last gave a good frame.
    public var attempts: UInt64
    /// How often it worked again after it was opened anew.
    public var reconnects: UInt64
    /// How long the last recovery took, in nanoseconds from the last good frame before the loss to the first one
    /// after it; nil where nothing was ever lost.
    public var lastRecovery: UInt64?
    /// Frames read, good ones and refused ones.
    public var framesRead: UInt64
    /// Why the frames that come now are refused; nil where they are not, or none come.
    public var refusing: RefusalCause?
    /// Frames refused, by cause.
    public var refused: [RefusalCause: UInt64]
    /// Whether it is read at its own pace, as a camera, or as fast as frames are taken, as a file.
    public var isLive: Bool

    /// A source of which nothing is known yet.
    public init(state: SourceState = .connecting, since: UInt64 = 0, location: String, isLive: Bool) {
        self.state = state
        self.since = since
        self.location = location
        cause = nil
        attempts = 0
        reconnects = 0
        lastRecovery = nil
        framesRead = 0
        refused = [:]
        self.isLive = isLive
    }
}

/// Says how its source is doing; from any thread, at any time.
public protocol StatusReporting: Sendable {
    /// How it is doing now.
    var status: SourceStatus { get }
}
