import Foundation
import Imaging
import Logging
import MaskOutput
import Pipeline
import Synchronization
import Threads

/// All that the service is made of, and how it gets from one configuration to the next: network, sockets, cameras,
/// control socket, HTTP port. What a reload does not change is not touched; where it fails, nothing is.
public final class ServiceRuntime: ControlSurface {
    private struct State {
        var configuration: ServiceConfiguration
        var engine: LoadedEngine
        var facts: ServiceReport.Configuration
        var isReady = false
        var http: StatusServer?
        var control: LineServer?
    }

    /// The cameras that run.
    public let fleet = CameraFleet()
    /// Judges whether the service does its work.
    public let health: HealthMonitor
    /// The last frame of every camera.
    public let latest = LatestFrames()
    private let setup: Setup
    private let sockets: CameraSockets
    /// How far each camera's frames are numbered, by its name: a reload does not count from 0 anew.
    private let numbers = Mutex<[String: FrameNumbers]>([:])
    private let state: Mutex<State>
    private let looking: Looking
    private let began: UInt64
    private let reloading: ReloadQueue

    /// Loads the network, opens sockets and ports, and makes sure that every camera of `configuration` can be made.
    /// Nothing runs yet. Throws the first thing that is wrong.
    public init(_ configuration: ServiceConfiguration, setup: Setup) throws {
        self.setup = setup
        began = setup.clock.monotonicNanoseconds
        reloading = try ReloadQueue()
        let looking = Looking()
        self.looking = looking
        health = HealthMonitor(watchdog: setup.watchdog, clock: setup.clock) { looking.facts() }
        let engine = try setup.loadEngine(configuration)
        setup.logger.notice(
            "segmentd \(setup.version), model \(engine.queue.modelName), input \(engine.queue.inputSize)")
        sockets = try CameraSockets(
            configuration, inherited: setup.inherited, clock: setup.clock, logger: setup.logger)
        state = Mutex(
            State(
                configuration: configuration, engine: engine,
                facts: ServiceReport.Configuration(path: setup.path, loadedNs: setup.clock.epochNanoseconds)))
        do {
            try check(configuration.cameras, of: configuration)
            try openControl(configuration)
            try openHTTP(configuration)
        } catch {
            close()
            throw error
        }
        looking.runtime.withLock { [weak self] in $0.runtime = self }
        health.check()
        for problem in setup.inherited.problems { setup.logger.warning("\(problem)") }
        for entry in setup.inherited.unused {
            let place = entry.path ?? entry.name
            setup.logger.warning("systemd handed over the socket \(place), which no camera of \(setup.path) has")
        }
    }

    /// The cameras of the configuration, not yet started.
    public func makeCameras() -> [CameraService] {
        let (configuration, engine) = state.withLock { ($0.configuration, $0.engine) }
        return makeCameras(configuration.cameras, of: configuration, engine: engine)
    }

    /// How often to report on cameras.
    public var reportInterval: Duration { .seconds(state.withLock { $0.configuration.reportIntervalSeconds }) }

    /// Whom the service tells how it is doing.
    public var notifier: ServiceNotifier { setup.notifier }

    /// systemd's watchdog interval in nanoseconds; nil where nobody watches.
    public var watchdog: UInt64? { setup.watchdog }

    /// How many programs read masks of `camera`.
    public func clients(of camera: String) -> Int { sockets.clients(of: camera) }

    /// The service runs.
    public func markReady() { state.withLock { $0.isReady = true } }

    /// Closes sockets and ports. Blocks until they are gone; not for async code.
    public func close() {
        let (http, control) = state.withLock { state in
            defer { (state.http, state.control) = (nil, nil) }
            return (state.http, state.control)
        }
        control?.close()
        http?.close()
        sockets.close()
    }

    // MARK: - What is asked of it

    /// How the service is doing now.
    public func report() -> ServiceReport {
        let (engine, facts, isReady) = state.withLock { ($0.engine, $0.facts, $0.isReady) }
        let uptime = setup.clock.monotonicNanoseconds - began
        return ServiceReport(
            version: setup.version, uptimeS: Double(uptime / 1_000_000) / 1000, isReady: isReady,
            model: ServiceReport.Model(name: engine.queue.modelName, classes: engine.queue.labels.count),
            engine: engine.facts, configuration: facts, process: .now(), health: health.current,
            log: setup.logWriter?.snapshot ?? LogWriter.Snapshot(), servers: servers,
            cameras: fleet.cameras.map { camera in
                let name = camera.camera.name
                return camera.report(clients: clients(of: name), sockets: sockets.snapshots(of: name))
            })
    }

