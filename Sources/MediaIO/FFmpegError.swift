import CFFmpeg
import Glibc
import Imaging
import Threads

/// Why media could not be opened, read, converted or written, as one sentence that names it.
public struct MediaError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What sort of failure it is, for programs to decide by.
    public enum Kind: String, Sendable {
        /// The data ended.
        case endOfFile
        /// No such file, device, stream or host path.
        case notFound
        /// The system or the server forbids it.
        case permission
        /// The data is not what it claims to be.
        case invalidData
        /// The data stops before its end.
        case truncated
        /// There is no video in it.
        case noVideo
        /// A format, codec, protocol, option or conversion that is not available.
        case unsupported
        /// An option or argument that makes no sense.
        case invalidArgument
        /// The picture has more pixels than allowed.
        case tooLarge
        /// It was called off from another thread.
        case cancelled
        /// A deadline passed.
        case timedOut
        /// The network or the other side failed.
        case connection
        /// The disk is full.
        case noSpace
        /// The process or the system has too many files open; it may pass.
        case tooManyFiles
        /// Memory ran out.
        case outOfMemory
        /// The system gives the process no thread that it needs.
        case noThreads
        /// The disk or the device failed.
        case inputOutput
        /// Something else.
        case other
    }

    /// What sort of failure it is.
    public let kind: Kind
    /// What was being done: `open`, `read`, `decode`, `convert`, `write`.
    public let action: String
    /// On what: a path, or a URL without its secrets.
    public let subject: String
    /// What went wrong, in FFmpeg's words or ours.
    public let reason: String
    /// FFmpeg's error code; 0 where FFmpeg gave none.
    public let code: Int32
    /// What to do about it.
    public let hint: String?

    /// A failure that FFmpeg did not report itself.
    public init(_ kind: Kind, _ action: String, _ subject: String, reason: String, hint: String? = nil) {
        self.init(kind: kind, action: action, subject: subject, reason: reason, code: 0, hint: hint)
    }

    /// A failure that FFmpeg reported with `code`. `detail` is what its log said at the time, where it said anything.
    public init(code: Int32, _ action: String, _ subject: String, detail: String? = nil, hint: String? = nil) {
        // FFmpeg says the same of a connection that broke and of a disk that fails.
        let isDisk = code == -EIO && !subject.contains("://")
        let kind = isDisk ? .inputOutput : Self.kind(of: code)
        let text = Self.text(of: code)
        let reason = detail.flatMap { $0.isEmpty || $0 == text ? nil : "\(text): \($0)" } ?? text
        self.init(
            kind: kind, action: action, subject: subject, reason: Secrets.redact(reason), code: code,
            hint: kind == .tooManyFiles
                ? "raise the limit, with ulimit -n or LimitNOFILE= of the unit, or close something" : hint)
    }

    /// A failure that FFmpeg reported with `code` on data that could be read. Whatever FFmpeg calls it, an argument that
    /// makes no sense, an unknown error of a library, a missing file within: the data is what is wrong, unless it is the
    /// machine.
    init(dataCode code: Int32, _ action: String, _ subject: String, detail: String?, hint: String? = nil) {
        let kind = Self.kind(of: code)
        // Damaged headers ask for what nobody ever wrote a decoder for.
        let asksForUnknown = code == Self.patchWelcome || code == -ENOSYS
        switch kind {
        case .unsupported where asksForUnknown,
            .invalidArgument, .other, .notFound, .connection, .permission, .noVideo:
            let detail = detail.flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ", says FFmpeg: \(Self.text(of: code))"
            self.init(
                kind: .invalidData, action: action, subject: subject,
                reason: Secrets.redact("its data is damaged, or is not what it claims to be\(detail)"), code: code,
                hint: hint)
        default: self.init(code: code, action, subject, detail: detail, hint: hint)
        }
    }

    /// A codec that could not be opened for want of `count` threads; nil where the system gives that many.
    ///
    /// Codecs do not say so themselves: x264 calls it a generic error, others call it data that makes no sense.
    static func noThreads(_ count: Int, _ action: String, _ subject: String, for purpose: String) -> MediaError? {
        do throws(ThreadError) {
            try ThreadCrew.check(count, for: purpose)
            return nil
        } catch {
            return MediaError(.noThreads, action, subject, reason: error.description)
        }
    }

    /// Whether the machine is what failed, so that other data would fail as well.
    public var isOfMachine: Bool { [.outOfMemory, .tooManyFiles, .noThreads].contains(kind) }

    /// What to do where a picture has too many pixels.
    static let maxPixelsHint = "raise the limit with --max-pixels, or max_pixels in the configuration, if this is meant"

    init(kind: Kind, action: String, subject: String, reason: String, code: Int32, hint: String?) {
        self.kind = kind
        self.action = action
        self.subject = subject
        self.reason = reason
        self.code = code
        self.hint = hint ?? (kind == .outOfMemory ? Self.memoryHint : nil)
    }

    private static let memoryHint =
        "allow more, with ulimit -v, MemoryMax= or LimitAS= of the unit, or a container's --memory, or use smaller pictures"

    /// `cannot open drive.mp4: Invalid data found when processing input: moov atom not found (hint)`.
    public var description: String {
        let sentence = Secrets.redact(message: "cannot \(action) \(PathBytes.shown(subject)): \(reason)")
        return hint.map { "\(sentence) (\($0))" } ?? sentence
    }

    /// The same failure with `advice` besides what is said already.
    func advising(_ advice: String?) -> MediaError {
        guard let advice, hint?.contains(advice) != true else { return self }
        return MediaError(
            kind: kind, action: action, subject: subject, reason: reason, code: code,
            hint: hint.map { "\($0); \(advice)" } ?? advice)
    }

    /// FFmpeg's text for an error code.
    public static func text(of code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(AV_ERROR_MAX_STRING_SIZE)) { buffer in
            guard let base = buffer.baseAddress else { return "error \(code)" }
            av_strerror(code, base, buffer.count)
            return String(cString: base)
        }
    }

    /// The sort of failure that FFmpeg means by an error code.
    public static func kind(of code: Int32) -> Kind {
        switch code {
        case FF_ERROR_EOF: return .endOfFile
        case FF_ERROR_EXIT: return .cancelled
        case FF_ERROR_INVALIDDATA: return .invalidData
        case Self.decoderNotFound, Self.encoderNotFound, Self.demuxerNotFound, Self.muxerNotFound,
            Self.protocolNotFound, Self.optionNotFound, Self.patchWelcome, Self.filterNotFound:
            return .unsupported
        case Self.streamNotFound: return .noVideo
        case Self.httpNotFound: return .notFound
        case Self.httpUnauthorized, Self.httpForbidden: return .permission
        case Self.httpBadRequest, Self.httpOther4xx, Self.httpServerError: return .connection
        default: break
        }
        switch -code {
        case ENOENT, ENXIO, ENODEV, ENOTDIR, EISDIR, EBADF: return .notFound
        case EACCES, EPERM, EROFS: return .permission
        case EINVAL, ERANGE: return .invalidArgument
        case ENOSYS, EPROTONOSUPPORT, ENOTSUP: return .unsupported
        case ENOMEM: return .outOfMemory
        case EMFILE, ENFILE: return .tooManyFiles
        case ENOSPC, EDQUOT: return .noSpace
        case ETIMEDOUT: return .timedOut
        case ECONNREFUSED, ECONNRESET, ECONNABORTED, EPIPE, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EIO, ENOTCONN,
            EADDRNOTAVAIL, EHOSTDOWN:
            return .connection
        default: return .other
        }
    }

    // FFERRTAG of libavutil/error.h, whose macros Swift does not see.
    private static func tag(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) -> Int32 {
        -Int32(bitPattern: UInt32(a) | UInt32(b) << 8 | UInt32(c) << 16 | UInt32(d) << 24)
    }
    private static func tag(_ text: StaticString) -> Int32 {
        text.withUTF8Buffer { $0.count == 3 ? tag(0xF8, $0[0], $0[1], $0[2]) : 0 }
    }
    static let decoderNotFound = tag("DEC")
    static let encoderNotFound = tag("ENC")
    static let demuxerNotFound = tag("DEM")
    static let muxerNotFound = tag("MUX")
    static let protocolNotFound = tag("PRO")
    static let optionNotFound = tag("OPT")
    static let streamNotFound = tag("STR")
    static let filterNotFound = tag("FIL")
    static let patchWelcome = tag(0x50, 0x41, 0x57, 0x45)
    static let httpBadRequest = tag("400")
    static let httpUnauthorized = tag("401")
    static let httpForbidden = tag("403")
    static let httpNotFound = tag("404")
    static let httpOther4xx = tag("4XX")
    static let httpServerError = tag("5XX")
    static let tryAgain = ff_averror(EAGAIN)
}

/// Passes FFmpeg's answer on, or throws it as a `MediaError`.
@discardableResult
func check(_ code: Int32, _ action: String, _ subject: @autoclosure () -> String) throws -> Int32 {
    guard code < 0 else { return code }
    throw MediaError(code: code, action, subject())
}
