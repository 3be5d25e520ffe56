import Imaging

/// All that is known of a camera at one moment: the control socket, `/status` and the metrics are views of it.
///
/// Counts go from the service's start on; rates, ages and latencies are those of the last seconds. Times are in the unit
/// their names end in.
public struct CameraReport: Codable, Hashable, Sendable {
    /// How the source is doing.
    public struct Source: Codable, Hashable, Sendable {
        /// `connecting`, `live`, `stalled`, `corrupt`, `waiting` or `ended`.
        public var state: String
        /// How long it has been so.
        public var sinceSeconds: Double?
        /// What is read, without secrets.
        public var location: String
        /// The last failure, without secrets.
        public var cause: String?
        /// Attempts since it last worked.
        public var attempts = 0
        /// How often it came back.
        public var reconnects: UInt64 = 0
        /// From the last loss to the first good frame after it.
        public var lastRecoverySeconds: Double?
        /// Frames that were decoded.
        public var framesRead: UInt64 = 0
        /// Frames that were refused, by cause.
        public var refused: [String: UInt64] = [:]

        enum CodingKeys: String, CodingKey {
            case state, location, cause, attempts, reconnects, refused
            case sinceSeconds = "since_s"
            case lastRecoverySeconds = "last_recovery_s"
            case framesRead = "frames_read"
        }

        /// A source in `state` at `location`.
        public init(state: String, location: String) {
            self.state = state
            self.location = location
        }
    }

    /// What the source said of its stream.
    public struct Stream: Codable, Hashable, Sendable {
        /// Pixels in a row, as a viewer sees it.
        public var width: Int
        /// Rows.
        public var height: Int
        /// Codec and pixel format: `h264 yuv420p`.
        public var codec: String
        /// Frames a second as announced.
        public var fps: Double?

        /// The facts of `info`.
        public init(_ info: StreamInfo) {
            width = info.size.width
            height = info.size.height
            codec = info.summary
            fps = info.frameRate?.value
        }
    }

    /// Percentiles of some time, in milliseconds; all 0 where nothing was measured.
    public struct Latency: Codable, Hashable, Sendable {
        /// How many were measured.
        public var count: UInt64
        /// Half took no longer.
        public var p50: Double
        /// 95 % took no longer.
        public var p95: Double
        /// 99 % took no longer.
        public var p99: Double
        /// The longest.
        public var max: Double
    }

    /// One socket.
    public struct Socket: Codable, Hashable, Sendable {
        /// Its path.
        public var path: String
        /// Readers connected now.
        public var clients: Int
        /// Masks, blind ones too, that the camera had for its readers.
        public var offered: UInt64
        /// Masks that went out whole, over all readers.
        public var sent: UInt64
        /// Masks that readers missed after their first, over all readers.
        public var dropped: UInt64
        /// Readers turned away.
        public var refused: UInt64
        /// Readers closed because they took nothing for too long.
        public var stalled: UInt64
        /// Why readers cannot connect; nil where they can.
        public var error: String?
    }

    /// One recording.
    public struct Recording: Codable, Hashable, Sendable {
        /// The path as configured.
        public var path: String
        /// `recording`, `waiting` (for the first frame), `disk_full`, `failed` or `ended`.
        public var state: String
        /// The file being written; nil where there is none.
        public var file: String?
        /// Bytes of the file being written.
        public var bytes: UInt64
        /// Bytes of all files of this recording, finished ones too.
        public var totalBytes: UInt64
        /// Frames written since the service started.
        public var frames: UInt64
        /// Frames left out: the disk or the encoder was too slow, or there was no room.
        public var dropped: UInt64
        /// Files finished since the service started.
        public var finished: UInt64
        /// Files removed for the quota since the service started.
        public var removed: UInt64
        /// The last failure.
        public var error: String?

        enum CodingKeys: String, CodingKey {
            case path, state, file, bytes, frames, dropped, finished, removed, error
            case totalBytes = "total_bytes"
        }
    }

    /// The camera's name.
    public var name: String
    /// How its source is doing.
    public var source: Source
    /// What it reads; nil before it first opened.
    public var stream: Stream?
    /// Frames decoded a second.
    public var fpsIn: Double
    /// Valid masks sent a second.
    public var fpsOut: Double
    /// Frames decoded.
    public var arrived: Int
    /// Valid masks sent.
    public var published: Int
    /// Now less the capture of the last frame whose valid mask was sent; nil before the first.
    public var lastAge: Double?
    /// From capture to publish.
    public var age: Latency
    /// Each stage: `decode`, `preprocess`, `infer`, `publish`.
    public var stages: [String: Latency]
    /// Frames without a valid mask, by reason.
    public var drops: [String: Int]
    /// Blind masks sent, by cause.
    public var blind: [String: Int]
    /// Programs that read its sockets now.
    public var clients: Int
    /// The part of the last mask's pixels that each class has, by its name; `none` is what has no class.
    public var classes: [String: Double]
    /// Its sockets.
    public var sockets: [Socket]
    /// Its recordings.
    public var recordings: [Recording]

    enum CodingKeys: String, CodingKey {
        case name, source, stream, arrived, published, drops, blind, clients, classes, sockets
        case recordings
        case fpsIn = "fps_in"
        case fpsOut = "fps_out"
        case lastAge = "last_age_ms"
        case age = "age_ms"
        case stages = "stages_ms"
    }
}
