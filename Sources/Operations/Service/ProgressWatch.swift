import Glibc

/// Decides whether systemd's watchdog is fed: only where every camera makes progress, or is known to have nothing to
/// work on. A pure value: the caller brings the counts and the time.
public struct ProgressWatch: Sendable {
    /// What is seen of a camera.
    public struct Sight: Hashable, Sendable {
        /// Its name.
        public var camera: String
        /// Grows with every frame that is dealt with as it should be: masks and blind masks that went out, frames that
        /// the rate cap left out.
        public var progress: Int
        /// Whether its source is known to deliver nothing now.
        public var isOffline: Bool

        /// What is seen of `camera`.
        public init(camera: String, progress: Int, isOffline: Bool) {
            self.camera = camera
            self.progress = progress
            self.isOffline = isOffline
        }
    }

    private let patience: UInt64
    private var last: [String: (progress: Int, at: UInt64)] = [:]

    /// A camera may stand still for `patience` nanoseconds.
    public init(patience: UInt64) { self.patience = patience }

    /// The cameras that have stood still for too long at `now` (nanoseconds); none of them: the watchdog is fed.
    public mutating func stuck(_ sights: [Sight], at now: UInt64) -> [String] {
        let names = Set(sights.map(\.camera))
        last = last.filter { names.contains($0.key) }
        return sights.compactMap { sight in
            guard let before = last[sight.camera], before.progress == sight.progress, !sight.isOffline else {
                last[sight.camera] = (sight.progress, now)
                return nil
            }
            return now >= before.at && now - before.at > patience ? sight.camera : nil
        }
    }

    /// systemd's watchdog interval in nanoseconds, from WATCHDOG_USEC and WATCHDOG_PID; nil where it does not watch this
    /// process.
    public static func interval(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }, pid: Int32 = getpid()
    ) -> UInt64? {
        guard let text = environment("WATCHDOG_USEC"), let microseconds = UInt64(text), microseconds > 0,
            microseconds < 1 << 50
        else { return nil }
        if let owner = environment("WATCHDOG_PID"), owner != "\(pid)" { return nil }
        return microseconds * 1000
    }
}
