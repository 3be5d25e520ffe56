import Glibc
import Imaging
import MediaIO

/// Picks the sink for what a user wrote after `-o`.
public enum MaskSinks {
    /// Where masks go, told from a name alone and what lies there.
    public enum Kind: Equatable, Sendable {
        /// Y4M to standard output.
        case standardOutput
        /// A video file, or its checksums.
        case video
        /// A Y4M file.
        case y4m
        /// A PNG a frame.
        case folder
        /// One PNG.
        case picture
        /// Nowhere.
        case null

        /// Whether frames in it have times.
        var holdsTimes: Bool { self == .video || self == .null }

        /// The style where the user names none: ids for PNGs and checksums, an overlay for what is looked at.
        public func defaultStyle(path: String) -> OutputStyle {
            switch self {
            case .folder: .ids
            case .video where path.lowercased().hasSuffix(".framemd5"): .ids
            default: .overlay
            }
        }
    }

    /// File name extensions that make a file; any other name is a folder's.
    public static var extensions: [String] { VideoWriter.extensions + ["y4m", "png"] }

    /// `-` is standard output, `null:` nowhere; a name with one of `extensions` is a file; a folder that exists, a name
    /// that ends in `/` and one without an extension are folders. Another extension is an error, lest a misspelt
    /// `.mp5` become a folder of PNGs.
    public static func kind(of output: String) throws(OutputError) -> Kind {
        guard !output.isEmpty else { throw .unknownKind(path: "''", known: extensions) }
        if ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].contains(output) { return .standardOutput }
        if output == "null:" { return .null }
        if output.hasSuffix("/") || isFolder(output) { return .folder }
        let name = output.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else {
            if exists(output) { throw .notAFolder(path: output) }
            return .folder
        }
        switch name[name.index(after: dot)...].lowercased() {
        case "y4m": return .y4m
        case "png": return .picture
        case let found where VideoWriter.extensions.contains(found): return .video
        default: throw .unknownKind(path: output, known: extensions)
        }
    }

    /// The sink for `output` in `style` (nil: the usual one for its kind). Nothing is touched before `begin`, but what
    /// cannot be is refused here.
    public static func make(
        output: String, style: OutputStyle? = nil, options: OutputOptions = OutputOptions()
    ) throws -> any MaskSink {
        let kind = try kind(of: output)
        let style = style ?? kind.defaultStyle(path: output)
        if options.keepsExactTimes, !kind.holdsTimes { throw OutputError.noTimes(output: output) }
        switch kind {
        case .standardOutput: return Y4MSink(target: .descriptor(STDOUT_FILENO), style: style, options: options)
        case .y4m: return Y4MSink(target: .file(output), style: style, options: options)
        case .folder: return PNGSink(target: .folder(output), style: style, options: options)
        case .picture: return PNGSink(target: .file(output), style: style, options: options)
        case .null: return NullSink()
        case .video:
            try VideoWriter.checkName(
                path: output, content: style.content, keepsExactTimes: options.keepsExactTimes)
            return VideoSink(path: output, style: style, options: options)
        }
    }

    /// Makes sure that `output` can be written where it is, as far as that can be told before the work; throws what
    /// `begin` would, and leaves nothing behind.
    public static func check(place output: String) throws {
        switch try kind(of: output) {
        case .null: break
        case .standardOutput:
            let flags = fcntl(STDOUT_FILENO, F_GETFL)
            guard flags >= 0, flags & O_ACCMODE != O_RDONLY else {
                throw OutputError.write(output: "standard output", errno: EBADF)
            }
        case .video, .y4m, .picture: try PartialFile(path: output).abandon()
        case .folder: try PNGSink.check(folder: output)
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0
    }
}