    private var servers: [ServiceReport.Server] {
        let (control, http) = state.withLock { ($0.control, $0.http) }
        return [("control", control?.facts), ("http", http?.facts)].compactMap { name, facts in
            facts.map { ServiceReport.Server(name: name, $0) }
        }
    }

    /// What the health monitor sees of a runtime, as long as there is one.
    private final class Looking: Sendable {
        struct Reference { weak var runtime: ServiceRuntime? }
        let runtime = Mutex(Reference())

        func facts() -> HealthFacts { runtime.withLock { $0.runtime }?.healthFacts() ?? HealthFacts() }
    }

    private func healthFacts() -> HealthFacts {
        let (queue, control, http) = state.withLock { ($0.engine.queue, $0.control, $0.http) }
        var facts = HealthFacts()
        facts.cameras = fleet.cameras.compactMap { $0.facts(sockets: sockets.snapshots(of: $0.camera.name)) }
        facts.socketsSilentSince = sockets.probe()
        (facts.engineSince, facts.engineLast) = queue.work
        (facts.control, facts.http) = (control?.facts, http?.facts)
        facts.log = setup.logWriter?.snapshot ?? LogWriter.Snapshot()
        facts.limits = ProcessUsage.now().limits
        return facts
    }

    /// The page of metrics.
    public func metrics() -> String {
        let accounts = Dictionary(fleet.cameras.map { ($0.camera.name, $0.ledger.snapshot()) }) { first, _ in first }
        return ServiceMetrics.text(report(), accounts: accounts)
    }

    /// What class ids mean.
    public var labels: LabelSet { state.withLock { $0.engine.queue.labels } }

    /// Who may do more than look.
    public var permission: ControlPermission { ControlPermission(state.withLock { $0.configuration.control }) }

    // MARK: - Reload

    /// Reads the configuration file again and goes over to it. `done` is told what was done, or what is wrong with the
    /// file: then the configuration stays as it was. Requests that come while another one waits share its reload.
    public func reload(_ done: @escaping @Sendable (Result<ControlAnswers.Reload, ControlError>) -> Void) {
        reloading.request(done) { [self] in readAgain() }
    }

    private func readAgain() -> Result<ControlAnswers.Reload, ControlError> {
        setup.notifier.notify(.reloading(since: setup.clock.monotonicNanoseconds / 1000))
        defer { setup.notifier.notify(.ready, .status(report().status)) }
        do {
            let configuration = try ServiceConfiguration(path: setup.path)
            let (former, engine) = state.withLock { ($0.configuration, $0.engine) }
            // A broken file is refused here, before anything changes.
            let fingerprint = try setup.modelFingerprint(configuration)
            let plan = ReloadPlan(
                from: former, to: configuration,
                isModelReplaced: former.model == configuration.model && fingerprint != engine.modelFingerprint)
            try apply(configuration, plan)
            let revision = state.withLock { state in
                if !plan.isEmpty {
                    state.facts.revision += 1
                    state.facts.loadedNs = setup.clock.epochNanoseconds
                }
                state.facts.error = nil
                state.facts.reloadedNs = setup.clock.epochNanoseconds
                return state.facts.revision
            }
            setup.logger.notice("read \(setup.path) again: \(plan)")
            return .success(ControlAnswers.Reload(revision: revision, changes: plan.changes, kept: plan.kept))
        } catch {
            let reason = "\(error)"
            state.withLock { state in
                state.facts.error = reason
                state.facts.reloadedNs = setup.clock.epochNanoseconds
            }
            setup.logger.error(
                "\(setup.path) was read again and is not used; the service goes on as before:\n\(reason)")
            return .failure(ControlError(reason))
        }
    }

