import Glibc
import Imaging
import MaskOutput
import Operations
import Pipeline
import Synchronization
import VideoInput

struct Broken: Error, CustomStringConvertible {
    let description: String
}

/// Answers 0 everywhere.
final class BlankSegmenter: Segmenting {
    let inputSize = ImageSize(height: 2, width: 2)
    let labels: LabelSet
    let modelName = "blank"

    init(labels: LabelSet) { self.labels = labels }

    func segment(_ input: PlanarRGB, into classes: ClassMap) {}
}

final class BlankPreparer: Preparing {
    func prepare(_ picture: Picture, into input: PlanarRGB) -> MaskGeometry {
        MaskGeometry(mask: input.size, source: picture.size, fit: .stretch)
    }
}

extension Frame {
    /// A frame of one pixel that arrives now.
    init(of camera: String, sequence: UInt64) {
        let pixels = PlanarRGB(size: ImageSize(height: 1, width: 1))
        self.init(
            stamp: FrameStamp(camera: camera, sequence: sequence, mediaTime: nil, capture: SystemClock().arrival),
            picture: Picture(codedSize: pixels.size, format: .gray, planes: [], owner: pixels))
    }
}

/// Gives so many frames, and then its end; may fail to open a few times; without a number it goes on for ever.
final class CountingSource: VideoSource {
    let camera: String
    let isLive = false
    private let frames: Int?
    private let interval: Duration?
    private let reason: @Sendable (Int) -> String
    private let state: Mutex<(failures: Int, next: Int, isCancelled: Bool)>

    /// `reason` says why an attempt fails, by how many more will. Frames come as fast as they are taken, or `interval`
    /// apart.
    init(
        camera: String, frames: Int?, failures: Int = 0, interval: Duration? = nil,
        reason: @escaping @Sendable (Int) -> String = { _ in "cannot open" }
    ) {
        self.camera = camera
        self.frames = frames
        self.interval = interval
        self.reason = reason
        state = Mutex((failures, 0, false))
    }

    func open() throws -> StreamInfo {
        try state.withLock { state in
            if state.isCancelled { throw CancellationError() }
            if state.failures > 0 {
                state.failures -= 1
                throw Broken(description: reason(state.failures))
            }
            return StreamInfo(
                size: ImageSize(height: 1, width: 1), frameRate: nil, timeBase: Rational(1, 1), summary: "counting")
        }
    }

    func next() throws -> Frame? {
        let sequence: UInt64? = try state.withLock { state in
            if state.isCancelled { throw CancellationError() }
            if let frames, state.next >= frames { return nil }
            defer { state.next += 1 }
            return UInt64(state.next)
        }
        guard let sequence else { return nil }
        if let interval { usleep(UInt32(interval / .microseconds(1))) }
        return Frame(of: camera, sequence: sequence)
    }

    func close() {}
    func cancel() { state.withLock { $0.isCancelled = true } }
}

/// Counts what is written, and fails at the frame it is told to fail at.
final class CountingSink: MaskSink {
    let summary = "counting"
    private let failingAt: Int?
    private let onWrite: @Sendable (Int) -> Void
    private let state = Mutex((sequences: [UInt64](), isFinished: false))

    init(failingAt: Int? = nil, onWrite: @escaping @Sendable (Int) -> Void = { _ in }) {
        self.failingAt = failingAt
        self.onWrite = onWrite
    }

    var sequences: [UInt64] { state.withLock { $0.sequences } }
    var written: Int { sequences.count }
    var isFinished: Bool { state.withLock { $0.isFinished } }

    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) {}

    func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        let count = written
        if count == failingAt { throw Broken(description: "disk full") }
        state.withLock { $0.sequences.append(mask.stamp.sequence) }
        onWrite(count)
    }

    func finish() { state.withLock { $0.isFinished = true } }
    func abandon() {}
}
