import ArgumentParser
import Dispatch
import Glibc
import Inference
import Kernels
import Logging
import MaskOutput
import MediaIO
import Operations
import Pipeline
import Segmentation
import ServiceLifecycle
import Synchronization

/// `segmentd run`: the service.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run as a service: cameras in, masks out on Unix sockets.",
        discussion: """
            Logs to standard error, tells systemd when it is ready and how it is doing, and ends cleanly on SIGTERM or \
            SIGINT: files are completed and sockets removed. SIGHUP reads the configuration again and changes what \
            differs; a file that is wrong changes nothing. A camera that fails is tried again for ever. With cameras \
            that end, such as files, the service ends when all have.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String

    /// Somebody stopped the service before it was up.
    private struct StoppedEarly: Error {}

    func run() throws {
        let signals = ServiceSignals()
        DescriptorLimit.raise()
        let configuration = try ServiceConfiguration(path: config)
        let log = ServiceLog.Shared(level: configuration.logThreshold.level)
        let writer = try LogWriter()
        StandardError.use(writer)
        defer { StandardError.flush() }
        let logger = ServiceLog.logger(shared: log) { writer.write($0) }
        var lost: [String] = []
        do {
            try ThreadPreflight.check(configuration)
            let runtime = try ServiceRuntime(
                configuration, setup: setup(signals: signals, logger: logger, log: log, writer: writer))
            if !signals.isStopping {
                lost = try Self.wait {
                    try await serve(runtime, signals: signals, logger: logger, log: log)
                }
            }
            runtime.close()
        } catch let error as ConfigurationUnusable {
            throw CommandFailure(.configuration, error.description)
        } catch is StoppedEarly {}
        logger.notice("stopped")
        if !lost.isEmpty { throw CommandFailure(.ioError, lost.joined(separator: "\n")) }
    }

    private func setup(
        signals: ServiceSignals, logger: Logger, log: ServiceLog.Shared, writer: LogWriter
    ) -> ServiceRuntime.Setup {
        var setup = ServiceRuntime.Setup(path: config, version: Segmentd.version, logger: logger, log: log) {
            configuration in
            if signals.isStopping { throw StoppedEarly() }
            let engine = try Self.engine(configuration)
            if signals.isStopping { throw StoppedEarly() }
            return engine
        }
        setup.modelFingerprint = { try EngineArguments.loadModel($0.model).fingerprint }
        setup.inherited = InheritedSockets()
        setup.notifier = ServiceNotifier()
        setup.logWriter = writer
        setup.watchdog = ServiceNotifier.watchdogInterval()
        return setup
    }

    /// Runs the service to its end. Answers the outputs that could not be completed although the cameras ended by
    /// themselves, a sentence each.
    private func serve(
        _ runtime: ServiceRuntime, signals: ServiceSignals, logger: Logger, log: ServiceLog.Shared
    ) async throws -> [String] {
        var settings = SegmentationService.Settings(
            reportInterval: { runtime.reportInterval }, watchdog: runtime.watchdog)
        settings.health = runtime.health
        settings.status = { runtime.report().status }
        settings.onReady = {
            runtime.markReady()
            signals.onReload { runtime.reload { _ in } }
        }
        let service = SegmentationService(
            fleet: runtime.fleet, cameras: runtime.makeCameras(), clients: { runtime.clients(of: $0) },
            settings: settings, notifier: runtime.notifier, logger: logger, log: log)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                ], logger: logger))
        signals.onStop { Task { await group.triggerGracefulShutdown() } }
        do {
            try await group.run()
        } catch let error as ServiceGroupError where error.errorCode == .alreadyFinished && signals.isStopping {
            // It was stopped before it began.
        }
        return service.lostOutputs
    }

    /// The network that `configuration` asks for.
    private static func engine(_ configuration: ServiceConfiguration) throws -> LoadedEngine {
        let instructionSet = InstructionSet(rawValue: configuration.cpuFeatures.rawValue)
        if let instructionSet, !instructionSet.isSupported {
            throw UnsupportedInstructionSet(requested: instructionSet)
        }
        let model = try EngineArguments.loadModel(configuration.model)
        let network = try CompiledNetwork(
            model, size: configuration.size,
            options: EngineOptions(
                threads: configuration.threads ?? ProcessorCount.available, instructionSet: instructionSet ?? .best))
        return LoadedEngine(
            queue: InferenceQueue(network), threads: network.threads,
            instructionSet: network.instructionSet.rawValue, modelFingerprint: model.fingerprint)
    }

    /// Runs `body` on the concurrency pool and waits for it on this thread, the main one, which nothing else needs.
    private static func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<Value, any Error>?>(nil)
        Task {
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            result.withLock { $0 = outcome }
            done.signal()
        }
        done.wait()
        guard let outcome = result.withLock({ $0 }) else { throw CancellationError() }
        return try outcome.get()
    }
}
