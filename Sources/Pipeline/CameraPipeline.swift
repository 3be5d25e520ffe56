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
    /// How a pipeline behaves.
    public struct Options: Sendable {
        /// What a failing frame or output does.
        public enum OnFailure: Sendable {
            /// It ends the camera.
            case stop
            /// The frame, or the output, is given up and the camera goes on, until it has no output left.
            case carryOn
        }

        /// What a failing frame or output does. A failing source ends the camera always.
        public var onFailure: OnFailure
        /// Frames to take at most; nil for all.
        public var limit: Int?
        /// Frames a second to take at most, evenly spaced; nil for all.
        public var maxFramesPerSecond: Double?

        /// How old a live source's mask may be when it is sent, in nanoseconds from its capture. An older one goes out
        /// blind, and while there is none, or nothing to see, blind masks go out at the camera's rate. Nil: masks of any
        /// age, and no blind ones.
        public var maxAge: UInt64?
        /// The camera's share of the network where several want it, 1 or more.
        public var priority: Int

        /// Takes every frame and stops at the first failure unless told otherwise.
        public init(
            onFailure: OnFailure = .stop, limit: Int? = nil, maxFramesPerSecond: Double? = nil, maxAge: UInt64? = nil,
            priority: Int = 1
        ) {
            self.onFailure = onFailure
            self.limit = limit
            self.maxFramesPerSecond = maxFramesPerSecond
            self.maxAge = maxAge
            self.priority = priority
        }
    }

    /// A frame ready for the network.
    struct Prepared: Sendable {
        var frame: Frame
        let input: Loan<PlanarRGB>
        let geometry: MaskGeometry
    }

    /// A frame and its answer; nil where the frame was too old to ask for one.
    struct Answered: Sendable {
        let frame: Frame
        let mask: Mask?
    }

    struct Progress {
        var isStarted = false
        var isCancelled = false
        var failure: PipelineFailure?
        var stream: StreamInfo?
        var isComplete = false
    }

    /// The camera's name.
    public var camera: String { source.camera }
    /// The camera's account, readable at any time.
    public let ledger: LatencyLedger

    /// What the source said of itself; nil before it is open.
    public var stream: StreamInfo? { progress.withLock { $0.stream } }

    /// The output that a mask is being written to, and since when (CLOCK_MONOTONIC); nil where none is. All outputs of
    /// the camera wait for it.
    public var writing: (sink: any MaskSink, since: UInt64)? { writingNow.withLock { $0 } }

    let source: any VideoSource
    let preparer: any Preparing
    let engine: InferenceQueue
    let sinks: [any MaskSink]
    let options: Options
    let clock: any FrameClock
    let onEvent: @Sendable (PipelineEvent) -> Void
    let opened = Mailbox<StreamInfo>(.everyFrame(capacity: 1))
    let frames: Mailbox<Frame>
    let prepared: Mailbox<Prepared>
    let answers: Mailbox<Answered>
    let inputs: BufferPool<PlanarRGB>
    let classMaps: ClassMapPool
    let progress = Mutex(Progress())
    let lastArrival = Mutex<UInt64?>(nil)
    let writingNow = Mutex<(sink: any MaskSink, since: UInt64)?>(nil)
    let numbers: FrameNumbers
    let seat: EngineSeat
    /// `Options.maxAge` where the source is live.
    let maxAge: UInt64?
    /// What blind masks show, made when the first is sent.
    let blindness = Mutex<ClassMap?>(nil)

    /// A pipeline that has not started. `source`, `preparer` and `sinks` are its own from now on; `engine` may be
    /// shared. `ledger` and `numbers` go on from the camera's last pipeline where they are given. `onEvent` is called on
    /// the stages' threads and must not block.
    public init(
        source: any VideoSource, preparer: any Preparing, engine: InferenceQueue, sinks: [any MaskSink],
        options: Options = Options(), ledger: LatencyLedger? = nil, numbers: FrameNumbers = FrameNumbers(),
        clock: any FrameClock = SystemClock(), onEvent: @escaping @Sendable (PipelineEvent) -> Void = { _ in }
    ) {
        self.source = source
        self.preparer = preparer
        self.engine = engine
        self.sinks = sinks
        self.options = options
        self.ledger = ledger ?? LatencyLedger(clock: clock)
        self.clock = clock
        self.onEvent = onEvent
        self.numbers = numbers
        maxAge = source.isLive ? options.maxAge : nil
        seat = engine.join(weight: options.priority)
        frames = Mailbox(source.isLive ? .newest : .everyFrame(capacity: 1))
        prepared = Mailbox(source.isLive ? .newest : .everyFrame(capacity: 1))
        answers = Mailbox(source.isLive ? .newest : .everyFrame(capacity: 1))
        let size = engine.inputSize
        inputs = BufferPool { PlanarRGB(size: size) }
        classMaps = ClassMapPool(size: size)
    }

    /// Threads that one pipeline has of its own: four stages, of which a live source needs three.
    public static let threadsPerCamera = 4

    /// Starts the stages; `completion` is called once, on some thread, when all of them have ended. Where the system has
    /// no threads for them, the pipeline ends with that failure. A pipeline runs once: a second start completes at once,
    /// cancelled.
    public func start(_ completion: @escaping @Sendable (PipelineOutcome) -> Void) {
        let isFirst = progress.withLock { progress in
            defer { progress.isStarted = true }
            return !progress.isStarted
        }
        guard isFirst else {
            completion(PipelineOutcome(stream: nil, failure: nil, wasCancelled: true, isComplete: false))
            return
        }
        // What tells the threads of a camera apart comes first: a name has 15 bytes.
        var stages: [ThreadCrew.Member] = [
            ("dec \(camera)", { self.decode() }), ("inf \(camera)", { self.infer() }),
            ("pub \(camera)", { self.publish() }),
        ]
        if !source.isLive { stages.append(("pre \(camera)", { self.preprocess() })) }
        do throws(ThreadError) {
            try ThreadCrew.start(stages) { completion(self.outcome) }
        } catch {
            seat.leave()
            stop(PipelineFailure(step: .start, error: error))
            completion(outcome)
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
        return result.withLock { $0 } ?? outcome
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
    public func cancel() {
        progress.withLock { $0.isCancelled = true }
        source.cancel()
    }

    private var outcome: PipelineOutcome {
        progress.withLock {
            PipelineOutcome(
                stream: $0.stream, failure: $0.failure, wasCancelled: $0.isCancelled, isComplete: $0.isComplete)
        }
    }

    /// Whether a frame, or its mask, may not be sent as valid any more.
    func isTooOld(_ stamp: FrameStamp) -> Bool {
        guard let maxAge else { return false }
        let (now, captured) = (clock.monotonicNanoseconds, stamp.capture.monotonicNanoseconds)
        return now > captured && now - captured > maxAge
    }

    var isCancelled: Bool { progress.withLock { $0.isCancelled } }

    /// Ends the camera because of `failure`: nothing more is read, and what waits before the failing stage is dropped.
    func stop(_ failure: PipelineFailure) {
        progress.withLock { if $0.failure == nil { $0.failure = failure } }
        switch failure.step {
        case .start, .open, .read:
            return
        case .preprocess:
            ledger.dropped(.abandoned, count: frames.discard().count)
        case .infer:
            ledger.dropped(.abandoned, count: frames.discard().count)
            ledger.dropped(.abandoned, count: prepared.discard().count)
        case .sink:
            ledger.dropped(.abandoned, count: frames.discard().count)
            ledger.dropped(.abandoned, count: prepared.discard().count)
            ledger.dropped(.abandoned, count: answers.discard().count)
        }
        source.cancel()
    }

    /// A stage failed on one frame. Says whether the stage goes on.
    func frameFailed(_ failure: PipelineFailure) -> Bool {
        ledger.dropped(.failed)
        switch options.onFailure {
        case .stop:
            stop(failure)
            return false
        case .carryOn:
            onEvent(.frameFailed(failure))
            return true
        }
    }

    /// Sends on to the next stage, and keeps the account of what is lost. Says whether the next stage still listens.
    func send<Element>(_ element: Element, to mailbox: Mailbox<Element>, replacedFor reason: DropReason) -> Bool {
        switch mailbox.send(element) {
        case .delivered:
            return true
        case .replaced:
            ledger.dropped(reason)
            return true
        case .refused:
            ledger.dropped(.abandoned)
            return false
        }
    }
}
