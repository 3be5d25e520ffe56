import Imaging
import MaskOutput

/// The table of all keys of `config.yaml`: type, default, what is accepted, what it does.
///
/// Reading, `check-config` and the test that the shipped file documents every key go by it.
enum ConfigurationSettings {
    static let model = Setting(
        "model", SettingFormat<String>.text("the path of a model (.safetensors)").or("builtin"), default: .some(nil),
        "The network's weights: a .safetensors file, or builtin for the street model inside the program.")
    static let size = Setting(
        "size", .size(32...8192), default: ImageSize(height: 768, width: 1024),
        "The network's input, HEIGHTxWIDTH in pixels; masks have this size. Smaller is faster and coarser.")
    static let fit = Setting(
        "fit", .choice(Fit.self), default: .stretch,
        "How pictures are brought to that size: stretch each side by itself, letterbox with black bars, crop the edges."
    )
    static let threads = Setting(
        "threads", SettingFormat<Int>.integer(1...256).or("auto"), default: .some(nil),
        "Threads the network runs on; auto takes every processor this service may use.")
    static let cpuFeatures = Setting(
        "cpu_features", .choice(CPUFeatures.self), default: .auto,
        "The instructions the network uses; auto takes the best the processor has, the others are for comparing.")
    static let logLevel = Setting(
        "log_level", .choice(LogThreshold.self), default: .info,
        "The least important messages to log.")
    static let reportInterval = Setting(
        "report_interval_s", .integer(1...86_400, "seconds"), default: 60,
        "How often each camera's rate, latency, drops and clients are logged.")

    static let directory = Setting(
        "directory", SettingFormat<String>.text("the path of a directory").or("auto"), default: .some(nil),
        "Where the sockets are; auto is systemd's RuntimeDirectory, else /run/segmentd, or $XDG_RUNTIME_DIR/segmentd "
            + "for a user who is not root.")
    static let mode = Setting(
        "mode", .permissions, default: 0o660, "Permissions of the sockets: who may connect needs to write.")
    static let group = Setting(
        "group", SettingFormat<String>.text("the name of a group").or("none"), default: .some(nil),
        "The group the sockets belong to; none leaves the service's own.")
    static let maxClients = Setting(
        "max_clients", .integer(1...1024), default: 16, "Clients a socket serves at once; more are turned away.")
    static let clientTimeout = Setting(
        "client_timeout_ms", .integer(100...600_000, "milliseconds"), default: 5000,
        "A client that takes nothing for so long is closed; until then it only loses whole frames.")
    static let allowedUsers = Setting(
        "allow_uids", SettingFormat<Int>.integer(0...4_294_967_294).list().or("any"), default: .some(nil),
        "The users that may connect, by number; any leaves it to mode and group.")
    static let sockets = SettingSection(
        "sockets",
        "The Unix sockets that other programs take masks from, and control, which segmentd ctl asks.",
        [
            .setting(directory), .setting(mode), .setting(group), .setting(maxClients), .setting(clientTimeout),
            .setting(allowedUsers),
        ])

    static let controlUsers = Setting(
        "allow_uids", SettingFormat<Int>.integer(0...4_294_967_294).list(), default: [],
        "Further users that may do so, by number. They need no place in sockets.allow_uids, but the socket's mode and "
            + "group must let them in.")
    static let controlGroup = Setting(
        "group", SettingFormat<String>.text("the name of a group").or("none"), default: .some(nil),
        "A group whose members may do so, too.")
    static let control = SettingSection(
        "control",
        "Who may have the service read its configuration again (reload) and fetch pictures (snapshot): root and the "
            + "service's own user, and those named here. Facts are for all whom the sockets let in.",
        [.setting(controlUsers), .setting(controlGroup)])

    static let port = Setting(
        "port", SettingFormat<Int>.integer(1...65_535).or("none"), default: .some(nil),
        "The port for /metrics (Prometheus), /status (JSON), /live and /ready; none opens no port.")
    static let address = Setting(
        "address", .choice(LoopbackAddress.self), default: .ipv4,
        "The address it is bound to. Only this machine's own are possible: nobody has to log in.")
    static let http = SettingSection(
        "http", "Metrics and status for monitoring.", [.setting(port), .setting(address)])

