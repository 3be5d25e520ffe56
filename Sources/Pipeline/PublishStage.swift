import Dispatch
import Imaging
import MaskOutput
import Synchronization

/// The last stage: the only one that writes to outputs, valid and blind masks alike, so their numbers and times rise.
final class PublishStage: Sendable {
    private let run: PipelineRun
    private let engine: InferenceQueue
    private let sinks: [any MaskSink]
    private let numbers: FrameNumbers
    private let sight: SourceSight
    private let writingNow = Mutex<(sink: any MaskSink, since: UInt64)?>(nil)
    /// What blind masks show, made when the first is sent.
    private let blindness = Mutex<ClassMap?>(nil)

    init(
        _ run: PipelineRun, engine: InferenceQueue, sinks: [any MaskSink], numbers: FrameNumbers, sight: SourceSight
    ) {
        self.run = run
        self.engine = engine
        self.sinks = sinks
        self.numbers = numbers
        self.sight = sight
    }

    /// The output that a mask is being written to, and since when (CLOCK_MONOTONIC); nil where none is.
    var writing: (sink: any MaskSink, since: UInt64)? { writingNow.withLock { $0 } }

    /// The outputs that still work, and what was written to them. Lives on this stage's thread.
    private struct Outputs {
        var alive: [any MaskSink] = []
        var written = 0
        var lastFailure: PipelineFailure?
    }

    /// The whole work of its thread: begins the outputs when the source is open, writes every mask to all of them, and
    /// completes them.
    func work() {
        numbers.restarted()
        if let maxAge = run.contract.maxAge { return publish(maxAge: maxAge) }
        guard let stream = run.opened.receive() else { return }
        var outputs = Outputs()
        guard begin(sinks, with: stream, of: &outputs) else { return giveUp(outputs) }
        while let item = run.answers.receive() {
            guard write(item, to: &outputs) != nil else { break }
        }
        finish(outputs)
    }

    /// Begins `sinks`. Says whether there is an output to go on with.
    private func begin(_ sinks: [any MaskSink], with stream: StreamInfo, of outputs: inout Outputs) -> Bool {
        for sink in sinks {
            do {
                try writing(to: sink) {
                    try sink.begin(stream: stream, maskSize: engine.inputSize, labels: engine.labels)
                }
                if !outputs.alive.contains(where: { $0 === sink }) { outputs.alive.append(sink) }
            } catch {
                guard sinkFailed(sink, error, of: &outputs) else { return false }
            }
        }
        return hasOutputs(outputs)
    }

    /// What was sent for a frame.
    private enum Written { case valid, tooOld }

    /// Writes one mask to every output, as a blind one where it is too old. Nil where there is no output left to go on
    /// with.
    private func write(_ item: PipelineRun.Answered, to outputs: inout Outputs) -> Written? {
        let began = run.clock.monotonicNanoseconds
        let (number, skipped) = numbers.frame(item.frame.stamp.sequence)
        let frame = item.frame.numbered(number)
        var mask: Mask
        let isValid: Bool
        if let answer = item.mask, !run.isTooOld(frame.stamp) {
            mask = answer.numbered(number, flags: MaskFlags(origin: frame.stamp.capture.origin))
            mask.expiry = run.contract.expiry(of: frame.stamp)
            isValid = true
        } else {
            mask = blindMask(for: frame.stamp, geometry: item.mask?.geometry, cause: .tooOld)
            mask.stages = frame.stages
            isValid = false
        }
        mask.stages[.publish].began = began
        guard deliver(to: &outputs, { try $0.write(mask, of: frame, dropped: skipped) }) else {
            run.ledger.dropped(.failed)
            return nil
        }
        guard isValid else {
            run.ledger.dropped(.tooOld)
            run.ledger.blind(.tooOld)
            return .tooOld
        }
        mask.stages[.publish] = StageTimes.Interval(began: began, ended: run.clock.monotonicNanoseconds)
        outputs.written += 1
        run.ledger.published(mask)
        return .valid
    }

    /// Writes to every output. Says whether there is one left to go on with.
    private func deliver(to outputs: inout Outputs, _ write: (any MaskSink) throws -> Void) -> Bool {
        for sink in outputs.alive {
            do {
                try writing(to: sink) { try write(sink) }
            } catch {
                guard sinkFailed(sink, error, of: &outputs) else { return false }
            }
        }
        return hasOutputs(outputs)
    }

    /// Runs `body`, during which `sink` is the output that all others wait for.
    private func writing(to sink: any MaskSink, _ body: () throws -> Void) rethrows {
        let now = run.clock.monotonicNanoseconds
        writingNow.withLock { $0 = (sink, now) }
        defer { writingNow.withLock { $0 = nil } }
        try body()
    }

    /// Gives up one output. Says whether the camera may go on without it.
    private func sinkFailed(_ sink: any MaskSink, _ error: any Error, of outputs: inout Outputs) -> Bool {
        sink.abandon()
        outputs.alive.removeAll { $0 === sink }
        let failure = PipelineFailure(step: .sink(sink.summary), error: error)
        outputs.lastFailure = failure
        switch run.options.onFailure {
        case .stop:
            run.stop(failure)
            return false
        case .carryOn:
            run.onEvent(.sinkFailed(failure))
            return true
        }
    }

