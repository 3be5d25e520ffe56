import Glibc
import Threads

/// Why a file could not be written.
public enum EncodeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file or its temporary neighbour could not be made.
    case cannotCreate(path: String, errno: Int32)
    /// A write, the flush to disk or the final rename failed.
    case cannotWrite(path: String, errno: Int32)
    /// The name's extension is none we can write; `known` lists those we can.
    case unknownExtension(path: String, known: [String])
    /// The container cannot hold such a video; `advice` says what can.
    case unsuitable(path: String, reason: String, advice: String)
    /// This FFmpeg was built without the encoder.
    case noEncoder(name: String, path: String)
    /// FFmpeg refused a step; `code` is its AVERROR, `detail` what its log said.
    case failed(step: String, path: String, code: Int32, detail: String? = nil)
    /// The system does not give the encoder its threads.
    case noThreads(ThreadError, path: String)
    /// The file was to be finished before any frame had come.
    case nothingWritten(path: String)

    /// What sort of failure it is, as `MediaError` sorts them.
    public var kind: MediaError.Kind {
        switch self {
        case .cannotCreate(_, let code), .cannotWrite(_, let code): MediaError.kind(of: -code)
        case .unknownExtension: .invalidArgument
        case .unsuitable, .noEncoder: .unsupported
        case .failed(_, _, let code, _): MediaError.kind(of: code)
        case .noThreads: .noThreads
        case .nothingWritten: .noVideo
        }
    }

    /// One sentence: what, where, why, and what to do.
    public var description: String {
        switch self {
        case .cannotCreate(let path, let code):
            "cannot create \(path): \(Self.text(code))\(Self.advice(code))"
        case .cannotWrite(let path, let code):
            "cannot write \(path): \(Self.text(code))\(Self.advice(code))"
        case .unknownExtension(let path, let known):
            "cannot tell what to write from the name \(path): expected one of "
                + known.map { ".\($0)" }.joined(separator: " ")
        case .unsuitable(let path, let reason, let advice):
            "cannot write \(path): \(reason); \(advice)"
        case .noEncoder(let name, let path):
            "cannot write \(path): this FFmpeg has no encoder \(name); install an FFmpeg that has it, or choose "
                + "another file name extension"
        case .failed(let step, let path, let code, let detail):
            "cannot write \(path): \(step) failed: \(MediaError.text(of: code))" + (detail.map { ": \($0)" } ?? "")
        case .noThreads(let error, let path): "cannot write \(path): \(error)"
        case .nothingWritten(let path):
            "nothing was written to \(path): not one frame came"
        }
    }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOSPC: "; free some space or choose a place on another disk"
        case EDQUOT: "; your disk quota is used up: free some space or choose another place"
        case ENOENT: "; make the folder first"
        case EACCES, EPERM, EROFS: "; choose a folder that you may write to, or change its permissions"
        case EEXIST:
            "; what lies there is no file but a device, a pipe or a socket: choose another name, or write Y4M to "
                + "standard output (-)"
        case EBUSY: "; another process writes it now, and it cannot be replaced: wait for that one"
        case ENAMETOOLONG: "; choose a shorter name"
        case EISDIR: "; choose another name"
        case EFBIG: "; the file system or a limit of the process allows no larger file"
        default: ""
        }
    }

    private static func text(_ code: Int32) -> String {
        code == ENOSPC ? "no space left on the device" : String(cString: strerror(code)).lowercasedFirst
    }
}

extension String {
    fileprivate var lowercasedFirst: String { prefix(1).lowercased() + dropFirst() }
}
