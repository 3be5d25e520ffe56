import Evaluation
import Glibc
import Inference
import Kernels
import MaskOutput
import MediaIO
import Networks
import Operations
import Pipeline
import Segmentation
import SyntheticDrive
import Threads
import VideoInput

/// The codes of sysexits.h, and those of a process that a signal ended.
enum ExitStatus: Int32 {
    case usage = 64
    case dataError = 65
    case noInput = 66
    case unavailable = 69
    case software = 70
    case osError = 71
    case cannotCreate = 73
    case ioError = 74
    case temporaryFailure = 75
    case noPermission = 77
    case configuration = 78
    case hungUp = 129
    case interrupted = 130
    case terminated = 143
}

/// A command that failed: what to say, and the code to end with.
struct CommandFailure: Error, CustomStringConvertible {
    let lines: [String]
    let status: ExitStatus

    /// What to say, for whoever passes it on: the log, the answer to a reload.
    var description: String { lines.joined(separator: "\n") }

    init(_ status: ExitStatus, _ message: String) {
        lines = message.split(separator: "\n").map(String.init)
        self.status = status
    }

    /// What `error` says, and the code that fits it.
    init(_ error: any Error) {
        self.init(ExitStatus(error), "\(error)")
    }
}

extension CommandFailure {
    /// Says what it is on standard error, a line each. Answers the code to end with.
    func tell() -> ExitStatus {
        for line in lines { StandardError.write("segmentd: \(line)\n") }
        // A library that is short of memory often only says that it failed.
        guard [.software, .dataError, .unavailable].contains(status), OutOfMemory.isShort else { return status }
        StandardError.flush()
        OutOfMemory.tell()
        return .osError
    }
}

extension ExitStatus {
    /// The code that fits an error of any part of the program.
    init(_ error: any Error) {
        switch error {
        case let error as CommandFailure: self = error.status
        case let error as PipelineFailure: self = Self(error.error)
        case let error as MediaError: self = Self(error)
        case let error as EncodeError: self = Self(error)
        case let error as OutputError: self = Self(error)
        case is SyntheticOptionsError, is Overwriting, is UnknownBlock: self = .usage
        case is ConfigurationError: self = .configuration
        case let error as ConfigurationFileError: self = Self(reading: error.code)
        case is ModelError, is PairingError, is EvaluationError: self = .dataError
        case is UnsupportedInstructionSet: self = .unavailable
        case is StatusServerError: self = .unavailable
        case is ThreadError: self = .osError
        case let error as ControlClientError: self = Self(error)
        case let error as Engine.Failure: self = Self(error)
        default: self = .software
        }
    }

    private init(_ error: Engine.Failure) {
        switch error {
        case .graph: self = .dataError
        case .threads: self = .osError
        default: self = .unavailable
        }
    }

    private init(_ error: MediaError) {
        switch error.kind {
        case .notFound: self = .noInput
        case .permission: self = .noPermission
        case .endOfFile, .invalidData, .truncated, .noVideo, .tooLarge: self = .dataError
        // A picture or a video that this program cannot decode is what is wrong, not the machine.
        case .unsupported where ["read", "decode", "convert"].contains(error.action): self = .dataError
        case .unsupported, .timedOut, .connection: self = .unavailable
        case .invalidArgument: self = .usage
        case .noSpace, .inputOutput: self = .ioError
        case .tooManyFiles: self = .temporaryFailure
        case .outOfMemory, .noThreads: self = .osError
        case .cancelled, .other: self = .software
        }
    }

    private init(_ error: EncodeError) {
        switch error {
        case .cannotCreate(_, let code): self = Self(creating: code)
        case .cannotWrite: self = .ioError
        case .unknownExtension, .unsuitable: self = .usage
        case .noEncoder: self = .unavailable
        case .failed: self = .software
        case .noThreads: self = .osError
        case .nothingWritten: self = .dataError
        }
    }

    private init(_ error: ControlClientError) {
        switch error {
        case .notRunning, .noAnswer, .timedOut, .refused: self = .unavailable
        case .notAllowed, .notPermitted: self = .noPermission
        case .unusable: self = .usage
        case .notUnderstood: self = .dataError
        }
    }

    private init(_ error: OutputError) {
        switch error {
        case .folder(_, let code), .socket(_, _, let code): self = Self(creating: code)
        case .notAFolder, .notASocket, .socketPathTooLong: self = .cannotCreate
        case .socketInUse: self = .unavailable
        case .unknownKind, .unknownRecording, .moreThanOneFrame, .noTimes: self = .usage
        case .unknownGroup: self = .configuration
        case .readerGone, .write: self = .ioError
        case .sizeChanged: self = .dataError
        case .thread: self = .osError
        case .outOfOrder: self = .software
        }
    }

    /// The code for a file that cannot be read because of `errno`.
    init(reading code: Int32) {
        switch code {
        case ENOENT, ENOTDIR, EISDIR: self = .noInput
        case EACCES, EPERM: self = .noPermission
        case EMFILE, ENFILE: self = .temporaryFailure
        default: self = .ioError
        }
    }

    private init(creating code: Int32) {
        switch code {
        case EACCES, EPERM: self = .noPermission
        case ENOSPC, EDQUOT, EIO: self = .ioError
        case EMFILE, ENFILE: self = .temporaryFailure
        default: self = .cannotCreate
        }
    }
}
