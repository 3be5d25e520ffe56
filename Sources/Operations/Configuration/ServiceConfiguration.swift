import Imaging
import Logging
import MaskOutput
import MediaIO

/// The instructions the network may use.
public enum CPUFeatures: String, CaseIterable, Sendable {
    case auto, scalar, avx2, avx512, neon
}

/// How an RTSP server sends its data.
public enum RTSPTransport: String, CaseIterable, Sendable {
    case tcp, udp
}

/// A kind of socket that masks are published on.
public enum SocketKind: String, CaseIterable, Sendable {
    /// `CAMERA.mask`: a class id a pixel.
    case mask
    /// `CAMERA.color`: the class colours.
    case color
    /// `CAMERA.nut`: ids and palette in one, with the times of capture.
    case nut
}

/// The addresses that the HTTP port can be bound to: this machine's own, so that nobody else can ask.
public enum LoopbackAddress: String, CaseIterable, Sendable {
    case ipv4 = "127.0.0.1"
    case ipv6 = "::1"
}

/// The least important messages that are logged; the names are swift-log's.
public enum LogThreshold: String, CaseIterable, Sendable {
    case trace, debug, info, notice, warning, error, critical

    /// The level of swift-log.
    public var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}

/// All that `segmentd run` is told: the content of `config.yaml`, with defaults filled in.
public struct ServiceConfiguration: Sendable {
    /// Where sockets are and who may connect.
    public struct Sockets: Hashable, Sendable {
        /// The directory; nil for systemd's RuntimeDirectory or what stands for it.
        public var directory: String?
        /// Permissions.
        public var mode: Int
        /// The group they belong to; nil for the service's own.
        public var group: String?
        /// Clients a socket at most.
        public var maxClients: Int
        /// Milliseconds after which a client that takes nothing is closed.
        public var clientTimeoutMilliseconds: Int
        /// The users that may connect, by number; nil for all whom mode and group let in.
        public var allowedUsers: [Int]?
    }

    /// Who may do more at the control socket than look, besides root and the service's own user.
    public struct Control: Hashable, Sendable {
        /// Users by number.
        public var allowedUsers: [Int]
        /// A group; nil for none.
        public var group: String?
    }

    /// Where metrics and status are served over HTTP.
    public struct HTTP: Hashable, Sendable {
        /// The port; nil for none.
        public var port: Int?
        /// The address it is bound to.
        public var address: LoopbackAddress
    }

    /// A file that is written besides.
    public struct Recording: Hashable, Sendable {
        /// A video file, or a folder for PNGs.
        public var path: String
        /// What it shows.
        public var style: OutputStyle
        /// How strongly the colours cover the picture, 0…1.
        public var opacity: Double
        /// How long and large its video files may become.
        public var limits: RecordingLimits
    }

    /// One camera.
    public struct Camera: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// What it reads.
        public var source: SourceText
        /// Whether a file starts again at its end, at its own pace.
        public var isLooped: Bool
        /// Frames a second at most; nil for all.
        public var maxFramesPerSecond: Double?
        /// Milliseconds from its capture that a live source's mask may be old when it is sent.
        public var maxAgeMilliseconds: Int
        /// Its share of the network where several cameras want it.
        public var priority: Int
        /// How its pictures are brought to the network's size.
        public var fit: Fit
        /// How RTSP servers send.
        public var rtspTransport: RTSPTransport
        /// The protocols, formats and codecs that it may use.
        public var access: MediaAccess
        /// The most pixels a picture may have.
        public var maxPixels: Int
        /// Milliseconds after which pictures that never change are refused; nil never.
        public var frozenAfterMilliseconds: Int?
        /// Whether pictures are refused that show the grey or green of lost data.
        public var refusesFlat: Bool
        /// Whether pictures wait for a key frame or a recovery.
        public var awaitsKeyFrame: Bool
        /// FFmpeg's demuxer; nil lets FFmpeg find out.
        public var demuxer: String?
        /// How often a single picture is fetched over HTTP, pictures a second.
        public var stillFramesPerSecond: Double
        /// What a V4L2 device is asked for: FFmpeg's options.
        public var deviceOptions: [String: String]
        /// Milliseconds that opening may take.
        public var openTimeoutMilliseconds: Int
        /// Milliseconds without data after which a live source is opened anew.
        public var readTimeoutMilliseconds: Int
        /// Its sockets.
        public var sockets: [SocketKind]
        /// Its files.
        public var recordings: [Recording]
    }

    /// The path of the model; nil for the one inside.
    public var model: String?
    /// The network's input.
    public var size: ImageSize
    /// Threads the network runs on; nil for as many as there are processors.
    public var threads: Int?
    /// The instructions the network uses.
    public var cpuFeatures: CPUFeatures
    /// The least important messages that are logged.
    public var logThreshold: LogThreshold
    /// Seconds between two reports of a camera.
    public var reportIntervalSeconds: Int
    /// Where sockets are and who may connect.
    public var sockets: Sockets
    /// Who may do more at the control socket than look.
    public var control: Control
    /// Where metrics and status are served over HTTP.
    public var http: HTTP
    /// The cameras, one at least and `maximumCameras` at most.
    public var cameras: [Camera]

    /// Cameras that one service takes. Each has three or four threads, its decoder, its pools and its ledger: some 20 to
    /// 40 MB. At this number that is about 1,000 threads and up to 10 GB, which a machine for so many streams has.
    public static let maximumCameras = 256
}
