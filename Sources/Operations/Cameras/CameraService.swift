import Imaging
import Logging
import MaskOutput
import MediaIO
import Pipeline
import ServiceLifecycle
import Synchronization
import VideoInput

/// One camera of the service, kept going: a source that fails is opened anew, and so is the whole pipeline when all
/// its outputs have failed. It ends with its file, or when the service stops.
public final class CameraService: Service {
    /// How a camera is doing.
    public enum Phase: String, Sendable {
        /// Its source has not opened yet.
        case connecting
        /// Frames come.
        case live
        /// Its source or its outputs failed; it will be tried again.
        case waiting
        /// Its file has ended, or the service stops.
        case ended
    }

    private struct State {
        var phase = Phase.connecting
        var stream: StreamInfo?
        var source: SupervisedSource?
        var recordings: [QueuedSink] = []
        var lostOutput: String?
        var pipeline: CameraPipeline?
        var isStopping = false
        var lastFailure: String?
        /// Why the pipeline failed that is to be started again; nil while one runs.
        var pipelineFailure: String?
        var limit = RepeatLimit(interval: 60_000_000_000)
    }

    /// The camera's settings.
    public let camera: ServiceConfiguration.Camera
    /// The camera's account over all its pipelines.
    public let ledger: LatencyLedger
    private let numbers: FrameNumbers
    private let factory: CameraFactory
    private let engine: InferenceQueue
    private let backoff: Backoff
    private let clock: any FrameClock
    private let logger: Logger
    private let state = Mutex(State())

    /// A camera that has not started. `numbers` are those that it goes on from, where it ran before with other
    /// settings.
    public init(
        _ camera: ServiceConfiguration.Camera, factory: CameraFactory, engine: InferenceQueue,
        numbers: FrameNumbers = FrameNumbers(), backoff: Backoff = Backoff(), clock: any FrameClock = SystemClock(),
        logger: Logger
    ) {
        self.camera = camera
        self.factory = factory
        self.engine = engine
        self.numbers = numbers
        self.backoff = backoff
        self.clock = clock
        ledger = LatencyLedger(clock: clock)
        var logger = logger
        logger[metadataKey: "camera"] = "\(camera.name)"
        self.logger = logger
    }

    /// How it is doing.
    public var phase: Phase { state.withLock { $0.phase } }

    /// All that is known of it now. `recent` is the time that rates and latencies are taken from, the last seconds
    /// unless given; `sockets` are its sockets' numbers, and `clients` is how many programs read them.
    public func report(
        recent: LedgerSnapshot? = nil, clients: Int, sockets: [(path: String, numbers: MaskSocket.Snapshot)] = []
    ) -> CameraReport {
        let (stream, recordings) = state.withLock { ($0.stream, $0.recordings) }
        return CameraReport(
            name: camera.name, source: source, stream: stream, total: ledger.snapshot(),
            recent: recent ?? ledger.recent(), clients: clients,
            sockets: sockets.map { CameraReport.Socket(path: $0.path, $0.numbers) },
            recordings: recordings.map { CameraReport.Recording($0.snapshot) })
    }

    /// How its source is doing now.
    public var source: CameraReport.Source {
        let (phase, supervised, failure) = state.withLock { ($0.phase, $0.source, $0.pipelineFailure) }
        var source = CameraReport.Source(state: phase.rawValue, location: "\(camera.source)")
        if let supervised { source.take(supervised.status, at: clock.monotonicNanoseconds) }
        if phase == .ended { source.state = phase.rawValue }
        if let failure, phase == .waiting {
            source.state = phase.rawValue
            source.cause = failure
        }
        return source
    }