    /// Whether there is a point in going on: an output still works, or there never was one (then only the account
    /// matters). Ends the camera otherwise.
    private func hasOutputs(_ outputs: Outputs) -> Bool {
        guard outputs.alive.isEmpty, let failure = outputs.lastFailure else { return true }
        run.stop(failure)
        return false
    }

    /// For so long the readers of all of a camera's sockets together are waited for at its end.
    private static var drainMilliseconds: Int { 1000 }

    /// Completes the outputs; where nothing was written there is nothing to complete.
    private func finish(_ outputs: Outputs) {
        guard outputs.written > 0 else { return giveUp(outputs) }
        var isComplete = true
        let deadline = DispatchTime.now() + .milliseconds(Self.drainMilliseconds)
        for sink in outputs.alive { sink.willFinish(by: deadline) }
        for sink in outputs.alive {
            do {
                try writing(to: sink) { try sink.finish() }
            } catch {
                sink.abandon()
                isComplete = false
                let failure = PipelineFailure(step: .sink(sink.summary), error: error)
                if run.options.onFailure == .carryOn { run.onEvent(.sinkFailed(failure)) } else { run.stop(failure) }
            }
        }
        let allAlive = isComplete && outputs.alive.count == sinks.count
        run.ended(isComplete: allAlive)
    }

    private func giveUp(_ outputs: Outputs) {
        for sink in outputs.alive { sink.abandon() }
    }

    // MARK: - With an age contract

    /// The loop where masks may be too old: a mask when it comes, a blind one when the clock says so.
    private func publish(maxAge: UInt64) {
        var outputs = Outputs()
        var blindClock = BlindClock(
            maxAge: maxAge, maxFramesPerSecond: run.options.maxFramesPerSecond, now: run.clock.monotonicNanoseconds)
        let nominal = StreamInfo(
            size: engine.inputSize, frameRate: Rational(Int(BlindClock.defaultRate), 1), timeBase: Rational(1, 1000),
            summary: "nothing yet", isLive: true)
        var (hasOpened, hasBegun) = (false, false)
        while true {
            let now = run.clock.monotonicNanoseconds
            let received = run.answers.receive(within: blindClock.nextTick > now ? blindClock.nextTick - now : 0)
            if !hasOpened, let stream = run.opened.takeNow() {
                blindClock.opened(framesPerSecond: stream.frameRate?.value)
                let alive = outputs.alive
                let due = sinks.filter { sink in
                    !hasBegun || !sink.showsBlindness || alive.contains { $0 === sink }
                }
                guard begin(due, with: stream, of: &outputs) else { return giveUp(outputs) }
                (hasOpened, hasBegun) = (true, true)
            }
            switch received {
            case .ended:
                return finish(outputs)
            case .element(let item):
                guard let written = write(item, to: &outputs) else { return finish(outputs) }
                switch written {
                case .valid: blindClock.sentValid(at: run.clock.monotonicNanoseconds)
                case .tooOld: blindClock.sentTooOld(at: run.clock.monotonicNanoseconds)
                }
            case .nothing:
                let now = run.clock.monotonicNanoseconds
                guard now >= blindClock.nextTick,
                    let cause = blindClock.tick(sight.sight(at: now, stream: run.stream), at: now)
                else { continue }
                if !hasBegun {
                    hasBegun = true
                    guard begin(sinks.filter(\.showsBlindness), with: nominal, of: &outputs) else {
                        return giveUp(outputs)
                    }
                }
                guard writeBlind(cause, to: &outputs) else { return finish(outputs) }
            }
        }
    }

    private func writeBlind(_ cause: BlindCause, to outputs: inout Outputs) -> Bool {
        let capture = CaptureTime(
            epochNanoseconds: run.clock.epochNanoseconds, monotonicNanoseconds: run.clock.monotonicNanoseconds,
            origin: .synthetic)
        let stamp = FrameStamp(camera: run.source.camera, sequence: numbers.blind(), mediaTime: nil, capture: capture)
        let mask = blindMask(for: stamp, geometry: nil, cause: cause)
        guard deliver(to: &outputs, { try $0.writeBlind(mask, dropped: 0) }) else { return false }
        run.ledger.blind(cause)
        return true
    }

    /// A mask that says nothing.
    private func blindMask(for stamp: FrameStamp, geometry: MaskGeometry?, cause: BlindCause) -> Mask {
        let size = engine.inputSize
        let classes = blindness.withLock { made in
            if let made { return made }
            let fresh = ClassMap(size: size)
            fresh.fill(ClassMap.noAnswer)
            made = fresh
            return fresh
        }
        return Mask(
            stamp: stamp, classes: classes, labels: engine.labels, model: engine.modelName,
            geometry: geometry ?? MaskGeometry(mask: size, source: run.stream?.size ?? size, fit: .stretch),
            stages: StageTimes(), flags: MaskFlags(origin: stamp.capture.origin, blind: cause))
    }
}
