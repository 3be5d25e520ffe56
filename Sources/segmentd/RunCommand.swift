import ArgumentParser
import Glibc
import Kernels
import Logging
import MediaIO
import Operations
import Pipeline
import Segmentation
import ServiceLifecycle

/// `segmentd run`: the service.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run as a service: cameras in, masks out on Unix sockets.",
        discussion: """
            Logs to standard error, tells systemd when it is ready, and ends cleanly on SIGTERM or SIGINT: files are \
            completed and sockets removed. A camera that fails is tried again for ever. With cameras that end, such as \
            files, the service ends when all have.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The configuration file.", valueName: "file"))
    var config: String

    func run() async throws {
        let configuration = try ServiceConfiguration(path: config)
        let logger = ServiceLog.logger(level: configuration.logThreshold.level)
        let instructionSet = InstructionSet(rawValue: configuration.cpuFeatures.rawValue)
        if let instructionSet, !instructionSet.isSupported {
            throw UnsupportedInstructionSet(requested: instructionSet)
        }
        let engine = InferenceQueue(
            try Segmenter(
                model: try EngineArguments.loadModel(configuration.model),
                inputSize: configuration.size, threads: configuration.threads ?? ProcessorCount.available,
                instructionSet: instructionSet))
        let notifier = ServiceNotifier()
        logger.notice("segmentd \(Segmentd.version), model \(engine.modelName), input \(engine.inputSize)")
        let sockets = try CameraSockets(configuration, logger: logger)
        defer { sockets.close() }
        let factory = CameraFactory(configuration, sockets: sockets)
        for camera in configuration.cameras {
            do {
                try factory.check(camera, among: configuration.cameras)
            } catch {
                throw CommandFailure(.configuration, "\(config): camera \(camera.name): \(error)")
            }
        }
        let cameras = configuration.cameras.map {
            CameraService($0, factory: factory, engine: engine, logger: logger)
        }
        let service = SegmentationService(
            cameras: cameras, clients: { sockets.clients(of: $0) },
            reportInterval: .seconds(configuration.reportIntervalSeconds),
            notifier: notifier, logger: logger,
            onOverdue: {
                logger.critical("stopping took longer than \(SegmentationService.stopTimeout) s; giving up")
                PartialFile.removeAll()
                _exit(ExitStatus.software.rawValue)
            })
        let group = ServiceGroupConfiguration(
            services: [
                .init(
                    service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .cancelGroup)
            ],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await ServiceGroup(configuration: group).run()
        logger.notice("stopped")
        let lost = service.lostOutputs
        if !lost.isEmpty { throw CommandFailure(.ioError, lost.joined(separator: "\n")) }
    }
}
