import Dispatch
import Foundation
import Imaging
import Logging
import MaskOutput
import Operations
import Pipeline
import Synchronization
import Testing
import VideoInput

/// A live camera that gives a frame every few milliseconds.
private final class EndlessSource: VideoSource {
    let camera: String
    let isLive = true
    private let state = Mutex((next: UInt64(0), isCancelled: false))

    init(camera: String) { self.camera = camera }

    func open() throws -> StreamInfo {
        StreamInfo(
            size: ImageSize(height: 1, width: 1), frameRate: Rational(100, 1), timeBase: Rational(1, 1000),
            summary: "endless", isLive: true)
    }

    func next() throws -> Frame? {
        usleep(10_000)
        let sequence = try state.withLock { state in
            if state.isCancelled { throw CancellationError() }
            defer { state.next += 1 }
            return state.next
        }
        return Frame(of: camera, sequence: sequence)
    }

    func close() {}
    func cancel() { state.withLock { $0.isCancelled = true } }
}

/// Lets through until it is closed, and again when it is opened.
private final class Barrier: Sendable {
    private let isClosed = Mutex(false)
    private let gate = DispatchSemaphore(value: 0)

    func close() { isClosed.withLock { $0 = true } }
    func open() {
        isClosed.withLock { $0 = false }
        for _ in 0..<100 { gate.signal() }
    }
    func pass() { if isClosed.withLock({ $0 }) { gate.wait() } }
}

private final class HangingSegmenter: Segmenting {
    let inputSize = ImageSize(height: 2, width: 2)
    let labels: LabelSet
    let modelName = "hanging"
    let barrier = Barrier()

    init(labels: LabelSet) { self.labels = labels }

    func segment(_ input: PlanarRGB, into classes: ClassMap) { barrier.pass() }
}

