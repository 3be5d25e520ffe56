import Imaging

/// The third stage: runs the network on every frame, or on the newest at each turn, taking turns with the other cameras.
final class InferStage: Sendable {
    /// What came of a turn at the network.
    private enum Turn {
        case nothing
        case answered(PipelineRun.Answered)
        case failed(PipelineFailure)
    }

    private let run: PipelineRun
    private let prepareStage: PrepareStage
    private let engine: InferenceQueue
    private let seat: EngineSeat
    private let classMaps: ClassMapPool

    init(_ run: PipelineRun, preparing prepareStage: PrepareStage, engine: InferenceQueue, seat: EngineSeat) {
        self.run = run
        self.prepareStage = prepareStage
        self.engine = engine
        self.seat = seat
        classMaps = ClassMapPool(size: engine.inputSize)
    }

    /// The whole work of its thread.
    func work() {
        defer {
            run.answers.close()
            seat.leave()
        }
        while true {
            var turn = Turn.nothing
            let isOpen = seat.nextTurn {
                turn = run.source.isLive ? answerNewest() : run.prepared.takeNow().map { answer($0) } ?? .nothing
                if case .nothing = turn { return false }
                return true
            }
            guard isOpen else { return }
            switch turn {
            case .nothing: continue
            case .answered(let element):
                guard run.send(element, to: run.answers, replacedFor: .newerBeforePublish) else { return }
            case .failed(let failure):
                guard run.frameFailed(failure) else { return }
            }
        }
    }

    private func answerNewest() -> Turn {
        guard let frame = run.frames.takeNow() else { return .nothing }
        if run.isTooOld(frame.stamp) { return .answered(PipelineRun.Answered(frame: frame, mask: nil)) }
        switch prepareStage.prepare(frame) {
        case .success(let element): return answer(element)
        case .failure(let failure): return .failed(failure)
        }
    }

    private func answer(_ item: PipelineRun.Prepared) -> Turn {
        var item = item
        let classes = classMaps.take()
        do {
            item.frame.stages[.infer] = try engine.segment(item.input.buffer, into: classes, clock: run.clock)
            let mask = Mask(
                stamp: item.frame.stamp, classes: classes, labels: engine.labels, model: engine.modelName,
                geometry: item.geometry, stages: item.frame.stages)
            return .answered(PipelineRun.Answered(frame: item.frame, mask: mask))
        } catch {
            return .failed(PipelineFailure(step: .infer, error: error))
        }
    }
}
