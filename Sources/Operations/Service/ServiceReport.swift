import Foundation
import MaskOutput

/// How the whole service is doing at one moment: what the control socket, the HTTP port, `segmentd ctl`, `STATUS=` and
/// the log's lines are views of.
public struct ServiceReport: Codable, Sendable {
    /// The network that runs.
    public struct Model: Codable, Hashable, Sendable {
        /// Its name, as masks carry it.
        public var name: String
        /// How many classes it tells apart.
        public var classes: Int

        /// A network by its name.
        public init(name: String, classes: Int) {
            self.name = name
            self.classes = classes
        }
    }

    /// What the network runs on.
    public struct Engine: Codable, Hashable, Sendable {
        /// Threads that work on a picture.
        public var threads: Int
        /// The kernels in use: `scalar`, `avx2`, `avx512`, `neon`.
        public var instructionSet: String
        /// Rows of the network's input and of masks.
        public var height: Int
        /// Pixels in a row of them.
        public var width: Int

        enum CodingKeys: String, CodingKey {
            case threads, height, width
            case instructionSet = "instruction_set"
        }

        /// An engine of `threads` threads for pictures of `height` × `width`.
        public init(threads: Int, instructionSet: String, height: Int, width: Int) {
            self.threads = threads
            self.instructionSet = instructionSet
            self.height = height
            self.width = width
        }
    }

    /// The configuration in force.
    public struct Configuration: Codable, Hashable, Sendable {
        /// The file.
        public var path: String
        /// Counts the configurations that were in force, from 1.
        public var revision: Int
        /// When the one in force was taken over, nanoseconds since the epoch.
        public var loadedNs: Int64
        /// When the file was last read again, nanoseconds since the epoch; nil where it never was.
        public var reloadedNs: Int64?
        /// Why the last reload was refused, a line a problem; nil where it was not.
        public var error: String?

        enum CodingKeys: String, CodingKey {
            case path, revision, error
            case loadedNs = "loaded_ns"
            case reloadedNs = "reloaded_ns"
        }

        /// The first configuration, from the file at `path`.
        public init(path: String, loadedNs: Int64) {
            self.path = path
            revision = 1
            self.loadedNs = loadedNs
            reloadedNs = nil
            error = nil
        }
    }

    /// A server for those who ask.
    public struct Server: Codable, Hashable, Sendable {
        /// `control` or `http`.
        public var name: String
        /// Connections now.
        public var clients: Int
        /// Connections turned away, or closed to make room for others.
        public var refused: UInt64
        /// Why the last connection could not be accepted; nil where it could.
        public var error: String?

        /// The server `name` with these facts.
        public init(name: String, _ facts: RequestServerFacts) {
            self.name = name
            clients = facts.clients
            refused = facts.refused
            error = facts.acceptFailure.map { String(cString: strerror($0)) }
        }
    }

    /// Which program this is.
    public var version: String
    /// Seconds since it started.
    public var uptimeS: Double
    /// Whether cameras, sockets and network were ready.
    public var isReady: Bool
    /// The network.
    public var model: Model
    /// What it runs on.
    public var engine: Engine
    /// The configuration in force.
    public var configuration: Configuration
    /// What the process uses.
    public var process: ProcessUsage
    /// Whether it does its work, and what is wrong.
    public var health: ServiceHealth
    /// The log.
    public var log: LogWriter.Snapshot
    /// The control socket and the HTTP port, as far as there are any.
    public var servers: [Server]
    /// Every camera, in the order of the configuration.
    public var cameras: [CameraReport]

    /// A report of these facts.
    public init(
        version: String, uptimeS: Double, isReady: Bool, model: Model, engine: Engine, configuration: Configuration,
        process: ProcessUsage, health: ServiceHealth = ServiceHealth(sees: true),
        log: LogWriter.Snapshot = LogWriter.Snapshot(), servers: [Server] = [], cameras: [CameraReport]
    ) {
        self.version = version
        self.uptimeS = uptimeS
        self.isReady = isReady
        self.model = model
        self.engine = engine
        self.configuration = configuration
        self.process = process
        self.health = health
        self.log = log
        self.servers = servers
        self.cameras = cameras
    }

    enum CodingKeys: String, CodingKey {
        case version, model, engine, configuration, process, health, log, servers, cameras
        case uptimeS = "uptime_s"
        case isReady = "ready"
    }

    /// One line for `systemctl status`: what keeps masks back, every camera's rate, latency and state, and what else
    /// is wrong.
    public var status: String {
        var parts = cameras.map(\.status)
        if configuration.error != nil { parts.append("the last reload was refused, see the log") }
        // A camera that is away says so in its own words.
        let problems = health.problems.filter { $0.area != .camera || $0.severity != .degraded }
        parts.insert(contentsOf: problems.filter { $0.severity != .degraded }.map(\.text), at: 0)
        parts += problems.filter { $0.severity == .degraded }.map(\.text)
        return parts.isEmpty ? "no camera" : parts.joined(separator: "; ")
    }

    /// As JSON, on one line unless `isPretty`.
    public func json(isPretty: Bool = false) throws -> Data {
        try ServiceJSON.encode(self, isPretty: isPretty)
    }
}

/// JSON as all of the service's surfaces write and read it: keys sorted, so that two reports compare line by line.
public enum ServiceJSON {
    /// `value` as JSON; on one line unless `isPretty`.
    public static func encode(_ value: some Encodable, isPretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return try encoder.encode(value)
    }

    /// The value that `json` holds.
    public static func decode<Value: Decodable>(_ type: Value.Type, from json: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try decoder.decode(type, from: json)
    }
}
