import Imaging

/// The first three stages; each method is the whole work of one thread.
extension CameraPipeline {
    /// Opens the source, and reads it until it ends, fails or is cancelled.
    func decode() {
        defer {
            opened.close()
            frames.close()
            if source.isLive { seat.close() }
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
            lastArrival.withLock { $0 = clock.monotonicNanoseconds }
            if cap?.admits(pacingTime(of: frame)) == false {
                ledger.dropped(.rateCap)
                continue
            }
            taken += 1
            guard send(frame, to: frames, replacedFor: .newerBeforePreprocess) else { return }
            if source.isLive {
                let captured = frame.stamp.capture.monotonicNanoseconds
                seat.offer(deadline: maxAge.map { captured &+ $0 } ?? .max)
            }
        }
    }

    /// The time a rate cap goes by: a file read faster than it plays goes by its own clock.
    private func pacingTime(of frame: Frame) -> Int64 {
        if !source.isLive, let time = frame.stamp.mediaTime, time.timeBase.isPositive {
            return Int64(max(-4e18, min(4e18, time.seconds * 1e9)))
        }
        return Int64(clamping: frame.stamp.capture.monotonicNanoseconds)
    }

    /// Brings every frame of a source that waits to the network's size. A live one's frames are prepared in `infer`, just
    /// before the network is free for them, so that no prepared frame grows old.
    func preprocess() {
        defer {
            prepared.close()
            seat.close()
        }
        while var frame = frames.receive() {
            switch prepare(&frame) {
            case .success(let element):
                guard send(element, to: prepared, replacedFor: .newerBeforeInfer) else { return }
                seat.offer(deadline: .max)
            case .failure(let failure):
                guard frameFailed(failure) else { return }
            }
        }
    }

    private func prepare(_ frame: inout Frame) -> Result<Prepared, PipelineFailure> {
        let input = inputs.take()
        do {
            let began = clock.monotonicNanoseconds
            let geometry = try preparer.prepare(frame.picture, into: input.buffer)
            frame.stages[.preprocess] = StageTimes.Interval(began: began, ended: clock.monotonicNanoseconds)
            return .success(Prepared(frame: frame, input: input, geometry: geometry))
        } catch {
            return .failure(PipelineFailure(step: .preprocess, error: error))
        }
    }

    /// What came of a turn at the network.
    private enum Turn {
        case nothing
        case answered(Answered)
        case failed(PipelineFailure)
    }

    /// Runs the network on every frame, or on the newest at each turn, taking turns with the other cameras.
    func infer() {
        defer {
            answers.close()
            seat.leave()
        }
        while true {
            var turn = Turn.nothing
            let isOpen = seat.nextTurn {
                turn = source.isLive ? answerNewest() : prepared.takeNow().map { answer($0) } ?? .nothing
                if case .nothing = turn { return false }
                return true
            }
            guard isOpen else { return }
            switch turn {
            case .nothing: continue
            case .answered(let element):
                guard send(element, to: answers, replacedFor: .newerBeforePublish) else { return }
            case .failed(let failure):
                guard frameFailed(failure) else { return }
            }
        }
    }

    private func answerNewest() -> Turn {
        guard var frame = frames.takeNow() else { return .nothing }
        if isTooOld(frame.stamp) { return .answered(Answered(frame: frame, mask: nil)) }
        switch prepare(&frame) {
        case .success(let element): return answer(element)
        case .failure(let failure): return .failed(failure)
        }
    }

    private func answer(_ item: Prepared) -> Turn {
        var item = item
        let classes = classMaps.take()
        do {
            item.frame.stages[.infer] = try engine.segment(item.input.buffer, into: classes, clock: clock)
            let mask = Mask(
                stamp: item.frame.stamp, classes: classes, labels: engine.labels, model: engine.modelName,
                geometry: item.geometry, stages: item.frame.stages)
            return .answered(Answered(frame: item.frame, mask: mask))
        } catch {
            return .failed(PipelineFailure(step: .infer, error: error))
        }
    }
}
