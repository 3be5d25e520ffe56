import Dispatch
import Imaging
import MediaIO
import Synchronization
import Threads

/// A source that is kept going: opened anew whenever it fails, for ever, its damaged frames refused.
///
/// To its reader it is one source: an `open` or `next` takes as long as it takes, and sequence numbers go on from
/// where they were. A live source that ends has failed, for a stopped server looks just so; a file that ends has
/// ended. `SourceSupervision` and `FrameGate` decide; this does what they say.
public final class SupervisedSource: VideoSource, StatusReporting {
    /// What a reader of logs wants to know.
    public enum Event: Sendable {
        /// It failed and will be tried again after so many nanoseconds; `attempt` counts from 1 since it last worked.
        case failed(any Error, attempt: Int, retryIn: UInt64)
        /// Good frames come again, after so many failed attempts, and so many nanoseconds after the last good frame.
        case recovered(attempts: Int, nanoseconds: UInt64?)
        /// A frame was refused, the first of a row.
        case refused(RefusalCause)
    }

    /// How it is kept going and what it refuses.
    public struct Settings: Hashable, Sendable {
        /// When it is opened anew.
        public var supervision = SourceSupervision.Settings()
        /// What it refuses.
        public var gate = FrameGate.Settings()

        /// The usual settings of a camera.
        public init() {}
    }

    private struct State {
        var supervision: SourceSupervision
        var inner: (any VideoSource)?
        var isCancelled = false
    }

    /// What only the reading queue touches.
    private struct Reading {
        var gate: FrameGate
        var sampler = PictureSampler()
        var nextSequence: UInt64 = 0
        var offset: UInt64?
    }

    /// The camera's name.
    public let camera: String
    /// Whether it is read at its own pace.
    public let isLive: Bool
    private let make: @Sendable () throws -> any VideoSource
    private let clock: any FrameClock
    private let onEvent: @Sendable (Event) -> Void
    private let state: Mutex<State>
    private let reading: Mutex<Reading>
    private let cancelled = MonotonicSemaphore()

    /// A source that is made anew with `make` each time it is opened, so that what a path, a name or a credential
    /// stands for is looked up again. `location` is what is read, without secrets. `onEvent` is called on the reading
    /// queue and must not block.
    public init(
        camera: String, isLive: Bool, location: String, settings: Settings = Settings(),
        clock: any FrameClock = SystemClock(), make: @escaping @Sendable () throws -> any VideoSource,
        onEvent: @escaping @Sendable (Event) -> Void = { _ in }
    ) {
        self.camera = camera
        self.isLive = isLive
        self.make = make
        self.clock = clock
        self.onEvent = onEvent
        let supervision = SourceSupervision(
            location: location, isLive: isLive, settings: settings.supervision, at: clock.monotonicNanoseconds)
        state = Mutex(State(supervision: supervision))
        reading = Mutex(Reading(gate: FrameGate(settings.gate)))
    }

    /// How it is doing now.
    public var status: SourceStatus {
        state.withLock { $0.supervision.status(at: clock.monotonicNanoseconds) }
    }

    /// What the source that is open met.
    public var diagnostics: SourceDiagnostics {
        state.withLock { $0.inner }?.diagnostics ?? SourceDiagnostics()
    }

    /// Opens the source, trying until it opens; throws only `CancellationError`.
    public func open() throws -> StreamInfo {
        while true {
            if let stream = try openOnce() { return stream }
        }
    }

    /// The next good frame, opening the source anew as often as it takes; throws only `CancellationError`.
    public func next() throws -> Frame? {
        while true {
            try checkCancellation()
            switch state.withLock({ $0.supervision.step(at: clock.monotonicNanoseconds) }) {
            case .end: return nil
            case .open, .wait: _ = try openOnce()
            case .read: if let frame = try readOnce() { return frame }
            }
        }
    }

    /// Closes the source.
    public func close() {
        let inner = state.withLock { state in
            state.supervision.closed(at: clock.monotonicNanoseconds)
            defer { state.inner = nil }
            return state.inner
        }
        inner?.close()
    }

    /// Ends a wait too.
    public func cancel() {
        let inner = state.withLock { state in
            state.isCancelled = true
            return state.inner
        }
        inner?.cancel()
        cancelled.signal()
    }

    private func checkCancellation() throws {
        guard state.withLock({ $0.isCancelled }) else { return }
        state.withLock { $0.supervision.ended(at: clock.monotonicNanoseconds) }
        throw CancellationError()
    }

    // MARK: - Steps

