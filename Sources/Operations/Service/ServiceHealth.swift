/// Whether the service does its work: what the watchdog, `/live`, `/ready`, `segmentd ctl status` and the metrics go by.
public struct ServiceHealth: Codable, Equatable, Sendable {
    /// What a problem means.
    public enum Severity: String, Codable, Sendable, CaseIterable {
        /// Masks that should go out do not, and only a restart helps: the watchdog is not fed.
        case dead
        /// Masks that should go out do not.
        case unready
        /// Masks go out as they should; something else does not work.
        case degraded
    }

    /// What a problem is of.
    public enum Area: String, Codable, Sendable, CaseIterable {
        case engine, sockets, sink, camera, log, http, control, descriptors, threads, memory, disk, watch
    }

    /// Something that is wrong.
    public struct Problem: Codable, Equatable, Sendable {
        /// What it is of.
        public var area: Area
        /// The camera that it concerns; nil for the whole service.
        public var camera: String?
        /// What it means.
        public var severity: Severity
        /// One sentence: what, for how long, what to do.
        public var text: String

        /// A problem of `area`; of the whole service unless a camera is named.
        public init(_ area: Area, _ severity: Severity, camera: String? = nil, _ text: String) {
            self.area = area
            self.camera = camera
            self.severity = severity
            self.text = text
        }

        /// Whether both are the same problem, a moment later.
        func isSame(as other: Problem) -> Bool {
            area == other.area && camera == other.camera && severity == other.severity
        }
    }

    /// Whether the watchdog is fed, and `/live` answers 200.
    public var isAlive: Bool
    /// Whether masks can be had of one camera at least, and `/ready` answers 200.
    public var isReady: Bool
    /// What is wrong, the worst first.
    public var problems: [Problem]

    enum CodingKeys: String, CodingKey {
        case problems
        case isAlive = "live"
        case isReady = "ready"
    }

    /// A service with these problems. `sees` says whether a camera delivers frames, and nothing keeps its masks back.
    public init(problems: [Problem] = [], sees: Bool) {
        self.problems = Severity.allCases.flatMap { severity in problems.filter { $0.severity == severity } }
        isAlive = !problems.contains { $0.severity == .dead }
        isReady = sees && isAlive
    }
}
