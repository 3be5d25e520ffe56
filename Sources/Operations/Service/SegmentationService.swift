import Imaging
import Logging
import Pipeline
import ServiceLifecycle
import Synchronization

/// The service while it runs: ready when its cameras have been started, over when all of them have ended. Says how it
/// is doing, to the log and to systemd.
public final class SegmentationService: Service {
    /// What it goes by.
    public struct Settings: Sendable {
        /// How often it reports on its cameras; may change while it runs.
        public var reportInterval: @Sendable () -> Duration
        /// systemd's watchdog interval in nanoseconds; nil where nobody watches.
        public var watchdog: UInt64?
        /// Judges whether the service does its work; by its cameras alone where nil.
        public var health: HealthMonitor?
        /// The line for `systemctl status`; that of the cameras alone where nil.
        public var status: (@Sendable () -> String)?
        /// Called once it is ready.
        public var onReady: @Sendable () -> Void = {}

        /// Reports every `reportInterval`.
        public init(reportInterval: @escaping @Sendable () -> Duration, watchdog: UInt64? = nil) {
            self.reportInterval = reportInterval
            self.watchdog = watchdog
        }
    }

    private let fleet: CameraFleet
    private let first: [CameraService]
    private let clients: @Sendable (String) -> Int
    private let settings: Settings
    private let health: HealthMonitor
    private let notifier: ServiceNotifier
    private let log: ServiceLog.Shared?
    private let logger: Logger
    private let clock: any FrameClock
    private let isStopping = Mutex(false)

    /// Seconds that stopping may take, outputs included; the command that runs the service sees to it.
    public static let stopTimeout = 10
    /// Seconds from one `STATUS=` to the next.
    private static let statusInterval: UInt64 = 5

    /// The service of `fleet`, which starts with `cameras`. `clients` counts the readers of a camera by its name.
    public init(
        fleet: CameraFleet = CameraFleet(), cameras: [CameraService],
        clients: @escaping @Sendable (String) -> Int = { _ in 0 }, settings: Settings, notifier: ServiceNotifier,
        logger: Logger, log: ServiceLog.Shared? = nil, clock: any FrameClock = SystemClock()
    ) {
        self.fleet = fleet
        first = cameras
        self.clients = clients
        self.settings = settings
        health =
            settings.health
            ?? HealthMonitor(watchdog: settings.watchdog, clock: clock) {
                var facts = HealthFacts()
                facts.cameras = fleet.cameras.compactMap { $0.facts() }
                return facts
            }
        self.notifier = notifier
        self.log = log
        self.logger = logger
        self.clock = clock
    }

    /// Runs every camera. Returns when all have ended, by themselves or because the service stops.
    public func run() async {
        let names = first.map(\.camera.name).joined(separator: ", ")
        logger.notice("running \(first.count) camera\(first.count == 1 ? "" : "s"): \(names)")
        await withGracefulShutdownHandler {
            for camera in first { fleet.start(camera) }
            if !fleet.isStopping {
                settings.onReady()
                notifier.notify(.ready, .status("starting \(names)"))
            }
            let watching = Task { await self.watch() }
            await fleet.waitUntilOver()
            watching.cancel()
        } onGracefulShutdown: {
            self.isStopping.withLock { $0 = true }
            self.logger.notice("stopping")
            self.notifier.notify(.stopping, .status("stopping"))
            self.fleet.stopAll()
        }
        for camera in fleet.cameras { tell(camera, camera.ledger.snapshot(), prefix: "in all: ") }
    }

    /// The outputs that could not be completed although all cameras came to their end by themselves, a sentence each.
    public var lostOutputs: [String] {
        guard !isStopping.withLock({ $0 }) else { return [] }
        return fleet.cameras.compactMap { camera in camera.lostOutput.map { "camera \(camera.camera.name): \($0)" } }
    }

    // MARK: - While it runs

    private struct Schedule {
        var report: UInt64
        var status: UInt64
        var feed: UInt64
    }

    /// Looks after the service's health, reports, tells systemd, and feeds its watchdog, each at its own interval.
    private func watch() async {
        let second: UInt64 = 1_000_000_000
        let feeding = settings.watchdog.map { $0 / 4 }
        let tick = min(second, feeding ?? second)
        var told = HealthLog()
        let began = clock.monotonicNanoseconds
        var last = Schedule(report: began, status: began, feed: 0)
        while !Task.isCancelled {
            do { try await Task.sleep(for: .nanoseconds(Int64(tick))) } catch { return }
            let health = health.check()
            for line in told.lines(health, isWatched: feeding != nil) { logger.log(level: line.level, "\(line.text)") }
            let now = clock.monotonicNanoseconds
            let interval = UInt64(max(1, settings.reportInterval().components.seconds)) * second
            // Half a tick early is on time: a sleep is never shorter than asked for.
            if now + tick / 2 >= last.report + interval {
                last.report = now
                report()
            }
            if now + tick / 2 >= last.status + min(interval, Self.statusInterval * second) {
                last.status = now
                notifier.notify(.status(status()))
            }
            if let feeding, now + tick / 2 >= last.feed + feeding {
                last.feed = now
                // The log has the reason by now.
                if health.isAlive || isStopping.withLock({ $0 }) { notifier.notify(.watchdog) }
            }
        }
    }

    private func report() {
        for camera in fleet.cameras { tell(camera, camera.ledger.cut(), prefix: "") }
        for (message, count) in log?.leftOut() ?? [] {
            logger.notice("\(count) more message\(count == 1 ? "" : "s") like: \(message)")
        }
    }

    private func status() -> String {
        if let status = settings.status { return status() }
        let statuses = fleet.cameras.map { $0.report(clients: clients($0.camera.name)).status }
        return statuses.isEmpty ? "no camera" : statuses.joined(separator: "; ")
    }

    private func tell(_ camera: CameraService, _ account: LedgerSnapshot, prefix: String) {
        let clients = clients(camera.camera.name)
        let line = CameraLine(state: camera.source.state, clients: clients, account: account)
        logger.info("\(prefix)\(line.text)", metadata: ["camera": "\(camera.camera.name)"])
    }
}
