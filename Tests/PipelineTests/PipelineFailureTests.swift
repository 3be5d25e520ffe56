import Imaging
import Pipeline
import Synchronization
import Testing

@Suite("A failing stage")
struct PipelineFailureTests {
    let labels: LabelSet

    init() throws { labels = try #require(oneClass) }

    private func pipeline(
        _ source: ScriptedSource, preparer: ScriptedPreparer = ScriptedPreparer(), failing: Set<UInt8> = [],
        sinks: [RecordingSink], onFailure: CameraPipeline.Options.OnFailure = .stop,
        onEvent: @escaping @Sendable (PipelineEvent) -> Void = { _ in }
    ) -> CameraPipeline {
        CameraPipeline(
            source: source, preparer: preparer,
            engine: InferenceQueue(ScriptedSegmenter(labels: labels, failing: failing)), sinks: sinks,
            options: CameraPipeline.Options(onFailure: onFailure), onEvent: onEvent)
    }

    @Test("leaves the outputs alone when the source does not open")
    func open() async {
        let sink = RecordingSink()
        let source = ScriptedSource(frames: 5, openError: Broken(description: "no such file"))
        let outcome = await pipeline(source, sinks: [sink]).run()
        #expect(outcome.failure?.step == .open)
        #expect(outcome.failure?.description == "no such file")
        #expect(outcome.stream == nil && !outcome.isComplete)
        #expect(sink.end == .open && sink.written.isEmpty)
    }

    @Test("completes the outputs with what was delivered when the source breaks midway")
    func read() async {
        let sink = RecordingSink()
        let source = ScriptedSource(frames: 12, readError: Broken(description: "truncated"))
        let pipeline = pipeline(source, sinks: [sink])
        let outcome = await pipeline.run()
        #expect(outcome.failure?.step == .read)
        #expect(outcome.isComplete)
        #expect(sink.sequences == Array(0..<12))
        #expect(sink.end == .finished)
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("gives the outputs up when nothing was delivered", arguments: [true, false])
    func nothing(fails: Bool) async {
        let sink = RecordingSink()
        let source = ScriptedSource(frames: 0, readError: fails ? Broken(description: "garbage") : nil)
        let outcome = await pipeline(source, sinks: [sink]).run()
        #expect((outcome.failure != nil) == fails)
        #expect(!outcome.isComplete)
        #expect(sink.end == .abandoned)
    }

    @Test("in preprocessing ends a file cleanly with what was answered before")
    func preprocess() async {
        let sink = RecordingSink()
        let pipeline = pipeline(
            ScriptedSource(frames: 100), preparer: ScriptedPreparer(failing: [20]), sinks: [sink])
        let outcome = await pipeline.run()
        #expect(outcome.failure?.step == .preprocess)
        #expect(outcome.failure?.description.contains("no picture 20") == true)
        #expect(sink.sequences == Array(0..<20))
        #expect(sink.end == .finished)
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("in the network ends a file cleanly with what was answered before")
    func infer() async {
        let sink = RecordingSink()
        let pipeline = pipeline(ScriptedSource(frames: 100), failing: [20], sinks: [sink])
        let outcome = await pipeline.run()
        #expect(outcome.failure?.step == .infer)
        #expect(sink.sequences == Array(0..<20))
        #expect(sink.end == .finished)
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("costs a service but the frame it failed on")
    func carryOn() async {
        let sink = RecordingSink()
        let events = Mutex(0)
        let pipeline = pipeline(
            ScriptedSource(frames: 50), preparer: ScriptedPreparer(failing: [3]), failing: [20, 21], sinks: [sink],
            onFailure: .carryOn,
            onEvent: { if case .frameFailed = $0 { events.withLock { $0 += 1 } } })
        let outcome = await pipeline.run()
        #expect(outcome.failure == nil && outcome.isComplete)
        #expect(sink.sequences == (0..<50).filter { ![3, 20, 21].contains($0) })
        #expect(pipeline.ledger.snapshot().dropped == [.failed: 3])
        #expect(events.withLock { $0 } == 3)
    }

    @Test("at a sink that does not begin, writes nothing anywhere")
    func begin() async {
        let good = RecordingSink("good")
        let bad = RecordingSink("bad", beginError: Broken(description: "not writable"))
        let pipeline = pipeline(ScriptedSource(frames: 100), sinks: [good, bad])
        let outcome = await pipeline.run()
        #expect(outcome.failure?.step == .sink("bad"))
        #expect(outcome.failure?.description == "not writable")
        #expect(good.end == .abandoned && bad.end == .abandoned)
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("at a sink gives that output up, completes the others, and ends the reading")
    func write() async {
        let good = RecordingSink("good")
        let bad = RecordingSink("bad", failingAt: 10)
        let source = ScriptedSource(frames: 1000)
        let pipeline = pipeline(source, sinks: [good, bad])
        let outcome = await pipeline.run()
        #expect(outcome.failure?.step == .sink("bad"))
        #expect(!outcome.isComplete)
        #expect(bad.end == .abandoned)
        #expect(good.end == .finished)
        #expect(pipeline.ledger.snapshot().arrived < 1000)
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("at one sink of a service leaves the others at work")
    func writeCarryingOn() async {
        let good = RecordingSink("good")
        let bad = RecordingSink("bad", failingAt: 10)
        let unborn = RecordingSink("unborn", beginError: Broken(description: "taken"))
        let events = Mutex<[String]>([])
        let pipeline = pipeline(
            ScriptedSource(frames: 40), sinks: [bad, good, unborn], onFailure: .carryOn,
            onEvent: { if case .sinkFailed(let failure) = $0 { events.withLock { $0.append("\(failure)") } } })
        let outcome = await pipeline.run()
        #expect(outcome.failure == nil)
        #expect(!outcome.isComplete)
        #expect(good.sequences == Array(0..<40))
        #expect(events.withLock { $0 } == ["taken", "disk full"])
    }

    @Test("at the last sink of a service ends the camera")
    func lastSink() async {
        let sinks = [RecordingSink("a", failingAt: 0), RecordingSink("b", beginError: Broken(description: "taken"))]
        let pipeline = pipeline(ScriptedSource(frames: 1000), sinks: sinks, onFailure: .carryOn)
        let outcome = await pipeline.run()
        #expect(outcome.failure?.step == .sink("a"))
        #expect(pipeline.ledger.snapshot().underWay == 0)
    }

    @Test("in completing an output is reported and leaves no output behind")
    func finish() async {
        let sink = RecordingSink("video", finishError: Broken(description: "disk full"))
        let outcome = await pipeline(ScriptedSource(frames: 3), sinks: [sink]).run()
        #expect(outcome.failure?.step == .sink("video"))
        #expect(!outcome.isComplete)
        #expect(sink.end == .abandoned)
    }
}