@Suite("A running service's health", .timeLimit(.minutes(10)), .serialized)
struct HealthMonitorTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "segmentd-\(UUID().uuidString)")
    private let segmenter: HangingSegmenter
    private let barrier = Barrier()
    private let lines = CameraServiceTests.LogLines()

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        segmenter = HangingSegmenter(labels: try #require(LabelSet(names: ["Road"], palette: [RGB(0, 0, 0)])))
    }

    /// A service of one live camera with a socket and a sink that passes `barrier`.
    private func runtime() throws -> ServiceRuntime {
        let path = folder.path(percentEncoded: false)
        let configuration = try ServiceConfiguration(
            yaml: """
                sockets: {directory: \(path)}
                cameras:
                  - {name: front, source: "synthetic:live=true", sockets: [mask]}

                """, file: "test.yaml")
        let segmenter = segmenter
        var setup = ServiceRuntime.Setup(
            path: "test.yaml", version: "0", logger: lines.logger, log: ServiceLog.Shared(level: .info)
        ) { _ in LoadedEngine(queue: InferenceQueue(segmenter), threads: 1, instructionSet: "none") }
        let barrier = barrier
        setup.factory = { _, sockets in
            CameraFactory(
                source: { EndlessSource(camera: $0.name) }, preparer: { _ in BlankPreparer() },
                sinks: { sockets.sinks(of: $0.name) + [CountingSink(onWrite: { _ in barrier.pass() })] })
        }
        // Half of it is the patience.
        setup.watchdog = 1_000_000_000
        return try ServiceRuntime(configuration, setup: setup)
    }

    private func wait(_ what: String, until isTrue: () -> Bool) async throws {
        for _ in 0..<2000 {
            if isTrue() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("waited twenty seconds for \(what): \(lines.text)")
    }

    private func end(_ runtime: ServiceRuntime) async {
        segmenter.barrier.open()
        barrier.open()
        runtime.fleet.stopAll()
        await runtime.fleet.waitUntilOver()
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "closing").async {
                runtime.close()
                continuation.resume()
            }
        }
        try? FileManager.default.removeItem(at: folder)
    }

    @Test("an engine that hangs is found, and so is that it goes on")
    func engine() async throws {
        let runtime = try runtime()
        for camera in runtime.makeCameras() { runtime.fleet.start(camera) }
        try await wait("masks") { runtime.health.check().isReady }
        segmenter.barrier.close()
        try await wait("the hang") {
            runtime.health.check().problems.contains { $0.area == .engine && $0.severity == .dead }
        }
        let report = runtime.report()
        #expect(!report.health.isAlive && !report.health.isReady, "\(report.health)")
        #expect(report.health.problems.contains { $0.text.contains("the network has worked on one picture") })
        segmenter.barrier.open()
        try await wait("its end") { runtime.health.check().isReady }
        await end(runtime)
    }

    @Test("an output that blocks is found, though the camera and the network work")
    func sink() async throws {
        let runtime = try runtime()
        for camera in runtime.makeCameras() { runtime.fleet.start(camera) }
        try await wait("masks") { runtime.health.check().isReady }
        barrier.close()
        try await wait("the block") {
            runtime.health.check().problems.contains { problem in
                problem.area == .sink && problem.severity == .dead && problem.camera == "front"
                    && problem.text.contains("counting")
            }
        }
        #expect(!runtime.health.current.isAlive)
        barrier.open()
        try await wait("its end") { runtime.health.check().isReady }
        await end(runtime)
    }

    @Test("starves the watchdog, with the reason in the log first, and feeds it when all is well again")
    func watchdog() async throws {
        let runtime = try runtime()
        let name = "@segmentd-test-\(UUID().uuidString)"
        let listener = try #require(Told(name))
        var settings = SegmentationService.Settings(
            reportInterval: { .seconds(3600) }, watchdog: 1_000_000_000)
        settings.health = runtime.health
        let service = SegmentationService(
            fleet: runtime.fleet, cameras: runtime.makeCameras(), settings: settings,
            notifier: ServiceNotifier(socket: name), logger: lines.logger)
        let running = Task { await service.run() }
        try await wait("feeding") { listener.count("WATCHDOG=1") > 2 && runtime.health.current.isReady }
        segmenter.barrier.close()
        try await wait("the reason") { lines.text.contains("; the watchdog is not fed") }
        let fed = listener.count("WATCHDOG=1")
        try await Task.sleep(for: .milliseconds(800))
        #expect(listener.count("WATCHDOG=1") <= fed + 1, "one may have been under way")
        segmenter.barrier.open()
        try await wait("feeding again") { listener.count("WATCHDOG=1") > fed + 2 }
        try await wait("the good news") { lines.text.contains("over: the network has worked on one picture") }
        segmenter.barrier.open()
        runtime.fleet.stopAll()
        await running.value
        await end(runtime)
    }

    @Test("where nobody judges any more, that is the problem")
    func unwatched() {
        let time = Time()
        let monitor = HealthMonitor(watchdog: 10_000_000_000, clock: time) {
            var facts = HealthFacts()
            facts.cameras = [HealthFacts.Camera(name: "front", state: "live")]
            return facts
        }
        #expect(monitor.check().isReady && monitor.current.isReady)
        time.pass(4)
        #expect(monitor.current.isReady)
        time.pass(2)
        #expect(!monitor.current.isAlive && !monitor.current.isReady && monitor.current.problems[0].area == .watch)
        #expect(monitor.check().isReady && monitor.current.isAlive)
    }

    @Test("knows the limits of its control groups: the nearest on the way up")
    func controlGroups() {
        let files = [
            "/sys/fs/cgroup/system.slice/segmentd.service/pids.max": "max\n",
            "/sys/fs/cgroup/system.slice/segmentd.service/pids.current": "40\n",
            "/sys/fs/cgroup/system.slice/pids.max": "500\n", "/sys/fs/cgroup/system.slice/pids.current": "490\n",
            "/sys/fs/cgroup/system.slice/segmentd.service/memory.max": "1048576000\n",
            "/sys/fs/cgroup//pids.max": "10000\n", "/sys/fs/cgroup//pids.current": "900\n",
        ]
        let uses = ResourceUse.ofControlGroups("0::/system.slice/segmentd.service\n", resident: 1_000_000_000) {
            files[$0]
        }
        #expect(uses.map(\.kind) == [.threads, .memory])
        #expect(uses.map(\.used) == [490, 1_000_000_000] && uses.map(\.limit) == [500, 1_048_576_000])
        #expect(ResourceUse.ofControlGroups("", resident: 1, read: { files[$0] }).isEmpty)
    }

    @Test("counts descriptors and threads, with the limits that hold")
    func usage() {
        let usage = ProcessUsage.now()
        #expect(usage.fds >= 3 && usage.threads >= 1 && usage.rssBytes > 1 << 20)
        let descriptors = usage.limits.first { $0.kind == .descriptors }
        #expect(descriptors.map { $0.limit > 3 && $0.used == usage.fds } ?? true)
        #expect(Set(usage.limits.map(\.kind)).count == usage.limits.count)
    }
}

/// A time that the test moves.
private final class Time: FrameClock {
    private let value = Mutex<UInt64>(1_000_000_000)
    var monotonicNanoseconds: UInt64 { value.withLock { $0 } }
    var epochNanoseconds: Int64 { Int64(monotonicNanoseconds) }
    func pass(_ seconds: UInt64) { value.withLock { $0 += seconds * 1_000_000_000 } }
}

/// All that a service told systemd.
private final class Told: Sendable {
    private let listener: NotifyListener
    private let messages = Mutex<[String]>([])

    init?(_ name: String) {
        guard let listener = NotifyListener(name) else { return nil }
        self.listener = listener
    }

    /// How often it was told `message`.
    func count(_ message: String) -> Int {
        messages.withLock { messages in
            while case let next = listener.receive(), !next.isEmpty { messages.append(next) }
            return messages.count { $0 == message }
        }
    }
}
