import Dispatch
import Glibc
import Imaging
import MaskOutput
import Pipeline
import Synchronization
import Testing

/// Remembers masks and blind masks in the order they came.
private final class WatchingSink: MaskSink {
    struct Seen: Equatable {
        let sequence: UInt64
        let flags: MaskFlags
        let value: UInt8
        let dropped: Int
        let age: UInt64
    }

    let summary = "watching"
    let showsBlindness = true
    private let clock = SystemClock()
    private let onWrite: @Sendable (Seen) -> Void
    private let state = Mutex((begun: [StreamInfo](), seen: [Seen](), isFinished: false))

    init(onWrite: @escaping @Sendable (Seen) -> Void = { _ in }) { self.onWrite = onWrite }

    var begun: [StreamInfo] { state.withLock { $0.begun } }
    var seen: [Seen] { state.withLock { $0.seen } }

    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) {
        state.withLock { $0.begun.append(info) }
    }

    func write(_ mask: Mask, of frame: Frame, dropped: Int) {
        #expect(frame.stamp == mask.stamp)
        note(mask, dropped: dropped)
    }

    func writeBlind(_ mask: Mask, dropped: Int) { note(mask, dropped: dropped) }

    private func note(_ mask: Mask, dropped: Int) {
        let seen = Seen(
            sequence: mask.stamp.sequence, flags: mask.flags, value: mask.classes[row: 1, column: 2], dropped: dropped,
            age: clock.monotonicNanoseconds - mask.stamp.capture.monotonicNanoseconds)
        state.withLock { $0.seen.append(seen) }
        onWrite(seen)
    }

    func finish() {}
    func abandon() {}
}

@Suite("A camera with an age contract")
struct BlindnessTests {
    let labels: LabelSet
    private let contract = CameraPipeline.Options(onFailure: .carryOn, maxAge: 60_000_000_000)

    init() throws { labels = try #require(oneClass) }

    @Test("sends blind masks before its source opens, to those who show them only, and masks after")
    func connecting() async {
        let blind = DispatchSemaphore(value: 0)
        let sink = WatchingSink { if $0.flags.isBlind { blind.signal() } }
        let other = RecordingSink()
        let source = ScriptedSource(
            frames: 5, isLive: true,
            beforeOpen: {
                for _ in 0..<3 { blind.wait() }
            })
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(ScriptedSegmenter(labels: labels)),
            sinks: [sink, other], options: contract)
        let outcome = await pipeline.run()
        #expect(outcome.failure == nil && outcome.isComplete)
        let seen = sink.seen
        let blinds = seen.filter(\.flags.isBlind)
        #expect(blinds.count >= 3 && blinds.allSatisfy { $0.flags.blindCause == .connecting && $0.value == 255 })
        #expect(seen.prefix(3).allSatisfy { $0.flags.isBlind })
        #expect(seen.last?.flags.isBlind == false && seen.last?.value == 4)
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.sequence < $1.sequence })
        #expect(sink.begun.map(\.size) == [ImageSize(height: 2, width: 3), ImageSize(height: 4, width: 4)])
        #expect(other.written.allSatisfy { !$0.stamp.camera.isEmpty && $0.value < 5 })
        #expect(pipeline.ledger.snapshot().blind[.connecting] == blinds.count)
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("sends blind masks while its source is silent, numbered on, and masks again when it speaks")
    func silence() async {
        let blind = DispatchSemaphore(value: 0)
        let sink = WatchingSink { if $0.flags.blindCause == .noSignal { blind.signal() } }
        let source = ScriptedSource(
            frames: 6, isLive: true, beforeFrame: { if $0 == 3 { for _ in 0..<2 { blind.wait() } } })
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(ScriptedSegmenter(labels: labels)),
            sinks: [sink], options: contract)
        _ = await pipeline.run()
        let seen = sink.seen
        #expect(seen.filter { $0.flags.blindCause == .noSignal }.count >= 2)
        #expect(seen.last?.flags.isBlind == false && seen.last?.value == 5)
        // Numbers have no gap but those of frames that were skipped.
        #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.sequence + UInt64($1.dropped) + 1 == $1.sequence })
    }

    @Test("never sends a mask as valid that is older than allowed, and says why")
    func tooOld() async {
        let sink = WatchingSink()
        let source = ScriptedSource(frames: 3, isLive: true)
        let segmenter = ScriptedSegmenter(labels: labels) { _ in usleep(5000) }
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(segmenter), sinks: [sink],
            options: CameraPipeline.Options(onFailure: .carryOn, maxAge: 1_000_000))
        _ = await pipeline.run()
        let seen = sink.seen
        #expect(!seen.isEmpty && seen.allSatisfy { $0.flags.isBlind && $0.value == 255 })
        let account = pipeline.ledger.snapshot()
        #expect(account.published == 0 && account.blind[.tooOld, default: 0] > 0)
        #expect(account.dropped[.tooOld] == account.blind[.tooOld] && account.underWay == 0)
    }

    @Test("leaves a file alone: it has no age, and is not blind")
    func file() async {
        let sink = WatchingSink()
        let segmenter = ScriptedSegmenter(labels: labels) { _ in usleep(2000) }
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 9), preparer: ScriptedPreparer(), engine: InferenceQueue(segmenter),
            sinks: [sink], options: CameraPipeline.Options(maxAge: 1))
        _ = await pipeline.run()
        #expect(sink.seen.map(\.value) == Array(0..<9) && sink.seen.allSatisfy { !$0.flags.isBlind })
    }

    @Test("goes on with its numbers when its pipeline begins anew")
    func numbers() async {
        let numbers = FrameNumbers()
        let sink = WatchingSink()
        for _ in 0..<3 {
            let pipeline = CameraPipeline(
                source: ScriptedSource(frames: 4), preparer: ScriptedPreparer(),
                engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [sink], numbers: numbers)
            _ = await pipeline.run()
        }
        #expect(sink.seen.map(\.sequence) == Array(0..<12))
    }

    @Test("counts the classes of its masks")
    func classes() async {
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 2), preparer: ScriptedPreparer(),
            engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [WatchingSink()])
        _ = await pipeline.run()
        #expect(pipeline.ledger.snapshot().classShares == ["Road": 0, "Sky": 1, "none": 0])
    }

    @Test("takes the newest frame at each turn, however slow the network")
    func newest() async {
        // The source delivers when the network begins, and so the network must answer that very frame next.
        let step = DispatchSemaphore(value: 0)
        let answered = Mutex<[UInt8]>([])
        let source = ScriptedSource(frames: 90, isLive: true, beforeFrame: { if $0 > 0, $0 % 10 == 0 { step.wait() } })
        let segmenter = ScriptedSegmenter(labels: labels) { value in
            answered.withLock { $0.append(value) }
            step.signal()
            usleep(3000)
        }
        let sink = WatchingSink()
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(segmenter), sinks: [sink],
            options: contract)
        _ = await pipeline.run()
        let seen = answered.withLock { $0 }
        #expect(seen.last == 89 && seen == seen.sorted())
        #expect(pipeline.ledger.snapshot().dropped[.newerBeforeInfer] == nil)
    }
}
