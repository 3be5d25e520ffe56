import Dispatch
import Foundation
import Imaging
import Logging
import MaskOutput
import Operations
import Pipeline
import ServiceLifecycle
import Synchronization
import Testing
import VideoInput

@Suite("A camera of the service", .timeLimit(.minutes(10)))
struct CameraServiceTests {
    private let engine: InferenceQueue
    private let lines = LogLines()

    init() throws {
        engine = InferenceQueue(
            BlankSegmenter(labels: try #require(LabelSet(names: ["Road"], palette: [RGB(0, 0, 0)]))))
    }

    /// Keeps what was logged.
    final class LogLines: Sendable {
        private let written = Mutex("")
        var text: String { written.withLock { $0 } }
        var logger: Logger {
            ServiceLog.logger(style: .journal, level: .info) { lines in self.written.withLock { $0 += lines } }
        }
    }

    private func service(
        _ name: String, numbers: FrameNumbers = FrameNumbers(), backoff: Backoff = Backoff(first: 1000, longest: 1000),
        source: @escaping @Sendable () throws -> any VideoSource,
        sinks: @escaping @Sendable () throws -> [any MaskSink]
    ) throws -> CameraService {
        let configuration = try ServiceConfiguration(
            yaml: "cameras:\n  - {name: \(name), source: none.mp4}\n", file: "test.yaml")
        let camera = try #require(configuration.cameras.first)
        let factory = CameraFactory(
            source: { _ in try source() }, preparer: { _ in BlankPreparer() }, sinks: { _ in try sinks() })
        return CameraService(
            camera, factory: factory, engine: engine, numbers: numbers, backoff: backoff, logger: lines.logger)
    }

    @Test("ends with its file, every frame written and the output completed")
    func ends() async throws {
        let sink = CountingSink()
        let camera = try service("front", source: { CountingSource(camera: "front", frames: 9) }, sinks: { [sink] })
        await camera.run()
        #expect(sink.written == 9 && sink.isFinished)
        #expect(camera.phase == .ended)
        #expect(lines.text.contains("<5>front: the source has ended"))
    }

    @Test("tries its source until it opens, and says so once at each turn")
    func opens() async throws {
        let sink = CountingSink()
        let source = CountingSource(camera: "front", frames: 2, failures: 20)
        let camera = try service("front", source: { source }, sinks: { [sink] })
        await camera.run()
        #expect(sink.written == 2)
        #expect(lines.text.split(separator: "\n").filter { $0.hasPrefix("<4>front: cannot open") }.count == 1)
        #expect(lines.text.contains("<5>front: works again after 20 failed attempts"))
    }

    @Test("says at once that an outage has another cause now")
    func anotherCause() async throws {
        let source = CountingSource(camera: "front", frames: 2, failures: 20) { left in
            left > 12 ? "the stream ended" : "connection refused"
        }
        let camera = try service("front", source: { source }, sinks: { [CountingSink()] })
        await camera.run()
        let warnings = lines.text.split(separator: "\n").filter { $0.hasPrefix("<4>") }
        #expect(warnings.count == 2, "\(lines.text)")
        #expect(warnings.first?.contains("the stream ended") == true)
        #expect(warnings.last?.contains("connection refused") == true)
    }

    @Test("starts anew when all its outputs have failed or cannot be made")
    func outputs() async throws {
        let good = CountingSink()
        let attempts = Mutex(0)
        let camera = try service(
            "front", source: { CountingSource(camera: "front", frames: 50) },
            sinks: {
                switch attempts.withLock({
                    $0 += 1; return $0
                }) {
                case 1: throw Broken(description: "no folder")
                case 2: [CountingSink(failingAt: 3)]
                default: [good]
                }
            })
        await camera.run()
        #expect(attempts.withLock { $0 } == 3)
        #expect(good.written == 50 && good.isFinished)
        #expect(lines.text.contains("<3>front: no folder") && lines.text.contains("<3>front: disk full"))
        let account = camera.ledger.snapshot()
        #expect(account.underWay == 0 && account.published == 53)
    }

    @Test("says that it waits, and why, while its outputs cannot be made")
    func waitsForOutputs() async throws {
        let camera = try service(
            "front", backoff: Backoff(first: 60_000_000_000, longest: 60_000_000_000),
            source: { CountingSource(camera: "front", frames: 5) }, sinks: { throw Broken(description: "no folder") })
        let running = Task { await camera.run() }
        for _ in 0..<2000 where camera.source.cause == nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(camera.source.state == "waiting" && camera.source.cause == "no folder")
        let facts = camera.facts()
        #expect(facts?.state == "waiting" && facts?.cause == "no folder" && facts?.sendsBlind == false)
        camera.stop()
        await running.value
        #expect(camera.facts() == nil)
    }

    @Test("is let go of when it has ended, source, ledger and all")
    func leavesNothing() async throws {
        var camera: CameraService? = try service(
            "front", source: { CountingSource(camera: "front", frames: 9) }, sinks: { [CountingSink()] })
        await camera?.run()
        weak let left = camera
        camera = nil
        #expect(left == nil)
    }

    @Test("goes on counting where the one before it with other settings stopped")
    func numbers() async throws {
        let numbers = FrameNumbers()
        let sink = CountingSink()
        for _ in 1...2 {
            let camera = try service(
                "front", numbers: numbers, source: { CountingSource(camera: "front", frames: 9) }, sinks: { [sink] })
            await camera.run()
        }
        #expect(sink.sequences == Array(0..<18))
    }

    @Test("loses one output and keeps the other")
    func oneOutput() async throws {
        let good = CountingSink()
        let camera = try service(
            "front", source: { CountingSource(camera: "front", frames: 30) },
            sinks: { [CountingSink(failingAt: 3), good] })
        await camera.run()
        #expect(good.written == 30)
        #expect(lines.text.contains("<3>front: an output was given up: disk full"))
    }

    @Test("reports all that is known of it, as JSON whose names have units")
    func report() async throws {
        let camera = try service(
            "front", source: { CountingSource(camera: "front", frames: 9) }, sinks: { [CountingSink()] })
        await camera.run()
        let report = camera.report(clients: 3)
        #expect(report.arrived == 9 && report.published == 9 && report.clients == 3)
        #expect(report.source.state == "ended" && report.source.framesRead == 9)
        #expect(report.classes == ["Road": 1, "none": 0])
        let json = String(decoding: try JSONEncoder().encode(report), as: UTF8.self)
        for key in [
            "fps_in", "fps_out", "age_ms", "stages_ms", "blind", "drops", "recordings", "last_age_ms", "frames_read",
        ] {
            #expect(json.contains("\"\(key)\":"), "\(key)")
        }
        #expect(try JSONDecoder().decode(CameraReport.self, from: Data(json.utf8)).arrived == 9)
        #expect(report.status == "front ended" || report.status.hasPrefix("front "))
    }

    @Test("stops when it is told, with its outputs completed")
    func stops() async throws {
        let camera = Mutex<CameraService?>(nil)
        let sink = CountingSink(onWrite: { if $0 == 20 { camera.withLock { $0 }?.stop() } })
        let service = try service("front", source: { CountingSource(camera: "front", frames: nil) }, sinks: { [sink] })
        camera.withLock { $0 = service }
        await service.run()
        camera.withLock { $0 = nil }
        #expect(sink.written > 20 && sink.isFinished)
        #expect(!lines.text.contains("the source has ended"))
    }

    @Test("stops while it waits for its next attempt", arguments: [true, false])
    func stopsWaiting(isSource: Bool) async throws {
        let hour: UInt64 = 3_600_000_000_000
        let failed = DispatchSemaphore(value: 0)
        let camera = try service(
            "front", backoff: Backoff(first: hour, longest: hour),
            source: {
                failed.signal()
                return CountingSource(camera: "front", frames: 1, failures: isSource ? 1 : 0)
            },
            sinks: { if isSource { [CountingSink()] } else { throw Broken(description: "no folder") } })
        DispatchQueue(label: "stopper").async {
            failed.wait()
            camera.stop()
        }
        await camera.run()
        #expect(camera.phase == .ended)
    }

    @Test("fails alone: another camera of the service works on, and the service ends with the last")
    func service() async throws {
        let failing = try service(
            "gone", source: { CountingSource(camera: "gone", frames: 1, failures: .max) }, sinks: { [CountingSink()] })
        let sink = CountingSink(onWrite: { if $0 == 99 { failing.stop() } })
        let working = try service(
            "front", source: { CountingSource(camera: "front", frames: 100) }, sinks: { [sink] })
        let service = SegmentationService(
            cameras: [failing, working], clients: { $0 == "front" ? 2 : 0 },
            settings: .init(reportInterval: { .seconds(3600) }), notifier: ServiceNotifier(socket: nil),
            logger: lines.logger)
        await service.run()
        #expect(sink.written == 100)
        #expect(lines.text.contains("<6>gone: in all: ended, no frames, 0 clients"))
        #expect(lines.text.contains(/<6>front: in all: ended, [\d.]+ fps, latency p50 [\d.]+ ms p99 [\d.]+ ms,/))
        #expect(lines.text.contains("2 clients"))
    }

    @Test("works beside more others than libdispatch has threads for, and all of them see")
    func manyCameras() async throws {
        let fleet = CameraFleet()
        // Four threads each; libdispatch makes 255.
        let sinks = (0..<80).map { _ in CountingSink() }
        let all = try sinks.enumerated().map { index, sink in
            try service(
                "c\(index)", source: { CountingSource(camera: "c\(index)", frames: nil, interval: .milliseconds(500)) },
                sinks: { [sink] })
        }
        for camera in all { fleet.start(camera) }
        func blind() -> Int { sinks.count { $0.written < 2 } }
        let deadline = ContinuousClock.now + .seconds(50)
        while blind() > 0, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(100)) }
        #expect(blind() == 0)
        fleet.stopAll()
        await fleet.waitUntilOver()
        #expect(all.allSatisfy { $0.phase == .ended })
    }

    @Test("stops with its service group")
    func gracefulShutdown() async throws {
        let group = Mutex<ServiceGroup?>(nil)
        let sink = CountingSink(onWrite: { count in
            guard count == 20, let group = group.withLock({ $0 }) else { return }
            Task { await group.triggerGracefulShutdown() }
        })
        let camera = try service("front", source: { CountingSource(camera: "front", frames: nil) }, sinks: { [sink] })
        let service = SegmentationService(
            cameras: [camera], settings: .init(reportInterval: { .seconds(3600) }),
            notifier: ServiceNotifier(socket: nil), logger: lines.logger)
        let serviceGroup = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: lines.logger))
        group.withLock { $0 = serviceGroup }
        try await serviceGroup.run()
        group.withLock { $0 = nil }
        #expect(sink.written > 20 && sink.isFinished)
        #expect(lines.text.contains("<5>stopping"))
    }
}
