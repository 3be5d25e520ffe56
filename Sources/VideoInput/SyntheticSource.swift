import Dispatch
import Imaging
import Synchronization
import SyntheticDrive
import Threads

/// The synthetic drive as a camera.
///
/// Frame i of the drive has `mediaTime` i, in ticks of one over the frame rate. Unless the options ask for live
/// pacing, frames come as fast as they are asked for and none is left out; with it each comes when it is due, and a
/// reader that is too slow misses some, as with a camera: the sequence number still counts up by one, `mediaTime` jumps.
public final class SyntheticSource: VideoSource {
    /// The camera's name.
    public let camera: String
    /// What is rendered.
    public let options: SyntheticOptions
    private let clock: any FrameClock
    private let state = Mutex<State>(State())
    private let isCancelled = Atomic<Bool>(false)
    private let wake = MonotonicSemaphore()

    private struct State {
        var drive: SyntheticDrive?
        var next = 0
        var sequence: UInt64 = 0
        var began: UInt64 = 0
    }

    /// A source of `options` under the name `camera`, stamped by `clock`.
    public init(camera: String, options: SyntheticOptions, clock: any FrameClock = SystemClock()) {
        self.camera = camera
        self.options = options
        self.clock = clock
    }

    /// A source for `synthetic:…`; throws `SyntheticOptionsError` where the options are wrong.
    public convenience init(camera: String, url: String, clock: any FrameClock = SystemClock()) throws {
        self.init(camera: camera, options: try SyntheticOptions(url: url), clock: clock)
    }

    /// Whether frames come in real time.
    public var isLive: Bool { options.isLive }

    /// Begins the drive at its first frame.
    public func open() throws -> StreamInfo {
        try checkCancelled()
        state.withLock { state in
            state = State()
            state.drive = SyntheticDrive(options: options)
            state.began = clock.monotonicNanoseconds
        }
        return StreamInfo(
            size: options.size, frameRate: options.frameRate, timeBase: options.timeBase,
            frameCount: options.frameCount, summary: "synthetic drive, seed \(options.seed)", isLive: isLive)
    }

    /// The next frame; nil after the last, or when the source is not open.
    public func next() throws -> Frame? {
        while true {
            try checkCancelled()
            switch state.withLock({ plan($0) }) {
            case .finished: return nil
            case .render(let index): return state.withLock { render(index, &$0) }
            case .wait(let nanoseconds):
                let limit = Int(clamping: min(nanoseconds, 1_000_000_000))
                _ = wake.wait(timeout: .now() + .nanoseconds(limit))
            }
        }
    }

    /// Lets go of the drive.
    public func close() {
        state.withLock { $0 = State() }
    }

    /// Ends a wait for the next frame; from now on `open` and `next` throw `CancellationError`.
    public func cancel() {
        isCancelled.store(true, ordering: .releasing)
        wake.signal()
    }

    private func checkCancelled() throws {
        if isCancelled.load(ordering: .acquiring) { throw CancellationError() }
    }

    private func plan(_ state: borrowing State) -> LivePace.Step {
        guard state.drive != nil else { return .finished }
        guard options.isLive else {
            if let count = options.frameCount, state.next >= count { return .finished }
            return .render(index: state.next)
        }
        let rate = (options.frameRate.numerator, options.frameRate.denominator)
        let now = clock.monotonicNanoseconds
        return LivePace(frameRate: rate, frameCount: options.frameCount).step(
            next: state.next, elapsed: now > state.began ? now - state.began : 0)
    }

    private func render(_ index: Int, _ state: inout State) -> Frame? {
        guard let drive = state.drive else { return nil }
        let capture = clock.now(.synthetic)
        let picture = drive.picture(at: index)
        let stamp = FrameStamp(
            camera: camera, sequence: state.sequence,
            mediaTime: MediaTime(value: Int64(index), timeBase: options.timeBase),
            mediaDuration: 1, capture: capture)
        state.next = index + 1
        state.sequence += 1
        var stages = StageTimes()
        stages[.decode] = StageTimes.Interval(
            began: capture.monotonicNanoseconds, ended: clock.monotonicNanoseconds)
        return Frame(stamp: stamp, picture: picture, stages: stages)
    }
}