    /// Waits until it is time, and opens the source; nil where that failed.
    private func openOnce() throws -> StreamInfo? {
        try checkCancellation()
        if case .wait(let end) = state.withLock({ $0.supervision.step(at: clock.monotonicNanoseconds) }) {
            let now = clock.monotonicNanoseconds
            if end > now {
                _ = cancelled.wait(timeout: .now() + .nanoseconds(Int(clamping: min(end - now, 60_000_000_000))))
            }
            return nil
        }
        state.withLock { $0.supervision.opening(at: clock.monotonicNanoseconds) }
        do {
            let inner = try make()
            let isCancelled = state.withLock { state in
                state.inner = inner
                return state.isCancelled
            }
            if isCancelled { inner.cancel() }
            let stream = try inner.open().read(asLive: isLive)
            reading.withLock {
                $0.gate.reset()
                $0.offset = nil
            }
            state.withLock { $0.supervision.opened(rate: stream.frameRate, at: clock.monotonicNanoseconds) }
            return stream
        } catch {
            try failed(error)
            return nil
        }
    }

    /// Reads one frame; nil where it is refused, or where reading failed or ended.
    private func readOnce() throws -> Frame? {
        do {
            guard let inner = state.withLock({ $0.inner }) else { throw SourceEnded(camera: camera) }
            guard let frame = try inner.next() else {
                if isLive { throw SourceEnded(camera: camera) }
                state.withLock { $0.supervision.ended(at: clock.monotonicNanoseconds) }
                return nil
            }
            return try judged(frame)
        } catch {
            try failed(error)
            return nil
        }
    }

    /// The frame with the number that follows the last one's; nil where it is refused.
    private func judged(_ frame: Frame) throws -> Frame? {
        let now = clock.monotonicNanoseconds
        let (refusal, sequence) = reading.withLock { reading in
            let offset =
                reading.offset ?? (reading.nextSequence == 0 ? 0 : reading.nextSequence &- frame.stamp.sequence)
            reading.offset = offset
            let sequence = frame.stamp.sequence &+ offset
            reading.nextSequence = sequence &+ 1
            let look = reading.gate.looks ? reading.sampler.look(at: frame.picture) : nil
            let refusal = reading.gate.judge(flags: frame.flags, size: frame.picture.codedSize, look: look, at: now)
            return (refusal, sequence)
        }
        switch state.withLock({ $0.supervision.frame(refusal: refusal, at: now) }) {
        case .pass(let recovery):
            if let recovery {
                onEvent(.recovered(attempts: Int(clamping: recovery.attempts), nanoseconds: recovery.nanoseconds))
            }
            return Self.renumbered(frame, sequence)
        case .refuse(let isFirst):
            if isFirst, let refusal { onEvent(.refused(refusal)) }
            return nil
        case .giveUp(let nanoseconds):
            throw OnlyRefusals(camera: camera, cause: refusal, seconds: Int(nanoseconds / 1_000_000_000))
        }
    }

    private static func renumbered(_ frame: Frame, _ sequence: UInt64) -> Frame {
        guard sequence != frame.stamp.sequence else { return frame }
        let stamp = FrameStamp(
            camera: frame.stamp.camera, sequence: sequence, mediaTime: frame.stamp.mediaTime,
            mediaDuration: frame.stamp.mediaDuration, capture: frame.stamp.capture)
        return Frame(stamp: stamp, picture: frame.picture, flags: frame.flags, stages: frame.stages)
    }

    /// Closes the source and notes when to try again. Throws where it was cancelled.
    private func failed(_ error: any Error) throws {
        state.withLock { $0.inner }?.close()
        try checkCancellation()
        let now = clock.monotonicNanoseconds
        let cause = MediaLocation.redacted("\(error)")
        let (attempt, delay) = state.withLock { state in
            state.inner = nil
            if (error as? MediaError)?.kind == .tooLarge { state.supervision.refusedUndecoded(.tooLarge) }
            return state.supervision.failed(cause, at: now, chance: .random(in: 0..<1))
        }
        onEvent(.failed(error, attempt: Int(clamping: attempt), retryIn: delay))
    }
}

/// A live source delivered its last frame, as when its server stops.
public struct SourceEnded: Error, CustomStringConvertible {
    /// The camera.
    public let camera: String

    /// One sentence.
    public var description: String { "the stream of \(camera) ended" }
}

/// A source delivered nothing but frames that were refused, for too long.
public struct OnlyRefusals: Error, CustomStringConvertible {
    /// The camera.
    public let camera: String
    /// Why the last one was refused.
    public let cause: RefusalCause?
    /// For so many seconds.
    public let seconds: Int

    /// One sentence.
    public var description: String {
        if cause == .awaitingKeyFrame {
            return "pictures of \(camera) came for \(seconds) s, and none of them can be decoded on its own "
                + "(awaiting_key_frame); set a key frame interval at the camera, or await_key_frame: false"
        }
        return "every frame of \(camera) was refused for \(seconds) s, the last one for \(cause?.rawValue ?? "nothing")"
    }
}
