import Dispatch
import Imaging
import Pipeline
import Synchronization
import Testing

@Suite("A camera's pipeline")
struct CameraPipelineTests {
    let labels: LabelSet

    init() throws { labels = try #require(oneClass) }

    private func isBalanced(_ ledger: LatencyLedger, arrived: Int? = nil) -> Bool {
        let snapshot = ledger.snapshot()
        return snapshot.underWay == 0 && (arrived == nil || snapshot.arrived == arrived)
    }

    @Test("gives every frame of a file its own mask, in order, with its own number and times")
    func everyFrame() async {
        let sink = RecordingSink()
        let source = ScriptedSource(frames: 200)
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(ScriptedSegmenter(labels: labels)),
            sinks: [sink])
        let outcome = await pipeline.run()
        #expect(outcome.failure == nil && outcome.isComplete && !outcome.wasCancelled)
        #expect(sink.sequences == Array(0..<200))
        #expect(sink.written.allSatisfy { $0.stamp == $0.frameStamp })
        #expect(sink.written.allSatisfy { $0.value == UInt8(truncatingIfNeeded: $0.stamp.sequence) })
        #expect(sink.written.allSatisfy { $0.dropped == 0 })
        #expect(sink.end == .finished)
        #expect(source.closed == 1)
        #expect(isBalanced(pipeline.ledger, arrived: 200))
    }

