import Glibc
import Imaging
import Logging
import MediaIO
import Synchronization

/// Writes log messages to standard error: for journald with its priority, for people with the time.
public struct ServiceLog: LogHandler {
    /// How lines look.
    public enum Style: Sendable {
        /// `<6>message`: journald takes the priority off and adds the time itself.
        case journal
        /// `2026-11-23T04:51:48.123Z info message`.
        case plain

        /// journald's where systemd has connected standard error to it, plain otherwise.
        public static var suitable: Style {
            // JOURNAL_STREAM is inherited by shells in a service too; the device and inode tell whether it is this one.
            guard let stream = getenv("JOURNAL_STREAM") else {
                return getenv("INVOCATION_ID") == nil || isatty(STDERR_FILENO) != 0 ? .plain : .journal
            }
            var status = stat()
            guard fstat(STDERR_FILENO, &status) == 0 else { return .plain }
            return String(cString: stream) == "\(status.st_dev):\(status.st_ino)" ? .journal : .plain
        }
    }

    /// What all loggers of a log share: the level, which may change while the service runs, and what repeats itself.
    public final class Shared: Sendable {
        private let level: Mutex<Logger.Level>
        private let repeats = Mutex((limit: RepeatLimit(interval: 60_000_000_000), latest: [String: String]()))

        /// Begins at `level`.
        public init(level: Logger.Level) { self.level = Mutex(level) }

        /// Messages below this are left out.
        public var threshold: Logger.Level {
            get { level.withLock { $0 } }
            set { level.withLock { $0 = newValue } }
        }

        /// Whether to log `message` now: nil if not, else how many like it were left out before.
        func admit(_ message: String) -> Int? {
            // Counts and addresses differ between messages that say the same.
            let kind = String(message.prefix(400).map { $0.isNumber ? "#" : $0 })
            return repeats.withLock { repeats in
                let leftOut = repeats.limit.admit(kind, at: SystemClock().monotonicNanoseconds)
                repeats.latest[kind] = leftOut == nil ? message : nil
                return leftOut
            }
        }

        /// The last of the messages that were left out and are not told of yet, once their minute is over, and how many
        /// there were like it.
        public func leftOut() -> [(message: String, count: Int)] {
            repeats.withLock { repeats in
                repeats.limit.overdue(at: SystemClock().monotonicNanoseconds).compactMap { kind, count in
                    repeats.latest.removeValue(forKey: kind).map { ($0, count) }
                }
            }
        }
    }

    /// Messages below this are left out.
    public var logLevel: Logger.Level {
        get { own ?? shared.threshold }
        set { own = newValue }
    }
    private let shared: Shared
    private var own: Logger.Level?
    /// What every message carries.
    public var metadata: Logger.Metadata = [:]
    private let style: Style
    private let write: @Sendable (String) -> Void

    /// A log in `style`. `write` takes whole lines, with their end.
    public init(
        style: Style = .suitable, shared: Shared = Shared(level: .info),
        write: @escaping @Sendable (String) -> Void = Self.writeToStandardError
    ) {
        self.style = style
        self.shared = shared
        self.write = write
    }

    /// A logger in `style` called `label`.
    public static func logger(
        label: String = "segmentd", style: Style = .suitable, level: Logger.Level,
        write: @escaping @Sendable (String) -> Void = Self.writeToStandardError
    ) -> Logger {
        logger(label: label, style: style, shared: Shared(level: level), write: write)
    }

    /// A logger in `style` called `label`, which goes by what `shared` says.
    public static func logger(
        label: String = "segmentd", style: Style = .suitable, shared: Shared,
        write: @escaping @Sendable (String) -> Void = Self.writeToStandardError
    ) -> Logger {
        Logger(label: label) { _ in ServiceLog(style: style, shared: shared, write: write) }
    }

    /// One value that every message carries.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Nothing but what each logger carries.
    public var metadataProvider: Logger.MetadataProvider? {
        get { nil }
        set {}
    }

    /// Writes one message. One of several lines becomes several, each with the priority. A warning, or a camera's error,
    /// is written once a minute, with the number of those like it since.
    public func log(event: LogEvent) {
        let carried = metadata.merging(event.metadata ?? [:]) { $1 }
        let camera = carried["camera"].map { "\($0): " } ?? ""
        let others = carried.filter { $0.key != "camera" }.sorted { $0.key < $1.key }
        var suffix = others.isEmpty ? "" : " (" + others.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + ")"
        if event.level == .warning || (event.level == .error && !camera.isEmpty) {
            guard let leftOut = shared.admit("\(camera)\(event.message)") else { return }
            if leftOut > 0 { suffix += " (\(leftOut) more like it in the last minute)" }
        }
        write(Self.line(event.level, "\(camera)\(event.message)\(suffix)", style: style))
    }

    /// `message` as the log has it, with the end of the line; a message of several lines becomes several.
    static func line(_ level: Logger.Level, _ message: String, style: Style) -> String {
        let prefix =
            switch style {
            case .journal: "<\(priority(of: level))>"
            case .plain: "\(now()) \(level.rawValue) "
            }
        return MediaLocation.redacted(message).split(separator: "\n").map { "\(prefix)\($0)\n" }.joined()
    }

    private static func priority(of level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var seconds = time.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: some BinaryInteger, _ digits: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let date = "\(parts.tm_year + 1900)-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let clock = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(clock).\(padded(time.tv_nsec / 1_000_000, 3))Z"
    }

    private static let standardError = Mutex(())

    /// Writes to standard error as one piece, and waits for whoever reads it: for commands that end. A service writes
    /// through a `LogWriter`. What cannot be written is lost.
    public static func writeToStandardError(_ lines: String) {
        standardError.withLock { _ in
            var rest = Array(lines.utf8)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {
                    // The caller of the program made the descriptor non-blocking.
                    var polled = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&polled, 1, -1)
                    continue
                }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}