    static let name = Setting(
        "name", .name, default: nil, example: "front",
        "The camera's name: its sockets are NAME.mask, NAME.color and NAME.nut.")
    static let source = Setting(
        "source", .text("a file, a folder of images, a URL, or synthetic:"), default: nil,
        example: "\"synthetic:seed=7,live=true\"",
        isSecret: true,
        "What to read: a file, a folder of images, a URL that FFmpeg opens (rtsp://…), or synthetic: for the drive "
            + "that the program renders itself. ${env:NAME} and ${credential:NAME} in it stand for a variable of the "
            + "environment and a credential of systemd, looked up whenever the source is opened.")
    static let loop = Setting(
        "loop", .flag, default: false,
        "Whether a file or folder starts again at its end, played at its own pace like a camera.")
    static let maxFPS = Setting(
        "max_fps", SettingFormat<Double>.number(0.01...1000, "frames a second").or("none"), default: .some(nil),
        "Frames a second to process at most; none processes all that the network has time for.")
    static let maxAge = Setting(
        "max_age_ms", .integer(10...600_000, "milliseconds"), default: 500,
        "How old the mask of a live source may be when it is sent, counted from its capture; an older one goes out as "
            + "blind, with every pixel 255. So do masks while there is nothing to see.")
    static let priority = Setting(
        "priority", .integer(1...100), default: 1,
        "The camera's share where the network has no time for all: with 3 it gets three times as much as one with 1.")
    static let cameraFit = Setting(
        "fit", SettingFormat<Fit>.choice().or("inherit"), default: .some(nil), "As fit above, for this camera.")
    static let rtspTransport = Setting(
        "rtsp_transport", .choice(RTSPTransport.self), default: .tcp,
        "How rtsp:// sources send: tcp loses nothing, udp may be faster.")
    static let openTimeout = Setting(
        "open_timeout_ms", .integer(100...600_000, "milliseconds"), default: 10_000,
        "How long opening the source may take before it is tried anew.")
    static let readTimeout = Setting(
        "read_timeout_ms", .integer(100...600_000, "milliseconds"), default: 5000,
        "How long a live source may deliver nothing before it is opened anew.")
    static let protocols = Setting(
        "protocols", SettingFormat<String>.identifier.list().or("auto"), default: .some(nil),
        "FFmpeg's protocols that the source may use; auto allows those that files, rtsp, rtsps, http, https, rtmp, srt, "
            + "tcp, udp and rtp need.")
    static let formats = Setting(
        "formats", SettingFormat<String>.identifier.list().or("auto"), default: .some(nil),
        "FFmpeg's demuxers that the source may use; auto allows those of video files and streams, but no playlists "
            + "(hls, dash, concat), which open other files.")
    static let codecs = Setting(
        "codecs", SettingFormat<String>.identifier.list().or("auto"), default: .some(nil),
        "FFmpeg's decoders that the source may use; auto allows those of what cameras and recorders write.")
    static let maxPixels = Setting(
        "max_pixels", .integer(1024...1 << 28, "pixels"), default: 8192 * 8192,
        "Larger pictures are refused before they take memory.")
    static let frozenAfter = Setting(
        "frozen_after_ms", SettingFormat<Int>.integer(100...3_600_000, "milliseconds").or("never"), default: 5000,
        "A camera that sends the same picture for so long, bit for bit, is taken to be frozen, and the picture is "
            + "refused; never for files. Longer than the time between two key frames.")
    static let refuseFlat = Setting(
        "refuse_flat", .flag, default: true,
        "Whether pictures are refused that show the even grey or green of lost data in two fifths of them or more.")
    static let awaitKeyFrame = Setting(
        "await_key_frame", .flag, default: true,
        "Whether pictures are refused until a key frame, or the end of a recovery, when reading begins and after a "
            + "loss. With false, a camera that sends neither can be used; its first pictures may show what never was.")
    static let demuxer = Setting(
        "demuxer", SettingFormat<String>.identifier.or("auto"), default: .some(nil),
        "FFmpeg's demuxer for the source, where auto takes the wrong one or none: mjpeg, mpjpeg, h264, mpegts.")
    static let stillFPS = Setting(
        "still_fps", .number(0.01...60, "pictures a second"), default: 2,
        "How often a picture is fetched from an http:// source that answers each request with one picture (JPEG, PNG).")
    static let deviceSize = Setting(
        "device_size", SettingFormat<String>.videoSize.or("auto"), default: .some(nil),
        "The picture size a V4L2 device is asked for, WIDTHxHEIGHT as `v4l2-ctl --list-formats-ext` lists them.")
    static let deviceFPS = Setting(
        "device_fps", SettingFormat<Double>.number(0.1...1000, "frames a second").or("auto"), default: .some(nil),
        "The frame rate a V4L2 device is asked for.")
    static let deviceFormat = Setting(
        "device_format", SettingFormat<String>.identifier.or("auto"), default: .some(nil),
        "The pixel format or codec a V4L2 device is asked for, by FFmpeg's name: yuyv422, mjpeg, h264.")
    static let cameraSockets = Setting(
        "sockets", SettingFormat<SocketKind>.choice().list(), default: [.mask, .color],
        "Which sockets the camera has: mask has a class id a pixel, color has the class colours, nut both and the times."
    )

