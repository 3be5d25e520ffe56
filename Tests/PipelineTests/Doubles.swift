import Dispatch
import Imaging
import MaskOutput
import Pipeline
import Synchronization
import VideoInput

/// A clock that stands still until it is told to go on.
final class ManualClock: FrameClock {
    private let now: Mutex<UInt64>

    init(_ now: UInt64 = 1_000_000_000) { self.now = Mutex(now) }

    var monotonicNanoseconds: UInt64 { now.withLock { $0 } }
    var epochNanoseconds: Int64 { Int64(monotonicNanoseconds) }

    func advance(milliseconds: UInt64) { now.withLock { $0 += milliseconds * 1_000_000 } }
}

struct Broken: Error, CustomStringConvertible, Equatable {
    let description: String
}

let oneClass = LabelSet(names: ["Road", "Sky"], palette: [RGB(1, 2, 3), RGB(4, 5, 6)])

/// A small grey picture whose first pixel holds the low byte of its number.
final class Pixels {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
    deinit { bytes.deallocate() }
}

func frame(_ sequence: UInt64, camera: String = "front", clock: any FrameClock = SystemClock()) -> Frame {
    let pixels = Pixels()
    pixels.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: sequence))
    let picture = Picture(
        codedSize: ImageSize(height: 4, width: 4), format: .gray,
        planes: pixels.bytes.baseAddress.map { [Picture.Plane(base: $0, stride: 4)] } ?? [], owner: pixels)
    let stamp = FrameStamp(
        camera: camera, sequence: sequence,
        mediaTime: MediaTime(value: Int64(sequence), timeBase: Rational(1, 30)), mediaDuration: 1,
        capture: clock.arrival)
    var frame = Frame(stamp: stamp, picture: picture)
    let now = clock.monotonicNanoseconds
    frame.stages[.decode] = StageTimes.Interval(began: now, ended: now)
    return frame
}

/// A source that follows a script: so many frames, then its end or an error; each frame may wait for a gate.
final class ScriptedSource: VideoSource {
    let camera: String
    let isLive: Bool
    private let count: Int
    private let openError: Broken?
    private let readError: Broken?
    private let beforeOpen: @Sendable () -> Void
    private let beforeFrame: @Sendable (Int) -> Void
    private struct State {
        var next = 0
        var opened = 0
        var closed = 0
        var isCancelled = false
    }
    private let state = Mutex(State())

    init(
        camera: String = "front", frames: Int, isLive: Bool = false, openError: Broken? = nil,
        readError: Broken? = nil, beforeOpen: @escaping @Sendable () -> Void = {},
        beforeFrame: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.camera = camera
        self.isLive = isLive
        count = frames
        self.openError = openError
        self.readError = readError
        self.beforeOpen = beforeOpen
        self.beforeFrame = beforeFrame
    }

    var opened: Int { state.withLock { $0.opened } }
    var closed: Int { state.withLock { $0.closed } }

    func open() throws -> StreamInfo {
        if state.withLock({ $0.isCancelled }) { throw CancellationError() }
        beforeOpen()
        if let openError { throw openError }
        state.withLock { $0.opened += 1 }
        return StreamInfo(
            size: ImageSize(height: 4, width: 4), frameRate: Rational(30, 1), timeBase: Rational(1, 30),
            frameCount: count, summary: "scripted")
    }

    func next() throws -> Frame? {
        let index = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        if index < count { beforeFrame(index) }
        if state.withLock({ $0.isCancelled }) { throw CancellationError() }
        if index >= count {
            if let readError { throw readError }
            return nil
        }
        return frame(UInt64(index), camera: camera)
    }

    func close() { state.withLock { $0.closed += 1 } }
    func cancel() { state.withLock { $0.isCancelled = true } }
}

/// Copies the first pixel into the input; fails on the numbers it is told to fail on.
final class ScriptedPreparer: Preparing {
    private let failing: Set<UInt8>

