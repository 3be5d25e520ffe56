import Imaging
import Synchronization
import VideoInput

/// What the stages of one camera share: the mailboxes between them, who ends the camera and why, its account, and whom
/// it tells.
final class PipelineRun: Sendable {
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

    private struct Progress {
        var isStarted = false
        var isCancelled = false
        var failure: PipelineFailure?
        var stream: StreamInfo?
        var isComplete = false
    }

    let source: any VideoSource
    let options: CameraPipeline.Options
    let ledger: LatencyLedger
    let clock: any FrameClock
    let onEvent: @Sendable (PipelineEvent) -> Void
    /// Of `Options.maxAge`, where the source is live.
    let contract: AgeContract
    let opened = Mailbox<StreamInfo>(.everyFrame(capacity: 1))
    let frames: Mailbox<Frame>
    let prepared: Mailbox<Prepared>
    let answers: Mailbox<Answered>
    private let progress = Mutex(Progress())

    init(
        source: any VideoSource, options: CameraPipeline.Options, ledger: LatencyLedger, clock: any FrameClock,
        onEvent: @escaping @Sendable (PipelineEvent) -> Void
    ) {
        self.source = source
        self.options = options
        self.ledger = ledger
        self.clock = clock
        self.onEvent = onEvent
        contract = AgeContract(maxAge: source.isLive ? options.maxAge : nil)
        frames = Mailbox(source.isLive ? .newest : .everyFrame(capacity: 1))
        prepared = Mailbox(source.isLive ? .newest : .everyFrame(capacity: 1))
        answers = Mailbox(source.isLive ? .newest : .everyFrame(capacity: 1))
    }

    /// Whether a frame, or its mask, may not be sent as valid any more.
    func isTooOld(_ stamp: FrameStamp) -> Bool { contract.expiry(of: stamp).isOver(at: clock.monotonicNanoseconds) }

    // MARK: - Progress

    var stream: StreamInfo? { progress.withLock { $0.stream } }
    var isCancelled: Bool { progress.withLock { $0.isCancelled } }

    var outcome: PipelineOutcome {
        progress.withLock {
            PipelineOutcome(
                stream: $0.stream, failure: $0.failure, wasCancelled: $0.isCancelled, isComplete: $0.isComplete)
        }
    }

    /// Says whether this is the first start.
    func start() -> Bool {
        progress.withLock { progress in
            defer { progress.isStarted = true }
            return !progress.isStarted
        }
    }

    func opened(_ stream: StreamInfo) {
        progress.withLock { $0.stream = stream }
        onEvent(.opened(stream))
        _ = opened.send(stream)
    }

    /// Every output was completed, or not.
    func ended(isComplete: Bool) { progress.withLock { $0.isComplete = isComplete } }

    func cancel() {
        progress.withLock { $0.isCancelled = true }
        source.cancel()
    }

    // MARK: - Failures

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