    /// What its health is judged by, cheap enough for every second; `sockets` are its sockets' numbers. Nil where it does
    /// not run any more, or is being stopped.
    public func facts(sockets: [(path: String, numbers: MaskSocket.Snapshot)] = []) -> HealthFacts.Camera? {
        let (phase, pipeline, supervised, recordings, isStopping) = state.withLock {
            ($0.phase, $0.pipeline, $0.source, $0.recordings, $0.isStopping)
        }
        guard !isStopping, phase != .ended else { return nil }
        let (source, counts) = (source, ledger.counts())
        var facts = HealthFacts.Camera(name: camera.name, state: source.state)
        facts.cause = source.cause
        facts.refusing = supervised?.status.refusing?.rawValue
        let isTooOld = counts.ageOnArrival >= UInt64(camera.maxAgeMilliseconds) * 1_000_000
        facts.ageOnArrival = isTooOld ? counts.ageOnArrival : nil
        facts.sendsBlind = pipeline != nil && supervised?.isLive == true
        (facts.taken, facts.answered, facts.underWay) = (counts.taken, counts.answered, counts.underWay)
        (facts.valid, facts.blind) = (counts.published, counts.blind)
        facts.sockets = sockets.map { path, numbers in
            var socket = HealthFacts.Socket(path: path)
            (socket.readers, socket.offered, socket.sent) = (numbers.clients, numbers.offered, numbers.framesSent)
            (socket.waitingSince, socket.unreachable) = (numbers.waitingSince, numbers.unreachable)
            return socket
        }
        facts.writing = pipeline?.writing.map { sink, since in
            HealthFacts.Writing(
                output: sink.summary, since: since, isRecording: LatestFrames.original(sink) is QueuedSink)
        }
        facts.recordings = recordings.map(\.snapshot).map { snapshot in
            var recording = HealthFacts.Recording(path: snapshot.path)
            (recording.written, recording.dropped) = (snapshot.frames, snapshot.dropped)
            let isStopped = [.diskFull, .failed].contains(snapshot.state)
            recording.failure = isStopped ? snapshot.error ?? snapshot.state.rawValue : nil
            return recording
        }
        return facts
    }

    /// Why an output could not be completed, where one could not.
    public var lostOutput: String? { state.withLock { $0.lostOutput } }

