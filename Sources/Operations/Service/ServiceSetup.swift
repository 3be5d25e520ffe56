import Imaging
import Logging
import MaskOutput
import Pipeline

/// A network made ready.
public struct LoadedEngine: Sendable {
    /// The queue it runs on.
    public let queue: InferenceQueue
    /// What it runs on.
    public let facts: ServiceReport.Engine
    /// What tells its model from another one; nil where that is not known.
    public let modelFingerprint: Int?

    /// The engine behind `queue`.
    public init(queue: InferenceQueue, threads: Int, instructionSet: String, modelFingerprint: Int? = nil) {
        self.modelFingerprint = modelFingerprint
        self.queue = queue
        facts = ServiceReport.Engine(
            threads: threads, instructionSet: instructionSet, height: queue.inputSize.height,
            width: queue.inputSize.width)
    }
}

/// A configuration that names something which only the configuration can mend.
public struct ConfigurationUnusable: Error, CustomStringConvertible {
    /// One sentence with file and camera.
    public let description: String
}

extension ServiceRuntime {
    /// What it is made with.
    public struct Setup: Sendable {
        /// The configuration file.
        public var path: String
        /// The program's version.
        public var version: String
        /// Loads the network that a configuration asks for.
        public var loadEngine: @Sendable (ServiceConfiguration) throws -> LoadedEngine
        /// Reads the model that a configuration names and tells it from others; nil where that is not known.
        public var modelFingerprint: @Sendable (ServiceConfiguration) throws -> Int? = { _ in nil }
        /// Makes what cameras are put together from; the one that reads and writes for real unless given.
        public var factory: @Sendable (ServiceConfiguration, CameraSockets) -> CameraFactory = {
            CameraFactory($0, sockets: $1)
        }
        /// Sockets that systemd handed over.
        public var inherited = InheritedSockets(entries: [])
        /// Where to log.
        public var logger: Logger
        /// The level of the log.
        public var log: ServiceLog.Shared
        /// Who writes the log; nil where nobody does.
        public var logWriter: LogWriter?
        /// systemd's watchdog interval in nanoseconds; nil where nobody watches.
        public var watchdog: UInt64?
        /// Whom to tell of reloads.
        public var notifier = ServiceNotifier(socket: nil)
        /// The clocks.
        public var clock: any FrameClock = SystemClock()

        /// The service of the file at `path`.
        public init(
            path: String, version: String, logger: Logger, log: ServiceLog.Shared,
            loadEngine: @escaping @Sendable (ServiceConfiguration) throws -> LoadedEngine
        ) {
            self.path = path
            self.version = version
            self.logger = logger
            self.log = log
            self.loadEngine = loadEngine
        }
    }
}