    init(failing: Set<UInt8> = []) { self.failing = failing }

    func prepare(_ picture: Picture, into input: PlanarRGB) throws -> MaskGeometry {
        let value = picture.withPlanes { $0[0].base.load(as: UInt8.self) }
        if failing.contains(value) { throw Broken(description: "no picture \(value)") }
        input.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: value) }
        return MaskGeometry(mask: input.size, source: picture.size, fit: .stretch)
    }
}

/// Answers with the input's first byte everywhere; may wait, may fail, and counts how many calls overlap.
final class ScriptedSegmenter: Segmenting {
    let inputSize = ImageSize(height: 2, width: 3)
    let labels: LabelSet
    let modelName = "scripted"
    private let failing: Set<UInt8>
    private let before: @Sendable (UInt8) -> Void
    private let running = Atomic<Int>(0)
    let overlaps = Atomic<Int>(0)

    init(labels: LabelSet, failing: Set<UInt8> = [], before: @escaping @Sendable (UInt8) -> Void = { _ in }) {
        self.labels = labels
        self.failing = failing
        self.before = before
    }

    func segment(_ input: PlanarRGB, into classes: ClassMap) throws {
        if running.add(1, ordering: .sequentiallyConsistent).newValue > 1 {
            overlaps.add(1, ordering: .sequentiallyConsistent)
        }
        defer { running.subtract(1, ordering: .sequentiallyConsistent) }
        let value = input.withUnsafeBytes { $0.first ?? 0 }
        before(value)
        if failing.contains(value) { throw Broken(description: "no answer \(value)") }
        classes.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: value) }
    }
}

/// Remembers what was written, and fails where it is told to.
final class RecordingSink: MaskSink {
    enum End: Equatable { case open, finished, abandoned }
    struct Written: Equatable {
        let stamp: FrameStamp
        let frameStamp: FrameStamp
        let value: UInt8
        let dropped: Int
        let stages: StageTimes
    }
    struct State {
        var begun = 0
        var written: [Written] = []
        var end = End.open
        var deadline: DispatchTime?
    }

    let summary: String
    let beginError: Broken?
    let failingAt: Int?
    let finishError: Broken?
    private let beforeWrite: @Sendable (Int) -> Void
    private let beforeFinish: @Sendable () -> Void
    private let state = Mutex(State())

    init(
        _ summary: String = "sink", beginError: Broken? = nil, failingAt: Int? = nil, finishError: Broken? = nil,
        beforeWrite: @escaping @Sendable (Int) -> Void = { _ in },
        beforeFinish: @escaping @Sendable () -> Void = {}
    ) {
        self.summary = summary
        self.beforeFinish = beforeFinish
        self.beginError = beginError
        self.failingAt = failingAt
        self.finishError = finishError
        self.beforeWrite = beforeWrite
    }

    var written: [Written] { state.withLock { $0.written } }
    var sequences: [UInt64] { written.map(\.stamp.sequence) }
    var end: End { state.withLock { $0.end } }

    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        if let beginError { throw beginError }
        state.withLock { $0.begun += 1 }
    }

    func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        let count = state.withLock { $0.written.count }
        beforeWrite(count)
        if count == failingAt { throw Broken(description: "disk full") }
        let written = Written(
            stamp: mask.stamp, frameStamp: frame.stamp, value: mask.classes[row: 0, column: 0], dropped: dropped,
            stages: mask.stages)
        state.withLock { $0.written.append(written) }
    }

    /// What it was told by `willFinish`.
    var deadline: DispatchTime? { state.withLock { $0.deadline } }

    func willFinish(by deadline: DispatchTime) { state.withLock { $0.deadline = deadline } }

    func finish() throws {
        beforeFinish()
        if let finishError { throw finishError }
        state.withLock { $0.end = .finished }
    }

    func abandon() { state.withLock { $0.end = .abandoned } }
}