    @Test("stamps the stages of every frame in order")
    func stageTimes() async {
        let sink = RecordingSink()
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 20), preparer: ScriptedPreparer(),
            engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [sink])
        _ = await pipeline.run()
        for written in sink.written {
            let stages = written.stages
            let times = [
                stages[.decode].began, stages[.decode].ended, stages[.preprocess].began, stages[.preprocess].ended,
                stages[.infer].began, stages[.infer].ended, stages[.publish].began,
            ]
            #expect(times.allSatisfy { $0 > 0 })
            #expect(times == times.sorted())
        }
        #expect(Stage.allCases.allSatisfy { pipeline.ledger.snapshot()[$0].count == 20 })
    }

    @Test("makes a file wait for a slow network, so that no frame is lost")
    func backPressure() async {
        let gate = DispatchSemaphore(value: 0)
        let ahead = Mutex((read: 0, answered: 0, most: 0))
        let source = ScriptedSource(
            frames: 60,
            beforeFrame: { _ in
                ahead.withLock {
                    $0.read += 1
                    $0.most = max($0.most, $0.read - $0.answered)
                }
            })
        let segmenter = ScriptedSegmenter(labels: labels, before: { _ in gate.wait() })
        let sink = RecordingSink(beforeWrite: { _ in ahead.withLock { $0.answered += 1 } })
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(segmenter), sinks: [sink])
        DispatchQueue(label: "opener").async { for _ in 0..<60 { gate.signal() } }
        _ = await pipeline.run()
        #expect(sink.sequences == Array(0..<60))
        // Three mailboxes of one, one frame in the hands of each of the four stages, and one just asked for.
        #expect(ahead.withLock { $0.most } <= 8)
    }

    @Test("tells all its outputs of the end, with one deadline, before it completes the first")
    func oneDeadline() async {
        let second = RecordingSink("second")
        let early = Mutex<DispatchTime?>(nil)
        let first = RecordingSink("first", beforeFinish: { early.withLock { $0 = second.deadline } })
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 3), preparer: ScriptedPreparer(),
            engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [first, second])
        _ = await pipeline.run()
        #expect(first.deadline != nil && first.deadline == second.deadline && early.withLock { $0 } == second.deadline)
        #expect(first.end == .finished && second.end == .finished)
    }

    @Test("says which output it waits for, and since when the network works")
    func standstill() async {
        let (reached, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let sink = RecordingSink(
            "slow",
            beforeWrite: { count in
                guard count == 1 else { return }
                reached.signal()
                gate.wait()
            })
        let clock = ManualClock()
        let segmenter = ScriptedSegmenter(
            labels: labels,
            before: { value in
                guard value == 0 else { return }
                reached.signal()
                gate.wait()
            })
        let engine = InferenceQueue(segmenter, clock: clock)
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 3), preparer: ScriptedPreparer(), engine: engine, sinks: [sink],
            clock: clock)
        #expect(engine.work.since == nil && pipeline.writing == nil)
        let ended = DispatchSemaphore(value: 0)
        pipeline.start { _ in ended.signal() }
        await blocking { reached.wait() }
        #expect(engine.work.since == clock.monotonicNanoseconds)
        clock.advance(milliseconds: 1500)
        gate.signal()
        await blocking { reached.wait() }
        #expect(pipeline.writing?.sink === sink && pipeline.writing?.since == clock.monotonicNanoseconds)
        gate.signal()
        await blocking { ended.wait() }
        #expect(pipeline.writing == nil && engine.work.since == nil)
    }

    /// Waits on a thread of its own.
    private func blocking(_ wait: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "waiting").async {
                wait()
                continuation.resume()
            }
        }
    }

    @Test("lets a live source run on when the network is slow, and counts every skipped frame")
    func newestWins() async {
        // The network's first answer waits until the source has delivered all it has.
        let allRead = DispatchSemaphore(value: 0)
        let source = ScriptedSource(
            frames: 100, isLive: true, beforeFrame: { if $0 == 99 { allRead.signal() } })
        let segmenter = ScriptedSegmenter(labels: labels, before: { if $0 == 0 { allRead.wait() } })
        let sink = RecordingSink()
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(segmenter), sinks: [sink])
        _ = await pipeline.run()
        let snapshot = pipeline.ledger.snapshot()
        #expect(sink.sequences == sink.sequences.sorted())
        #expect(sink.sequences.last == 99)
        #expect(snapshot.droppedInAll > 0)
        #expect(snapshot.arrived == 100 && snapshot.published + snapshot.droppedInAll == 100)
        #expect(snapshot.published == sink.written.count)
        #expect(snapshot.droppedInAll == sink.written.map(\.dropped).reduce(0, +))
    }

    @Test("frees a live source from a slow sink too")
    func slowSink() async {
        let allRead = DispatchSemaphore(value: 0)
        let source = ScriptedSource(
            frames: 100, isLive: true, beforeFrame: { if $0 == 99 { allRead.signal() } })
        let sink = RecordingSink(beforeWrite: { if $0 == 0 { allRead.wait() } })
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(),
            engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [sink])
        _ = await pipeline.run()
        #expect(isBalanced(pipeline.ledger, arrived: 100))
        #expect(sink.sequences == sink.sequences.sorted())
    }

    @Test("takes turns between cameras that share a network, one call at a time")
    func sharedNetwork() async {
        let segmenter = ScriptedSegmenter(labels: labels)
        let engine = InferenceQueue(segmenter)
        let cameras = ["front", "left", "rear"].map { name in
            let sink = RecordingSink(name)
            let pipeline = CameraPipeline(
                source: ScriptedSource(camera: name, frames: 300), preparer: ScriptedPreparer(), engine: engine,
                sinks: [sink])
            return (pipeline, sink)
        }
        await withTaskGroup(of: Void.self) { group in
            for (pipeline, _) in cameras { group.addTask { _ = await pipeline.run() } }
        }
        for (pipeline, sink) in cameras {
            #expect(sink.sequences == Array(0..<300))
            #expect(sink.written.allSatisfy { $0.stamp.camera == pipeline.camera })
            #expect(sink.written.allSatisfy { $0.value == UInt8(truncatingIfNeeded: $0.stamp.sequence) })
        }
        #expect(segmenter.overlaps.load(ordering: .sequentiallyConsistent) == 0)
    }

    @Test("stops after the limit")
    func limit() async {
        let sink = RecordingSink()
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 50), preparer: ScriptedPreparer(),
            engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [sink],
            options: CameraPipeline.Options(limit: 7))
        let outcome = await pipeline.run()
        #expect(sink.sequences == Array(0..<7))
        #expect(outcome.isComplete && sink.end == .finished)
    }

    @Test("takes no more frames of a file a second of film than the cap")
    func rateCap() async {
        let sink = RecordingSink()
        let pipeline = CameraPipeline(
            source: ScriptedSource(frames: 30), preparer: ScriptedPreparer(),
            engine: InferenceQueue(ScriptedSegmenter(labels: labels)), sinks: [sink],
            options: CameraPipeline.Options(maxFramesPerSecond: 10))
        _ = await pipeline.run()
        #expect(sink.sequences == stride(from: 0, to: 30, by: 3).map { $0 })
        #expect(pipeline.ledger.snapshot().dropped == [.rateCap: 20])
        #expect(sink.written.map(\.dropped) == [0] + Array(repeating: 2, count: 9))
    }

    @Test("finishes what is under way and its outputs when it is cancelled")
    func cancellation() async {
        let sink = RecordingSink()
        let box = Mutex<CameraPipeline?>(nil)
        let source = ScriptedSource(
            frames: 1000, beforeFrame: { if $0 == 30 { box.withLock { $0 }?.cancel() } })
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(ScriptedSegmenter(labels: labels)),
            sinks: [sink])
        box.withLock { $0 = pipeline }
        let outcome = await pipeline.run()
        box.withLock { $0 = nil }
        #expect(outcome.wasCancelled && outcome.failure == nil && outcome.isComplete)
        #expect(sink.sequences == Array(0..<30))
        #expect(sink.end == .finished)
        #expect(source.closed == 1)
    }

    @Test("does not start when it was cancelled before, and runs but once")
    func cancelledBefore() async {
        let sink = RecordingSink()
        let source = ScriptedSource(frames: 5)
        let pipeline = CameraPipeline(
            source: source, preparer: ScriptedPreparer(), engine: InferenceQueue(ScriptedSegmenter(labels: labels)),
            sinks: [sink])
        pipeline.cancel()
        #expect(await pipeline.run().wasCancelled)
        #expect(source.opened == 0 && sink.written.isEmpty)
        #expect(await pipeline.run().wasCancelled)
    }
}
