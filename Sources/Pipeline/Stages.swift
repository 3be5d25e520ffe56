import Imaging

/// The first three stages; each method is the whole work of one queue.
extension CameraPipeline {
    /// Opens the source, and reads it until it ends, fails or is cancelled.
    func decode() {
        defer {
            opened.close()
            frames.close()
        }
        do {
            guard !isCancelled else { return }
            let stream = try source.open()
            progress.withLock { $0.stream = stream }
            onEvent(.opened(stream))
            _ = opened.send(stream)
        } catch is CancellationError {
            return source.close()
        } catch {
            source.close()
            return stop(PipelineFailure(step: .open, error: error))
        }
        defer { source.close() }
        do {
            try read()
        } catch is CancellationError {
            return
        } catch {
            stop(PipelineFailure(step: .read, error: error))
        }
    }

    private func read() throws {
        var cap = options.maxFramesPerSecond.flatMap { RateCap(framesPerSecond: $0) }
        var taken = 0
        while taken < options.limit ?? .max, !isCancelled, let frame = try source.next() {
            ledger.arrived(frame)
            if cap?.admits(pacingTime(of: frame)) == false {
                ledger.dropped(.rateCap)
                continue
            }
            taken += 1
            guard send(frame, to: frames, replacedFor: .newerBeforePreprocess) else { return }
        }
    }

    /// The time a rate cap goes by: a file read faster than it plays goes by its own clock.
    private func pacingTime(of frame: Frame) -> Int64 {
        if !source.isLive, let time = frame.stamp.mediaTime, time.timeBase.isPositive {
            return Int64(max(-4e18, min(4e18, time.seconds * 1e9)))
        }
        return Int64(clamping: frame.stamp.capture.monotonicNanoseconds)
    }

    /// Brings every frame to the network's size.
    func preprocess() {
        defer { prepared.close() }
        while var frame = frames.receive() {
            let input = inputs.take()
            do {
                let began = clock.monotonicNanoseconds
                let geometry = try preparer.prepare(frame.picture, into: input.buffer)
                frame.stages[.preprocess] = StageTimes.Interval(began: began, ended: clock.monotonicNanoseconds)
                let element = Prepared(frame: frame, input: input, geometry: geometry)
                guard send(element, to: prepared, replacedFor: .newerBeforeInfer) else { return }
            } catch {
                guard frameFailed(PipelineFailure(step: .preprocess, error: error)) else { return }
            }
        }
    }

    /// Runs the network on every prepared frame, taking turns with the other cameras.
    func infer() {
        defer { answers.close() }
        while var item = prepared.receive() {
            let classes = classMaps.take()
            do {
                item.frame.stages[.infer] = try engine.segment(item.input.buffer, into: classes.buffer, clock: clock)
                let mask = Mask(
                    stamp: item.frame.stamp, classes: classes.buffer, labels: engine.labels, model: engine.modelName,
                    geometry: item.geometry, stages: item.frame.stages, owner: classes)
                let element = Answered(frame: item.frame, mask: mask)
                guard send(element, to: answers, replacedFor: .newerBeforePublish) else { return }
            } catch {
                guard frameFailed(PipelineFailure(step: .infer, error: error)) else { return }
            }
        }
    }
}
