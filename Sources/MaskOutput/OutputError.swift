import Glibc
import Imaging
import Threads

/// Why an output cannot be made or written, besides what `EncodeError` says of files.
public enum OutputError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file lies where a folder is wanted.
    case notAFolder(path: String)
    /// A folder could not be made or written to.
    case folder(path: String, errno: Int32)
    /// The output's name fits no kind of output.
    case unknownKind(path: String, known: [String])
    /// A recording's name is that of no container that is playable while it is written.
    case unknownRecording(path: String, known: [String])
    /// A second frame came for a file that holds one picture.
    case moreThanOneFrame(path: String)
    /// A frame came whose size the output cannot hold.
    case sizeChanged(output: String, expected: ImageSize, got: ImageSize)
    /// Whoever read the output has gone away.
    case readerGone(output: String)
    /// A write to a descriptor failed.
    case write(output: String, errno: Int32)
    /// A socket could not be set up: `step` is what failed.
    case socket(path: String, step: String, errno: Int32)
    /// A socket's path is another process's; `pid` is nil where it is not known.
    case socketInUse(path: String, pid: Int32?)
    /// Something that is no socket lies at a socket's path.
    case notASocket(path: String)
    /// A socket's path is longer than the system allows.
    case socketPathTooLong(path: String, limit: Int)
    /// There is no such group.
    case unknownGroup(name: String, path: String)
    /// Exact times are wanted of an output whose frames have none.
    case noTimes(output: String)
    /// There is no thread for what serves it.
    case thread(ThreadError)
    /// A call came out of order: `begin` once, then `write`, then `finish`.
    case outOfOrder(output: String)

    /// One sentence: what, where, why, and what to do.
    public var description: String {
        switch self {
        case .notAFolder(let path):
            "cannot write PNGs to \(path): it is a file, not a folder; give another name"
                + (path == "/dev/null" ? ", or null: to write nothing" : "")
        case .folder(let path, let code):
            "cannot make or use the folder \(path): \(Self.text(code))" + Self.advice(code)
        case .unknownKind(let path, let known):
            "cannot tell what to write from the name \(path): give a folder (ending in /), - for standard output, or "
                + "a file ending in " + known.map { ".\($0)" }.joined(separator: " ")
        case .unknownRecording(let path, let known):
            "cannot record to \(path): give a folder (ending in /) for PNGs, or a file ending in "
                + known.map { ".\($0)" }.joined(separator: " ")
        case .moreThanOneFrame(let path):
            "\(path) holds one picture and the input has more frames; give a folder (ending in /) or a video file"
        case .sizeChanged(let output, let expected, let got):
            "cannot write a frame of \(got) to \(output): it was begun with \(expected)"
        case .readerGone(let output):
            "the reader of \(output) has gone away"
        case .write(let output, let code):
            "cannot write to \(output): \(Self.text(code))" + Self.advice(code)
        case .socket(let path, let step, let code):
            "cannot open the socket \(path): \(step) failed: \(Self.text(code))" + Self.advice(code)
        case .socketInUse(let path, let pid):
            "cannot open the socket \(path): it is in use by another process"
                + (pid.map { " (pid \($0))" } ?? "") + "; stop that one or choose another path"
        case .notASocket(let path):
            "cannot open the socket \(path): something that is no socket lies there; remove it or choose another path"
        case .socketPathTooLong(let path, let limit):
            "cannot open the socket \(path): the path is \(path.utf8.count) bytes long and the system allows \(limit)"
        case .unknownGroup(let name, let path):
            "cannot give the socket \(path) to the group \(name): there is no such group"
        case .noTimes(let output):
            "cannot keep exact times in \(output): pictures and Y4M have no times; write a video file (.mkv, .mp4, .nut)"
        case .thread(let error):
            error.description
        case .outOfOrder(let output):
            "\(output) was written to before it was begun or after it ended"
        }
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "; free some space or choose a place on another disk"
        case ENOENT: "; make the folder above it first"
        case EACCES, EPERM, EROFS: "; choose a place that you may write to, or change its permissions"
        default: ""
        }
    }
}