    /// All that can fail comes first, and is undone where something does; then the cameras change over.
    private func apply(_ configuration: ServiceConfiguration, _ plan: ReloadPlan) throws {
        guard !plan.isEmpty else { return }
        guard !fleet.isStopping else { throw ControlError("the service is stopping") }
        let old = state.withLock { $0 }
        let engine = plan.loadsEngine ? try setup.loadEngine(configuration) : old.engine
        let preparation = try sockets.prepare(configuration)
        var hasMovedHTTP = false
        do {
            let changing = Set(plan.started + plan.restarted)
            try check(configuration.cameras.filter { changing.contains($0.name) }, of: configuration)
            if plan.changesHTTP {
                try openHTTP(configuration)
                hasMovedHTTP = true
            }
            if plan.movesSockets { try openControl(configuration) }
        } catch {
            sockets.abandon(preparation)
            if hasMovedHTTP { restoreHTTP(old.configuration) }
            throw error
        }
        fleet.holding {
            fleet.stop(plan.stopped + plan.restarted)
            sockets.forgetStreams(of: plan.restarted, unless: engine.queue.inputSize)
            for camera in plan.stopped { latest.forget(camera) }
            do throws(OutputError) {
                try sockets.commit(preparation)
                let settings = Self.controlSettings(configuration)
                let control = state.withLock { $0.control }
                control?.change(settings)
                if let control, setup.inherited.descriptor(for: control.path) == nil {
                    try control.restrict(mode: settings.mode, group: settings.group)
                }
            } catch {
                setup.logger.error("\(error)")
            }
            state.withLock { state in
                state.configuration = configuration
                state.engine = engine
            }
            setup.log.threshold = configuration.logThreshold.level
            let fresh = Set(plan.started + plan.restarted)
            let cameras = configuration.cameras.filter { fresh.contains($0.name) }
            for camera in makeCameras(cameras, of: configuration, engine: engine) { fleet.start(camera) }
            fleet.order(configuration.cameras.map(\.name))
        }
    }

    private func openControl(_ configuration: ServiceConfiguration) throws {
        let path = CameraSockets.directory(of: configuration) + "/control"
        if state.withLock({ $0.control?.path }) == path { return }
        let responder = ControlResponder(self)
        let fresh = try LineServer(
            path: path, inherited: setup.inherited.descriptor(for: path), settings: Self.controlSettings(configuration),
            tooLong: ControlResponder.tooLong, clock: setup.clock, onEvent: { [sockets] in sockets.log($0) },
            handler: { line, peer, respond in responder.answer(line, from: peer, respond) })
        let old = state.withLock { state in
            defer { state.control = fresh }
            return state.control
        }
        // Who asked for the reload over the old one still gets the answer.
        guard let old else { return }
        do {
            try NamedThread("old control") {
                sleep(1)
                old.close()
            }
        } catch {
            setup.logger.warning("the old control socket is closed at once: \(error)")
            old.close()
        }
    }

    /// As the other sockets; those that may do more than look are let in, too.
    private static func controlSettings(_ configuration: ServiceConfiguration) -> SocketServer.Settings {
        var settings = configuration.sockets.settings
        settings.allowedUsers?.formUnion(ControlPermission(configuration.control).connecting)
        return settings
    }

    private func openHTTP(_ configuration: ServiceConfiguration) throws(StatusServerError) {
        let old = state.withLock { state in
            defer { state.http = nil }
            return state.http
        }
        // The port may be the same one on another address.
        old?.close()
        guard let port = configuration.http.port else { return }
        // Held until `close` lets go of the server.
        let pages = StatusPages(
            report: { self.report() }, health: { self.health.last }, metrics: { self.metrics() })
        do throws(StatusServerError) {
            let server = try StatusServer(
                port: port, address: configuration.http.address, pages: pages,
                onEvent: { [sockets] in sockets.log($0) })
            state.withLock { $0.http = server }
        } catch {
            if old != nil { restoreHTTP(state.withLock { $0.configuration }) }
            throw error
        }
    }

    private func restoreHTTP(_ configuration: ServiceConfiguration) {
        do {
            try openHTTP(configuration)
        } catch {
            setup.logger.error("\(error)")
        }
    }

    // MARK: - Cameras

    private func factory(_ configuration: ServiceConfiguration) -> CameraFactory {
        var factory = setup.factory(configuration, sockets)
        let sinks = factory.sinks
        factory.sinks = { [latest] camera in
            try sinks(camera).map { latest.watching($0, of: camera.name) }
        }
        return factory
    }

    private func check(_ cameras: [ServiceConfiguration.Camera], of configuration: ServiceConfiguration) throws {
        let factory = factory(configuration)
        for camera in cameras {
            do {
                try factory.check(camera, among: configuration.cameras)
            } catch {
                throw ConfigurationUnusable(description: "\(setup.path): camera \(camera.name): \(error)")
            }
        }
    }

    private func makeCameras(
        _ cameras: [ServiceConfiguration.Camera], of configuration: ServiceConfiguration, engine: LoadedEngine
    ) -> [CameraService] {
        let factory = factory(configuration)
        return cameras.map { camera in
            let numbers = numbers.withLock { all in
                let known = all[camera.name] ?? FrameNumbers()
                all[camera.name] = known
                return known
            }
            return CameraService(
                camera, factory: factory, engine: engine.queue, numbers: numbers, clock: setup.clock,
                logger: setup.logger)
        }
    }
}
