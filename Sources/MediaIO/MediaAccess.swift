import CFFmpeg

/// What may be opened: FFmpeg's whitelists. What a camera or a file sends is not trusted, and some formats are
/// programs that open other files and hosts (playlists, `concat`, `subfile`).
public struct MediaAccess: Hashable, Sendable {
    /// FFmpeg's names of protocols; nil allows those that the location's own scheme needs, where that one is safe.
    public var protocols: [String]?
    /// FFmpeg's names of demuxers; nil allows `safeFormats`.
    public var formats: [String]?
    /// FFmpeg's names of decoders; nil allows `safeCodecs`.
    public var codecs: [String]?
    /// Whether local files may be in more formats, playlists of other local files among them: right where the user
    /// named the file himself. Nothing is fetched from a network for them.
    public var readsAnyFile: Bool

    /// The safe ones unless told otherwise.
    public init(
        protocols: [String]? = nil, formats: [String]? = nil, codecs: [String]? = nil, readsAnyFile: Bool = false
    ) {
        self.protocols = protocols
        self.formats = formats
        self.codecs = codecs
        self.readsAnyFile = readsAnyFile
    }

    /// What each scheme needs to be opened. Those that are not here are refused unless they are allowed by name.
    private static let needs: [String: [String]] = [
        "file": ["file"], "pipe": ["pipe"], "unix": ["unix"], "tcp": ["tcp"], "udp": ["udp"], "tls": ["tls", "tcp"],
        "rtp": ["rtp", "udp"], "srt": ["srt"], "rtmp": ["rtmp", "tcp"], "rtmps": ["rtmps", "tls", "tcp"],
        // A server may send on from http to https and back, but not into files.
        "http": ["http", "https", "tls", "tcp"], "https": ["http", "https", "tls", "tcp"],
        "rtsp": ["rtsp", "rtp", "udp", "tcp"], "rtsps": ["rtsps", "rtsp", "tls", "tcp"],
    ]

    /// Demuxers that open nothing but what they are given. Not among them: `hls`, `dash`, `concat`, `sdp`, `tty`.
    public static let safeFormats = [
        "aac", "apng", "asf", "avi", "av1", "bmp_pipe", "dhav", "dnxhd", "dpx_pipe", "dv", "dvbsub", "exr_pipe", "ffm",
        "flac",
        "flv", "gdv", "gif", "gif_pipe", "h261", "h263", "h264", "hevc", "image2", "image2pipe", "ivf", "j2k_pipe",
        "jpeg_pipe", "jpegls_pipe", "jpegxl_pipe", "live_flv", "m4v", "matroska", "mj2", "mjpeg", "mjpeg_2000", "mov",
        "mp3", "mp4", "mpeg", "mpegts", "mpegvideo", "mpjpeg", "mxf", "nut", "obu", "ogg", "pam_pipe", "pbm_pipe",
        "pcx_pipe", "pfm_pipe", "pgm_pipe", "pgmyuv_pipe", "pgx_pipe", "phm_pipe", "png_pipe", "ppm_pipe", "psd_pipe",
        "qdraw_pipe", "qoi_pipe", "rawvideo", "rm", "rtp", "rtsp", "sgi_pipe", "sunrast_pipe", "svg_pipe", "tiff_pipe",
        "v210", "v210x", "v4l2", "vc1", "vc1test", "video4linux2", "wav", "webm", "webp_pipe", "wtv", "xbm_pipe",
        "xpm_pipe", "xwd_pipe", "yuv4mpegpipe",
    ]

    /// Demuxers for files that a user named: recorders' own formats, and playlists of files beside them.
    public static let fileFormats = [
        "avs2", "avs3", "cavsvideo", "dash", "dirac", "gxf", "hls", "ifv", "kux", "lxf", "mpegtsraw", "mxg", "nsv",
        "nuv", "pva", "smjpeg", "ty",
    ]

    /// Decoders of what cameras, recorders and editors write. The many codecs of old games are not among them.
    public static let safeCodecs = [
        "apng", "av1", "bmp", "cfhd", "dnxhd", "dpx", "dvvideo", "exr", "ffv1", "ffvhuff", "flv", "gif", "h261", "h263",
        "h263i", "h263p", "h264", "hap", "hdr", "hevc", "huffyuv", "jpeg2000", "jpegls", "libaom-av1", "libdav1d",
        "libjxl", "libopenjpeg", "libvpx", "libvpx-vp9", "magicyuv", "mjpeg", "mjpegb", "mpeg1video", "mpeg2video",
        "mpeg4", "mpegvideo", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "msvideo1", "pam", "pbm", "pcx", "pfm", "pgm",
        "pgmyuv", "phm", "png", "ppm", "prores", "qoi", "qtrle", "rawvideo", "rv30", "rv40", "sgi", "sunrast", "svq3",
        "targa", "theora", "tiff", "utvideo", "v210", "v308", "v408", "v410", "vc1", "vp8", "vp9", "webp", "wmv1",
        "wmv2", "wmv3", "wrapped_avframe", "xbm", "xpm", "xwd", "y41p", "yuv4",
    ]

    /// Checks that FFmpeg has a demuxer called `name`, for `subject`.
    public static func checkDemuxer(_ name: String, subject: String) throws {
        _ = try inputFormat(name, subject: subject)
    }

    static func inputFormat(_ name: String, subject: String) throws -> UnsafePointer<AVInputFormat> {
        guard let format = av_find_input_format(name) else {
            throw MediaError(
                .unsupported, "open", subject, reason: "FFmpeg has no demuxer called '\(name)'",
                hint: "`ffmpeg -demuxers` lists them")
        }
        return format
    }

    /// FFmpeg's options that enforce it for a location of `scheme` (nil for a path). Throws where the scheme itself is
    /// not allowed.
    func options(scheme: String?, subject: String) throws -> [String: String] {
        let scheme = scheme ?? "file"
        let readsAnyFile = self.readsAnyFile && scheme == "file"
        let protocols: [String]
        if let given = self.protocols {
            guard given.contains(scheme) else {
                throw MediaError(
                    .unsupported, "open", subject,
                    reason: "the protocol '\(scheme)' is not among those allowed (\(given.joined(separator: ", ")))",
                    hint: "add it to --protocols, or to protocols in the configuration, if this is meant")
            }
            protocols = given
        } else {
            guard let needed = Self.needs[scheme] else {
                throw MediaError(
                    .unsupported, "open", subject,
                    reason: "the protocol '\(scheme)' can open other files or hosts, and is not allowed by itself",
                    hint:
                        "list it under --protocols, or under protocols in the configuration, with all that it needs, if this is meant"
                )
            }
            // Files of an encrypted playlist are read through `crypto`.
            protocols = needed + (readsAnyFile ? ["crypto"] : [])
        }
        return [
            "protocol_whitelist": protocols.joined(separator: ","),
            "format_whitelist": (formats ?? Self.safeFormats + (readsAnyFile ? Self.fileFormats : [])).joined(
                separator: ","),
            "codec_whitelist": codecList,
        ]
    }

    /// The decoders as FFmpeg's option takes them.
    var codecList: String { (codecs ?? Self.safeCodecs).joined(separator: ",") }
}