    /// Runs the camera until its file ends or the service stops.
    public func run() async {
        await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                await keepGoing()
            } onCancel: {
                stop()
            }
        } onGracefulShutdown: {
            self.stop()
        }
        state.withLock { $0.phase = .ended }
    }

    /// Stops reading; `run` returns when what is under way is finished and outputs are complete. From any thread.
    public func stop() {
        let pipeline = state.withLock { state in
            state.isStopping = true
            return state.pipeline
        }
        pipeline?.cancel()
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func keepGoing() async {
        var backoff = backoff
        while !isStopping {
            let failure: any Error
            do {
                let outcome = try await runOnce()
                if outcome.stream != nil { backoff.worked(at: clock.monotonicNanoseconds) }
                guard let ended = outcome.failure else {
                    if !outcome.wasCancelled { logger.notice("the source has ended") }
                    return
                }
                failure = ended
            } catch {
                failure = error
            }
            logger.error("\(failure)")
            let delay = backoff.failed(at: clock.monotonicNanoseconds, chance: .random(in: 0..<1))
            let reason = MediaLocation.redacted("\(failure)")
            state.withLock { ($0.phase, $0.pipelineFailure) = (.waiting, reason) }
            logger.notice("starting again in \(Self.seconds(delay)) s")
            await pause(delay)
        }
    }

    private func runOnce() async throws -> PipelineOutcome {
        // What is kept in `state` must not keep this in turn.
        let source = try factory.supervised(camera, backoff: backoff, clock: clock) { [weak self] event in
            self?.report(event)
        }
        let sinks = try factory.sinks(camera)
        let recordings = sinks.compactMap { LatestFrames.original($0) as? QueuedSink }
        for recording in recordings.compactMap({ $0.inner as? RotatingRecording }) {
            recording.observe { [weak self, path = recording.summary] event in self?.report(event, of: path) }
        }
        let pipeline = CameraPipeline(
            source: source, preparer: factory.preparer(camera), engine: engine, sinks: sinks,
            options: CameraPipeline.Options(
                onFailure: .carryOn, maxFramesPerSecond: camera.maxFramesPerSecond,
                maxAge: UInt64(camera.maxAgeMilliseconds) * 1_000_000, priority: camera.priority),
            ledger: ledger, numbers: numbers, clock: clock
        ) { [weak self] event in
            self?.report(event)
        }
        let isStopping = state.withLock { state in
            state.pipeline = pipeline
            state.source = source
            state.recordings = recordings
            state.phase = .connecting
            state.pipelineFailure = nil
            return state.isStopping
        }
        defer { state.withLock { $0.pipeline = nil } }
        if isStopping { pipeline.cancel() }
        return await pipeline.run()
    }

    /// Waits, but no longer than the service runs.
    private func pause(_ nanoseconds: UInt64) async {
        let end = clock.monotonicNanoseconds + nanoseconds
        while !isStopping, !Task.isCancelled {
            let now = clock.monotonicNanoseconds
            guard now < end else { return }
            try? await cancelWhenGracefulShutdown {
                try await Task.sleep(nanoseconds: min(end - now, 100_000_000))
            }
        }
    }

    private func report(_ event: SupervisedSource.Event) {
        switch event {
        case .failed(let error, let attempt, let delay):
            let reason = "\(error)"
            let isNews = state.withLock { state in
                defer { (state.phase, state.lastFailure) = (.waiting, reason) }
                return attempt == 1 || state.lastFailure != reason
            }
            // An outage is told once, and again where its cause changes: "ended", then "connection refused".
            logger.log(level: isNews ? .warning : .debug, "\(reason); trying again in \(Self.seconds(delay)) s")
        case .recovered(let attempts, let nanoseconds):
            state.withLock { $0.phase = .live }
            let time = nanoseconds.map { ", \(Self.seconds($0)) s after the last good frame" } ?? ""
            let words = "works again after \(attempts) failed attempt\(attempts == 1 ? "" : "s")\(time)"
            guard attempts == 0 else {
                logger.notice("\(words)")
                return
            }
            // A link that loses packets all the time recovers once a second.
            guard let leftOut = state.withLock({ $0.limit.admit("works again", at: clock.monotonicNanoseconds) }) else {
                return
            }
            logger.notice("\(words)\(leftOut > 0 ? " (and \(leftOut) times before)" : "")")
        case .refused(let cause):
            let kind = "refused \(cause.rawValue)"
            guard let leftOut = state.withLock({ $0.limit.admit(kind, at: clock.monotonicNanoseconds) }) else { return }
            let more = leftOut > 0 ? " (and \(leftOut) times before)" : ""
            logger.warning("frames are refused: \(cause.rawValue)\(more)")
        }
    }

    private func report(_ event: PipelineEvent) {
        switch event {
        case .opened(let stream):
            state.withLock { state in
                state.phase = .live
                state.stream = stream
            }
            let rate = stream.frameRate.map { ", \($0.value.fixed(2)) frames a second" } ?? ""
            let size = "\(stream.size.width)×\(stream.size.height) (width × height)"
            logger.notice("reading \(camera.source): \(stream.summary), \(size)\(rate)")
        case .frameFailed(let failure):
            let kind = "\(failure.step)"
            guard let leftOut = state.withLock({ $0.limit.admit(kind, at: clock.monotonicNanoseconds) }) else { return }
            let more = leftOut > 0 ? " (and \(leftOut) frames before it)" : ""
            logger.warning("a frame was left out: \(failure)\(more)")
        case .sinkFailed(let failure):
            state.withLock { $0.lostOutput = "\(failure)" }
            logger.error("an output was given up: \(failure)")
        }
    }

    private func report(_ event: RecordingEvent, of recording: String) {
        switch event {
        case .finished(let path, let frames, let bytes):
            logger.info("recorded \(path): \(frames) frames, \((Double(bytes) / 1e6).fixed(1)) MB")
        case .recovered(let path):
            logger.notice("\(path) was left unfinished by a process that died, and is kept")
        case .removed(let path):
            logger.info("removed \(path), for quota_mb")
        case .stopped(let error):
            logger.error("\(recording) stopped: \(error); it goes on by itself when that is mended")
        case .resumed:
            logger.notice("\(recording) goes on")
        case .clockJumped(let path, let jumps):
            logger.notice(
                "the input's clock jumped \(jumps == 1 ? "once" : "\(jumps) times"); \(path) keeps its pace and has no gap there"
            )
        }
    }

    private static func seconds(_ nanoseconds: UInt64) -> String { (Double(nanoseconds) / 1e9).fixed(2) }
}
