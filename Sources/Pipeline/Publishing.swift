import Dispatch
import Imaging
import MaskOutput

/// The last stage: the only one that writes to outputs, masks and blind masks alike, so their numbers and times rise.
extension CameraPipeline {
    /// The outputs that still work, and what was written to them. Lives on the publish queue.
    struct Outputs {
        var alive: [any MaskSink] = []
        var written = 0
        var lastFailure: PipelineFailure?
    }

    /// Begins the outputs when the source is open, writes every mask to all of them, and completes them.
    func publish() {
        numbers.restarted()
        if let maxAge { return publish(maxAge: maxAge) }
        guard let stream = opened.receive() else { return }
        var outputs = Outputs()
        guard begin(sinks, with: stream, of: &outputs) else { return giveUp(outputs) }
        while let item = answers.receive() {
            guard write(item, to: &outputs) != nil else { break }
        }
        finish(outputs)
    }

    /// Begins `sinks`. Says whether there is an output to go on with.
    func begin(_ sinks: [any MaskSink], with stream: StreamInfo, of outputs: inout Outputs) -> Bool {
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
    enum Written { case valid, tooOld }

    /// Writes one mask to every output, as a blind one where it is too old. Nil where there is no output left to go on
    /// with.
    func write(_ item: Answered, to outputs: inout Outputs) -> Written? {
        let began = clock.monotonicNanoseconds
        let (number, skipped) = numbers.frame(item.frame.stamp.sequence)
        let frame = item.frame.numbered(number)
        var mask: Mask
        let isValid: Bool
        if let answer = item.mask, !isTooOld(frame.stamp) {
            mask = answer.numbered(number, flags: MaskFlags(origin: frame.stamp.capture.origin))
            mask.validUntil = maxAge.map { frame.stamp.capture.monotonicNanoseconds &+ $0 }
            isValid = true
        } else {
            mask = blindMask(for: frame.stamp, geometry: item.mask?.geometry, cause: .tooOld)
            mask.stages = frame.stages
            isValid = false
        }
        mask.stages[.publish].began = began
        guard deliver(to: &outputs, { try $0.write(mask, of: frame, dropped: skipped) }) else {
            ledger.dropped(.failed)
            return nil
        }
        guard isValid else {
            ledger.dropped(.tooOld)
            ledger.blind(.tooOld)
            return .tooOld
        }
        mask.stages[.publish] = StageTimes.Interval(began: began, ended: clock.monotonicNanoseconds)
        outputs.written += 1
        ledger.published(mask)
        return .valid
    }

    /// Writes to every output. Says whether there is one left to go on with.
    func deliver(to outputs: inout Outputs, _ write: (any MaskSink) throws -> Void) -> Bool {
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
        let now = clock.monotonicNanoseconds
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
        switch options.onFailure {
        case .stop:
            stop(failure)
            return false
        case .carryOn:
            onEvent(.sinkFailed(failure))
            return true
        }
    }

    /// Whether there is a point in going on: an output still works, or there never was one (then only the account
    /// matters). Ends the camera otherwise.
    private func hasOutputs(_ outputs: Outputs) -> Bool {
        guard outputs.alive.isEmpty, let failure = outputs.lastFailure else { return true }
        stop(failure)
        return false
    }

    /// For so long the readers of all of a camera's sockets together are waited for at its end.
    private static var drainMilliseconds: Int { 1000 }

    /// Completes the outputs; where nothing was written there is nothing to complete.
    func finish(_ outputs: Outputs) {
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
                if options.onFailure == .carryOn { onEvent(.sinkFailed(failure)) } else { stop(failure) }
            }
        }
        let allAlive = isComplete && outputs.alive.count == sinks.count
        progress.withLock { $0.isComplete = allAlive }
    }

    func giveUp(_ outputs: Outputs) {
        for sink in outputs.alive { sink.abandon() }
    }
}
