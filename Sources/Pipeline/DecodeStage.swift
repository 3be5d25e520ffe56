import Imaging
import VideoInput

/// The first stage: opens the source, and reads it until it ends, fails or is cancelled.
final class DecodeStage: Sendable {
    private let run: PipelineRun
    private let sight: SourceSight
    private let seat: EngineSeat

    init(_ run: PipelineRun, sight: SourceSight, seat: EngineSeat) {
        self.run = run
        self.sight = sight
        self.seat = seat
    }

    private var source: any VideoSource { run.source }

    /// The whole work of its thread.
    func work() {
        defer {
            run.opened.close()
            run.frames.close()
            if source.isLive { seat.close() }
        }
        do {
            guard !run.isCancelled else { return }
            run.opened(try source.open())
        } catch is CancellationError {
            return source.close()
        } catch {
            source.close()
            return run.stop(PipelineFailure(step: .open, error: error))
        }
        defer { source.close() }
        do {
            try read()
        } catch is CancellationError {
            return
        } catch {
            run.stop(PipelineFailure(step: .read, error: error))
        }
    }

    private func read() throws {
        var cap = run.options.maxFramesPerSecond.flatMap { RateCap(framesPerSecond: $0) }
        var taken = 0
        while taken < run.options.limit ?? .max, !run.isCancelled, let frame = try source.next() {
            run.ledger.arrived(frame)
            sight.arrived()
            if cap?.admits(pacingTime(of: frame)) == false {
                run.ledger.dropped(.rateCap)
                continue
            }
            taken += 1
            guard run.send(frame, to: run.frames, replacedFor: .newerBeforePreprocess) else { return }
            if source.isLive { seat.offer(deadline: run.contract.expiry(of: frame.stamp).nanoseconds ?? .max) }
        }
    }

    /// The time a rate cap goes by: a file read faster than it plays goes by its own clock.
    private func pacingTime(of frame: Frame) -> Int64 {
        if !source.isLive, let time = frame.stamp.mediaTime, time.timeBase.isPositive {
            return Int64(max(-4e18, min(4e18, time.seconds * 1e9)))
        }
        return Int64(clamping: frame.stamp.capture.monotonicNanoseconds)
    }
}
