import Imaging
import MaskOutput

/// The last stage: its outputs, and what it does when one of them fails.
extension CameraPipeline {
    /// The outputs that still work, and what was written to them. Lives on the publish queue.
    private struct Outputs {
        var alive: [any MaskSink] = []
        var written = 0
        var lastSequence: UInt64?
        var lastFailure: PipelineFailure?
    }

    /// Begins the outputs when the source is open, writes every mask to all of them, and completes them.
    func publish() {
        guard let stream = opened.receive() else { return }
        var outputs = Outputs()
        for sink in sinks {
            do {
                try sink.begin(stream: stream, maskSize: engine.inputSize, labels: engine.labels)
                outputs.alive.append(sink)
            } catch {
                guard sinkFailed(sink, error, of: &outputs) else { return giveUp(outputs) }
            }
        }
        guard hasOutputs(outputs) else { return }
        while let item = answers.receive() {
            guard write(item, to: &outputs) else { break }
        }
        finish(outputs)
    }

    /// Writes one mask to every output. Says whether there is an output left to go on with.
    private func write(_ item: Answered, to outputs: inout Outputs) -> Bool {
        var mask = item.mask
        let began = clock.monotonicNanoseconds
        mask.stages[.publish].began = began
        let skipped = Self.skipped(before: mask.stamp.sequence, after: outputs.lastSequence)
        for sink in outputs.alive {
            do {
                try sink.write(mask, of: item.frame, dropped: skipped)
            } catch {
                guard sinkFailed(sink, error, of: &outputs) else {
                    ledger.dropped(.failed)
                    return false
                }
            }
        }
        guard hasOutputs(outputs) else {
            ledger.dropped(.failed)
            return false
        }
        mask.stages[.publish] = StageTimes.Interval(began: began, ended: clock.monotonicNanoseconds)
        outputs.written += 1
        outputs.lastSequence = mask.stamp.sequence
        ledger.published(mask.stamp, stages: mask.stages)
        return true
    }

    /// How many frames of the camera lie between two that were written; a source that counts anew skipped none.
    private static func skipped(before sequence: UInt64, after last: UInt64?) -> Int {
        let expected = last.map { $0 &+ 1 } ?? 0
        return sequence > expected ? Int(clamping: sequence - expected) : 0
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

    /// Completes the outputs; where nothing was written there is nothing to complete.
    private func finish(_ outputs: Outputs) {
        guard outputs.written > 0 else { return giveUp(outputs) }
        var isComplete = true
        for sink in outputs.alive {
            do {
                try sink.finish()
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

    private func giveUp(_ outputs: Outputs) {
        for sink in outputs.alive { sink.abandon() }
    }
}
