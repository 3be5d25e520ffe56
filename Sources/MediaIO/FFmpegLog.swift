import CFFmpeg
import Glibc
import Synchronization

/// FFmpeg's own log lines, caught before they reach stderr, with passwords and tokens taken out.
public enum FFmpegLog {
    /// How much a line matters: FFmpeg's levels.
    public enum Level: Int32, Comparable, Sendable, CaseIterable {
        case quiet = -8
        case panic = 0
        case fatal = 8
        case error = 16
        case warning = 24
        case info = 32
        case verbose = 40
        case debug = 48
        case trace = 56

        /// More important first.
        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// One line.
    public struct Line: Hashable, Sendable {
        /// How much it matters.
        public let level: Level
        /// Who says it: `h264`, `rtsp`, `swscaler`; empty where FFmpeg does not tell.
        public let component: String
        /// What it says, on one line, without secrets.
        public let message: String
    }

    private static let handler = Mutex<(@Sendable (Line) -> Void)?>(nil)
    private static let threshold = Atomic<Int32>(Level.warning.rawValue)
    // What is said on a thread while it collects it.
    private static let collections = Mutex<[pthread_t: Collection]>([:])
    private static let collecting = Atomic<Int>(0)

    private static let installed: Void = {
        av_log_set_level(AV_LOG_WARNING)
        av_log_set_callback { context, level, format, arguments in
            FFmpegLog.receive(context, level, format, arguments)
        }
    }()

    /// Keeps FFmpeg from writing to stderr. Everything in this module that calls FFmpeg does this first; until a
    /// handler is set the lines are dropped.
    public static func install() { installed }

    /// Sends lines up to `level` to `handler`, which may be called on any thread, FFmpeg's own included, and must
    /// not call FFmpeg. Nil drops them again.
    public static func setHandler(level: Level = .warning, _ handler: (@Sendable (Line) -> Void)?) {
        install()
        Self.handler.withLock { $0 = handler }
        threshold.store(level.rawValue, ordering: .relaxed)
        av_log_set_level(level.rawValue)
    }

    /// Runs `body` and returns what FFmpeg said on this thread meanwhile at level error or above, in order:
    /// often the only place where it tells the true reason of a failure.
    static func collectingErrors<Result>(_ body: () throws -> Result) rethrows -> (Result, said: [String]) {
        let (result, said) = try collecting(body)
        return (result, said.filter(\.isError).map(\.message))
    }

    /// What was said on a thread.
    struct Said {
        let message: String
        let isError: Bool
        /// Whether it is of a developer's level, and tells of lost data.
        let isWhisper: Bool
    }

    private struct Collection {
        var lines: [Said] = []
        let watch: (@Sendable (String) -> Void)?
    }

    /// Runs `body` and returns what FFmpeg said on this thread meanwhile at level warning or above, in order, and what
    /// it only whispers of lost data. `watch` is called with each line as it is said, and must not call FFmpeg.
    static func collecting<Result>(
        watch: (@Sendable (String) -> Void)? = nil, _ body: () throws -> Result
    ) rethrows -> (Result, said: [Said]) {
        install()
        let thread = pthread_self()
        let outer = collections.withLock { $0.updateValue(Collection(watch: watch), forKey: thread) }
        collecting.add(1, ordering: .relaxed)
        func end() -> [Said] {
            collecting.subtract(1, ordering: .relaxed)
            return collections.withLock { all in
                let said = all[thread]?.lines ?? []
                all[thread] = outer
                all[thread]?.lines += said
                return said
            }
        }
        do {
            let result = try body()
            return (result, end())
        } catch {
            _ = end()
            throw error
        }
    }

    private static func receive(
        _ context: UnsafeMutableRawPointer?, _ level: Int32, _ format: UnsafePointer<CChar>?,
        _ arguments: CVaListPointer?
    ) {
        // The low byte is the level, what stands above it a colour.
        let level = level < 0 ? level : level & 0xFF
        let wanted = level <= threshold.load(ordering: .relaxed)
        guard let format, let arguments else { return }
        let collected =
            collecting.load(ordering: .relaxed) > 0
            && (level <= AV_LOG_WARNING || LossReport.isWhispered(level: level, format: format))
        guard wanted || collected else { return }
        let message = text(context, level, format, arguments)
        guard !message.isEmpty else { return }
        if collected {
            let thread = pthread_self()
            let watch = collections.withLock { all -> (@Sendable (String) -> Void)? in
                guard let count = all[thread]?.lines.count else { return nil }
                let watch = all[thread]?.watch
                guard count < 64 else { return watch }
                // Which format it is stands nowhere else.
                let isRefusal = message.hasPrefix("Format not on whitelist")
                let text = isRefusal ? "\(component(context)): \(message)" : message
                all[thread]?.lines.append(
                    Said(message: text, isError: level <= AV_LOG_ERROR, isWhisper: level > AV_LOG_WARNING))
                return watch
            }
            watch?(message)
        }
        if wanted, let handler = handler.withLock({ $0 }) {
            let name = Level.allCases.last { $0.rawValue <= level } ?? .quiet
            handler(Line(level: name, component: component(context), message: message))
        }
    }

    private static func text(
        _ context: UnsafeMutableRawPointer?, _ level: Int32, _ format: UnsafePointer<CChar>, _ arguments: CVaListPointer
    ) -> String {
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer -> String in
            guard let base = buffer.baseAddress else { return "" }
            var prefix: Int32 = 0
            let length = av_log_format_line2(context, level, format, arguments, base, Int32(buffer.count), &prefix)
            let text = String(cString: base)
            // Half a URL cannot be told from one without a password, nor half a password be found.
            guard Int(length) >= buffer.count, let scheme = text.firstRange(of: "://") else { return text }
            return text[..<scheme.upperBound] + "…"
        }
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return Secrets.redact(String(line.drop(while: \.isWhitespace)))
    }

    private static func component(_ context: UnsafeMutableRawPointer?) -> String {
        // What libav logs with begins with a pointer to its AVClass.
        guard let context, let type = context.load(as: UnsafePointer<AVClass>?.self),
            let name = type.pointee.item_name?(context)
        else { return "" }
        return String(cString: name)
    }
}
