import Dispatch
import Logging
import Pipeline
import ServiceLifecycle
import Synchronization

/// All cameras of the service: ready when they have been started, over when all of them have ended.
public final class SegmentationService: Service {
    private let cameras: [CameraService]
    private let clients: @Sendable (String) -> Int
    private let reportInterval: Duration
    private let notifier: ServiceNotifier
    private let logger: Logger
    private let onOverdue: @Sendable () -> Void
    private let hasEnded = Mutex(false)
    private let isStopping = Mutex(false)

    /// How long stopping may take, outputs included.
    public static let stopTimeout = 10

    /// The service of `cameras`, which reports on them every `reportInterval`. `clients` counts the readers of a
    /// camera by its name. `onOverdue` is called where stopping
    /// takes longer than `stopTimeout` seconds.
    public init(
        cameras: [CameraService], clients: @escaping @Sendable (String) -> Int = { _ in 0 }, reportInterval: Duration,
        notifier: ServiceNotifier, logger: Logger,
        onOverdue: @escaping @Sendable () -> Void = {}
    ) {
        self.onOverdue = onOverdue
        self.cameras = cameras
        self.clients = clients
        self.reportInterval = reportInterval
        self.notifier = notifier
        self.logger = logger
    }

    /// Runs every camera. Returns when all have ended, by themselves or because the service stops.
    public func run() async {
        let names = cameras.map(\.camera.name).joined(separator: ", ")
        logger.notice("running \(cameras.count) camera\(cameras.count == 1 ? "" : "s"): \(names)")
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                for camera in cameras { group.addTask { await camera.run() } }
                notifier.notify(.ready, .status("starting \(names)"))
                let reports = Task { await self.report() }
                await group.waitForAll()
                reports.cancel()
            }
        } onGracefulShutdown: {
            self.isStopping.withLock { $0 = true }
            self.logger.notice("stopping")
            self.notifier.notify(.stopping, .status("stopping"))
            DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(Self.stopTimeout)) {
                if !self.hasEnded.withLock({ $0 }) { self.onOverdue() }
            }
        }
        hasEnded.withLock { $0 = true }
        for camera in cameras { log(camera, camera.ledger.snapshot(), prefix: "in all: ") }
    }

    /// The outputs that could not be completed although all cameras came to their end by themselves, a sentence each.
    public var lostOutputs: [String] {
        guard !isStopping.withLock({ $0 }) else { return [] }
        return cameras.compactMap { camera in camera.lostOutput.map { "camera \(camera.camera.name): \($0)" } }
    }

    private func report() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: reportInterval) } catch { return }
            var statuses: [String] = []
            for camera in cameras {
                statuses.append(log(camera, camera.ledger.cut(), prefix: ""))
            }
            notifier.notify(.status(statuses.joined(separator: "; ")))
        }
    }

    @discardableResult
    private func log(_ camera: CameraService, _ account: LedgerSnapshot, prefix: String) -> String {
        let clients = clients(camera.camera.name)
        let line = CameraLine(state: camera.phase.rawValue, clients: clients, account: account)
        logger.info("\(prefix)\(line.text)", metadata: ["camera": "\(camera.camera.name)"])
        return camera.report(recent: account, clients: clients).status
    }
}
