import Imaging

/// The second stage: brings frames to the network's size.
///
/// Every frame of a source that waits, on a thread of its own. A live one's frames are prepared in the `InferStage`,
/// just before the network is free for them, so that no prepared frame grows old.
final class PrepareStage: Sendable {
    private let run: PipelineRun
    private let preparer: any Preparing
    private let seat: EngineSeat
    private let inputs: BufferPool<PlanarRGB>

    init(_ run: PipelineRun, preparer: any Preparing, inputSize: ImageSize, seat: EngineSeat) {
        self.run = run
        self.preparer = preparer
        self.seat = seat
        inputs = BufferPool { PlanarRGB(size: inputSize) }
    }

    /// The whole work of its thread.
    func work() {
        defer {
            run.prepared.close()
            seat.close()
        }
        while let frame = run.frames.receive() {
            switch prepare(frame) {
            case .success(let element):
                guard run.send(element, to: run.prepared, replacedFor: .newerBeforeInfer) else { return }
                seat.offer(deadline: .max)
            case .failure(let failure):
                guard run.frameFailed(failure) else { return }
            }
        }
    }

    /// `frame` at the network's size. One call at a time.
    func prepare(_ frame: Frame) -> Result<PipelineRun.Prepared, PipelineFailure> {
        var frame = frame
        let input = inputs.take()
        do {
            let began = run.clock.monotonicNanoseconds
            let geometry = try preparer.prepare(frame.picture, into: input.buffer)
            frame.stages[.preprocess] = StageTimes.Interval(began: began, ended: run.clock.monotonicNanoseconds)
            return .success(PipelineRun.Prepared(frame: frame, input: input, geometry: geometry))
        } catch {
            return .failure(PipelineFailure(step: .preprocess, error: error))
        }
    }
}