    static let recordingPath = Setting(
        "path", .text("the path of a video file or a folder"), default: nil, example: "/var/lib/segmentd/front.mkv",
        "Video files (.mkv, .mp4, .mov, .webm) that get the time of their first frame into their names, as in "
            + "front_20261123T083015.250Z.mkv, each with an index front_20261123T083015.250Z.mkv.jsonl; or a folder that gets "
            + "a PNG a frame (a path that ends in /).")
    static let recordingStyle = Setting(
        "style", .choice(OutputStyle.self), default: .overlay,
        "overlay is the picture under the class colours, mask the colours, ids the class ids.")
    static let recordingOpacity = Setting(
        "opacity", .number(0...1), default: 0.5, "How strongly the colours cover the picture of an overlay.")
    static let rotateSeconds = Setting(
        "rotate_s", SettingFormat<Int>.integer(1...86_400, "seconds").or("none"), default: .some(600),
        "After how long a new video file is begun. The one before is complete then.")
    static let rotateMegabytes = Setting(
        "rotate_mb", SettingFormat<Int>.integer(1...1_000_000, "megabytes").or("none"), default: .some(nil),
        "At which size a new video file is begun.")
    static let quotaMegabytes = Setting(
        "quota_mb", SettingFormat<Int>.integer(4...100_000_000, "megabytes").or("none"), default: .some(nil),
        "How much all video files of this recording may take: the oldest are removed for the newest.")
    static let minimumFreeMegabytes = Setting(
        "min_free_mb", .integer(0...100_000_000, "megabytes"), default: 100,
        "How much of the disk stays free: with less, recording stops, and goes on when there is room again.")
    static let recordings = SettingSection(
        "recordings", isList: true, isInManual: false,
        "Files that are written besides, on a queue of their own: what they have no time or room for is left out.",
        [
            .setting(recordingPath), .setting(recordingStyle), .setting(recordingOpacity), .setting(rotateSeconds),
            .setting(rotateMegabytes), .setting(quotaMegabytes), .setting(minimumFreeMegabytes),
        ])

    static let cameras = SettingSection(
        "cameras", isList: true, "The cameras, 1 to 256.",
        [
            .setting(name), .setting(source), .setting(loop), .setting(maxFPS), .setting(maxAge), .setting(priority),
            .setting(cameraFit), .setting(rtspTransport), .setting(openTimeout), .setting(readTimeout),
            .setting(protocols), .setting(formats), .setting(codecs), .setting(maxPixels), .setting(frozenAfter),
            .setting(refuseFlat), .setting(awaitKeyFrame), .setting(demuxer), .setting(stillFPS), .setting(deviceSize),
            .setting(deviceFPS), .setting(deviceFormat),
            .setting(cameraSockets),
            .section(recordings),
        ])

    static let all: [SettingEntry] = [
        .setting(model), .setting(size), .setting(fit), .setting(threads), .setting(cpuFeatures),
        .setting(logLevel), .setting(reportInterval), .section(sockets), .section(control), .section(http),
        .section(cameras),
    ]
}

/// A key as the manual describes it.
public struct SettingDescription: Hashable, Sendable {
    /// The key with all it lies in: `sockets.mode`, `cameras[].name`.
    public let key: String
    /// What is accepted.
    public let expectation: String
    /// The value where the key is left out, as a file has it; nil where it must be given or where it is a section.
    public let defaultText: String?
    /// What it does.
    public let documentation: String

    /// Every key of the configuration file, in the order of the table.
    public static var all: [SettingDescription] { describe(ConfigurationSettings.all, path: "") }

    private static func describe(_ entries: [SettingEntry], path: String) -> [SettingDescription] {
        entries.flatMap { entry -> [SettingDescription] in
            switch entry {
            case .setting(let setting):
                return [
                    SettingDescription(
                        key: path + setting.key, expectation: setting.expectation, defaultText: setting.defaultText,
                        documentation: setting.documentation)
                ]
            case .section(let section):
                let header = SettingDescription(
                    key: path + section.key, expectation: section.isList ? "a list" : "a section", defaultText: nil,
                    documentation: section.documentation)
                let inner = path + section.key + (section.isList ? "[]." : ".")
                return [header] + describe(section.entries, path: inner)
            }
        }
    }
}
