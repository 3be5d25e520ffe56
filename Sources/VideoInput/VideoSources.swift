import Glibc
import Imaging
import MediaIO
import SyntheticDrive

/// What a user's word for an input means.
public enum SourceInput: Hashable, Sendable, CustomStringConvertible {
    /// `synthetic:` and what follows it.
    case synthetic(String)
    /// A V4L2 device by its path.
    case device(String)
    /// A folder of images.
    case folder(String)
    /// A file, an image or a URL.
    case media(MediaLocation)

    /// Reads `synthetic:seed=7`, `/dev/video0`, `v4l2:/dev/video0`, a folder's path, a file's path, a URL, or `-` for
    /// standard input.
    public init(_ text: String) {
        if SyntheticOptions.matches(text) {
            self = .synthetic(String(text.dropFirst("synthetic:".count)))
        } else if text.hasPrefix("v4l2:") {
            self = .device(String(text.dropFirst("v4l2:".count)))
        } else if text.hasPrefix("/dev/video") || text.hasPrefix("/dev/v4l/") {
            self = .device(text)
        } else {
            let location = MediaLocation(text)
            self = location.path.flatMap { Self.isFolder($0) ? .folder($0) : nil } ?? .media(location)
        }
    }

    /// As the user may see it, without secrets.
    public var description: String {
        switch self {
        case .synthetic(let specification): MediaLocation.redacted("synthetic:\(specification)")
        case .device(let path), .folder(let path): PathBytes.shown(MediaLocation.redacted(path))
        case .media(let location): location.description
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }
}

/// Makes the source for an input.
public enum VideoSources {
    /// The source for `input`, not yet opened. Of `options` a synthetic drive takes pace and looping only.
    ///
    /// - Throws: `SyntheticOptionsError` where `input` is `synthetic:` and its options are wrong.
    public static func source(
        _ input: SourceInput, camera: String, options: SourceOptions = SourceOptions(),
        clock: any FrameClock = SystemClock()
    ) throws -> any VideoSource {
        switch input {
        case .synthetic(let specification):
            var drive = try SyntheticOptions(url: "\(SyntheticOptions.scheme):\(specification)")
            if options.pace == .realTime || options.isLive == true { drive.isLive = true }
            // A drive without end needs no joint.
            if options.loops { drive.seconds = nil }
            return SyntheticSource(camera: camera, options: drive, clock: clock)
        case .device(let path):
            var device = options
            device.format = options.format ?? "v4l2"
            return FFmpegSource(camera: camera, location: MediaLocation(path), options: device, clock: clock)
        case .folder(let path):
            return ImageFolderSource(camera: camera, path: path, options: options, clock: clock)
        case .media(let location):
            return FFmpegSource(camera: camera, location: location, options: options, clock: clock)
        }
    }
}
