import Dispatch
import Imaging
import MaskOutput
import Synchronization
import Threads
import VideoInput

/// One camera from source to sinks: decode, preprocess, infer and publish, each on a thread of its own, joined by
/// bounded mailboxes.
///
/// The source decides what happens when a stage is too slow: a live one skips to its newest frame, any other waits,
/// so that every frame is processed. Either way frames leave in the order they came. The first failure, the end of
/// the source or `cancel` stops the reading; what is under way is finished, and so are the outputs.
public final class CameraPipeline: Sendable {
    /// The camera's name.
    public var camera: String { shared.source.camera }
    /// The camera's account, readable at any time.
    public var ledger: LatencyLedger { shared.ledger }

    /// What the source said of itself; nil before it is open.
    public var stream: StreamInfo? { shared.stream }

    /// The output that a mask is being written to, and since when (CLOCK_MONOTONIC); nil where none is. All outputs of
    /// the camera wait for it.
    public var writing: (sink: any MaskSink, since: UInt64)? { publishing.writing }

    private let shared: PipelineRun
    private let seat: EngineSeat
    private let decoding: DecodeStage
    private let preparing: PrepareStage
    private let inferring: InferStage
    private let publishing: PublishStage

    /// A pipeline that has not started. `source`, `preparer` and `sinks` are its own from now on; `engine` may be
    /// shared. `ledger` and `numbers` go on from the camera's last pipeline where they are given. `onEvent` is called on
    /// the stages' threads and must not block.
    public init(
        source: any VideoSource, preparer: any Preparing, engine: InferenceQueue, sinks: [any MaskSink],
        options: Options = Options(), ledger: LatencyLedger? = nil, numbers: FrameNumbers = FrameNumbers(),
        clock: any FrameClock = SystemClock(), onEvent: @escaping @Sendable (PipelineEvent) -> Void = { _ in }
    ) {
        shared = PipelineRun(
            source: source, options: options, ledger: ledger ?? LatencyLedger(clock: clock), clock: clock,
            onEvent: onEvent)
        seat = engine.join(weight: options.priority)
        let sight = SourceSight(source, clock: clock)
        decoding = DecodeStage(shared, sight: sight, seat: seat)
        preparing = PrepareStage(shared, preparer: preparer, inputSize: engine.inputSize, seat: seat)
        inferring = InferStage(shared, preparing: preparing, engine: engine, seat: seat)
        publishing = PublishStage(shared, engine: engine, sinks: sinks, numbers: numbers, sight: sight)
    }

    /// Threads that one pipeline has of its own: four stages, of which a live source needs three.
    public static let threadsPerCamera = 4

    /// Starts the stages; `completion` is called once, on some thread, when all of them have ended. Where the system has
    /// no threads for them, the pipeline ends with that failure. A pipeline runs once: a second start completes at once,
    /// cancelled.
    public func start(_ completion: @escaping @Sendable (PipelineOutcome) -> Void) {
        guard shared.start() else {
            completion(PipelineOutcome(stream: nil, failure: nil, wasCancelled: true, isComplete: false))
            return
        }
        // What tells the threads of a camera apart comes first: a name has 15 bytes.
        var stages: [ThreadCrew.Member] = [
            ("dec \(camera)", decoding.work), ("inf \(camera)", inferring.work),
            ("pub \(camera)", publishing.work),
        ]
        if !shared.source.isLive { stages.append(("pre \(camera)", preparing.work)) }
        do throws(ThreadError) {
            try ThreadCrew.start(stages) { completion(self.shared.outcome) }
        } catch {
            seat.leave()
            shared.stop(PipelineFailure(step: .start, error: error))
            completion(shared.outcome)
        }
    }

    /// Starts the stages and waits for them on the caller's thread; not for async code.
    public func runAndWait() -> PipelineOutcome {
        let ended = DispatchSemaphore(value: 0)
        let result = Mutex<PipelineOutcome?>(nil)
        start { outcome in
            result.withLock { $0 = outcome }
            ended.signal()
        }
        ended.wait()
        return result.withLock { $0 } ?? shared.outcome
    }

    /// Starts the stages and waits for them without blocking a thread.
    public func run() async -> PipelineOutcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in start { continuation.resume(returning: $0) } }
        } onCancel: {
            cancel()
        }
    }

    /// Stops reading. What is under way is finished, outputs are completed, and the pipeline ends. From any thread.
    public func cancel() { shared.cancel() }
}
