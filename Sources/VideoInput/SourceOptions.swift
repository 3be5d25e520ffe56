import MediaIO

/// How a source is opened and read.
public struct SourceOptions: Hashable, Sendable {
    /// When frames of a file come.
    public enum Pace: String, CaseIterable, Sendable {
        /// As soon as they are asked for.
        case unpaced
        /// When their time stamps say, as from a camera: the source counts as live.
        case realTime
    }

    /// When frames of a file come; live streams have their own pace anyway.
    public var pace = Pace.unpaced
    /// Whether a file starts anew at its end, for ever, its time stamps rising on.
    public var loops = false
    /// Whether the stream is live; nil goes by the location.
    public var isLive: Bool?
    /// FFmpeg's demuxer by name; nil lets it find out.
    public var format: String?
    /// FFmpeg's options for opening, by name: `rtsp_transport`, `video_size`, `framerate`.
    public var options: [String: String] = [:]
    /// What may be opened.
    public var access = MediaAccess()
    /// How long opening may take; nil for ever.
    public var openTimeout: Duration? = .seconds(10)
    /// How long a live stream may stay silent; nil for ever.
    public var readTimeout: Duration? = .seconds(10)
    /// Decoding threads.
    public var decodingThreads = 2
    /// The most pixels a picture may have.
    public var maxPixels = 8192 * 8192
    /// Whether frames are refused that the decoder marked as damaged; nil refuses them on live streams only, where
    /// the next good one is near. An image that is refused is an error.
    public var refusesCorruptFrames: Bool?
    /// Pictures a second that are fetched from a server that answers with a single picture; nil fetches one only.
    public var stillRate: Double?
    /// Whether a folder goes on behind a picture that cannot be read, which is then one of `SourceDiagnostics.leftOut`;
    /// else it is an error.
    public var skipsUnreadablePictures = false
    /// Frames a second of an image folder, for its time stamps.
    public var folderFrameRate = 25

    /// The usual settings.
    public init() {}

    var reader: VideoReader.Options {
        var reader = VideoReader.Options()
        reader.demuxer.format = format
        reader.demuxer.options = options
        reader.demuxer.access = access
        reader.demuxer.isLive = isLive
        reader.demuxer.openTimeout = openTimeout
        reader.demuxer.readTimeout = readTimeout
        reader.demuxer.maxPixels = maxPixels
        reader.decoder.threads = decodingThreads
        reader.decoder.maxPixels = maxPixels
        return reader
    }
}
