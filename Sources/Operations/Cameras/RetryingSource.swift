import Dispatch
import Imaging
import Synchronization
import VideoInput

/// A source that is opened anew whenever it fails, for ever, until it is cancelled.
///
/// To its reader it is one source: an `open` or `next` takes as long as it takes, and sequence numbers go on from
/// where they were. A live source that ends has failed, for a stopped server looks just so; a file that ends has ended.
public final class RetryingSource: VideoSource {
    /// What a reader of logs wants to know.
    public enum Event: Sendable {
        /// It failed and will be tried again after so many nanoseconds; `attempt` counts from 1 since it last worked.
        case failed(any Error, attempt: Int, retryIn: UInt64)
        /// It works again, after so many failed attempts.
        case recovered(attempts: Int)
    }

    private struct State {
        var isCancelled = false
        /// Touched by the reading queue alone, as the rest of these.
        var backoff: Backoff
        var isOpen = false
        var attempt = 0
        var nextSequence: UInt64 = 0
        var offset: UInt64?
    }

    private let inner: any VideoSource
    private let clock: any FrameClock
    private let onEvent: @Sendable (Event) -> Void
    private let state: Mutex<State>
    private let cancelled = DispatchSemaphore(value: 0)

    /// `inner`, opened anew after waits of `backoff`.
    public init(
        _ inner: any VideoSource, backoff: Backoff = Backoff(), clock: any FrameClock = SystemClock(),
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        self.inner = inner
        self.clock = clock
        self.onEvent = onEvent
        state = Mutex(State(backoff: backoff))
    }

    /// The camera's name.
    public var camera: String { inner.camera }
    /// As the inner source.
    public var isLive: Bool { inner.isLive }

    /// Opens the source, trying until it opens; throws only `CancellationError`.
    public func open() throws -> StreamInfo {
        while true {
            try checkCancellation()
            do {
                let stream = try inner.open()
                state.withLock {
                    $0.isOpen = true
                    $0.offset = nil
                }
                return stream
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                try wait(after: error)
            }
        }
    }

    /// The next frame, opening the source anew as often as it takes; throws only `CancellationError`.
    public func next() throws -> Frame? {
        while true {
            try checkCancellation()
            do {
                if !state.withLock({ $0.isOpen }) { _ = try open() }
                if let frame = try inner.next() { return passed(frame) }
                guard isLive else { return nil }
                throw SourceEnded(camera: camera)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                inner.close()
                state.withLock { $0.isOpen = false }
                try wait(after: error)
            }
        }
    }

    /// Closes the source.
    public func close() {
        inner.close()
        state.withLock { $0.isOpen = false }
    }

    /// Ends a wait too.
    public func cancel() {
        state.withLock { $0.isCancelled = true }
        inner.cancel()
        cancelled.signal()
    }

    private func checkCancellation() throws {
        if state.withLock({ $0.isCancelled }) { throw CancellationError() }
    }

    /// Notes that it works, and gives the frame the number that follows the last one's.
    private func passed(_ frame: Frame) -> Frame {
        let now = clock.monotonicNanoseconds
        let (sequence, attempts) = state.withLock { state in
            let isFirstEver = state.nextSequence == 0
            let offset = state.offset ?? (isFirstEver ? 0 : state.nextSequence &- frame.stamp.sequence)
            state.offset = offset
            let sequence = frame.stamp.sequence &+ offset
            state.nextSequence = sequence &+ 1
            state.backoff.worked(at: now)
            defer { state.attempt = 0 }
            return (sequence, state.attempt)
        }
        if attempts > 0 { onEvent(.recovered(attempts: attempts)) }
        guard sequence != frame.stamp.sequence else { return frame }
        let stamp = FrameStamp(
            camera: frame.stamp.camera, sequence: sequence, mediaTime: frame.stamp.mediaTime,
            mediaDuration: frame.stamp.mediaDuration, capture: frame.stamp.capture)
        return Frame(stamp: stamp, picture: frame.picture, stages: frame.stages)
    }

    private func wait(after error: any Error) throws {
        let now = clock.monotonicNanoseconds
        let chance = Double.random(in: 0..<1)
        let (delay, attempt) = state.withLock { state in
            state.attempt += 1
            return (state.backoff.failed(at: now, chance: chance), state.attempt)
        }
        onEvent(.failed(error, attempt: attempt, retryIn: delay))
        _ = cancelled.wait(timeout: .now() + .nanoseconds(Int(clamping: delay)))
        try checkCancellation()
    }
}

/// A live source delivered its last frame, as when its server stops.
public struct SourceEnded: Error, CustomStringConvertible {
    /// The camera.
    public let camera: String

    /// One sentence.
    public var description: String { "the stream of \(camera) ended" }
}
