/// How a container is opened.
public struct DemuxerOptions: Hashable, Sendable {
    /// The demuxer's name (`v4l2`, `rawvideo`); nil lets FFmpeg find out.
    public var format: String?
    /// FFmpeg's options by name (`rtsp_transport`, `video_size`, `probesize`); one that nothing takes is an error.
    public var options: [String: String] = [:]
    /// Whether data comes at its own pace; nil goes by the location. Live streams are probed for half a second only.
    public var isLive: Bool?
    /// How long opening may take; nil for ever.
    public var openTimeout: Duration? = .seconds(10)
    /// How long a live stream may stay silent; nil for ever. Files have no deadline.
    public var readTimeout: Duration? = .seconds(10)
    /// What may be opened.
    public var access = MediaAccess()
    /// The most pixels a picture may have.
    public var maxPixels: Int = 8192 * 8192
    /// Whether a PNG or JPEG is checked by itself and FFmpeg is given only what its pixels are made of, so that damage to
    /// a pixel is told from a damaged comment, profile or EXIF.
    var readsPixelsOnly = false

    /// The usual settings.
    public init() {}
}
