import Foundation
import Imaging
import MaskOutput
import Synchronization
import Testing

/// An output that is as slow as the test wants, and fails when it is told to.
private final class SlowSink: MaskSink {
    struct Broken: Error {}

    let summary = "slow"
    let gate = DispatchSemaphore(value: 0)
    let isOpen = Atomic<Bool>(false)
    let fails = Atomic<Bool>(false)
    let written = Mutex<[(sequence: UInt64, dropped: Int)]>([])
    let calls = Mutex<[String]>([])

    func open() {
        isOpen.store(true, ordering: .relaxed)
        for _ in 0..<1000 { gate.signal() }
    }

    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) { calls.withLock { $0.append("begin") } }
    func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        if !isOpen.load(ordering: .relaxed) { gate.wait() }
        if fails.load(ordering: .relaxed) { throw Broken() }
        written.withLock { $0.append((mask.stamp.sequence, dropped)) }
    }
    func finish() { calls.withLock { $0.append("finish") } }
    func abandon() { calls.withLock { $0.append("abandon") } }
}

@Suite("An output on a thread of its own")
struct QueuedSinkTests {
    private static let size = ImageSize(height: 4, width: 4)

    private func begin(_ sink: QueuedSink, isLive: Bool) throws {
        try sink.begin(
            stream: StreamInfo(
                size: Self.size, frameRate: nil, timeBase: Rational(1, 1000), summary: "made", isLive: isLive),
            maskSize: Self.size, labels: Made.labels)
    }

    private func write(_ sink: QueuedSink, _ sequence: UInt64) throws {
        let stamp = Made.stamp(sequence)
        try sink.write(
            Made.mask(Made.street(Self.size), stamp: stamp), of: Frame(stamp: stamp, picture: Made.ramp(Self.size)),
            dropped: 0)
    }

    @Test("never keeps a live stream waiting: masks are left out, counted, and told with the next one")
    func live() throws {
        let slow = SlowSink()
        let sink = QueuedSink(slow, path: "/somewhere/slow")
        try begin(sink, isLive: true)
        // Nothing is written yet: were this to wait for the output it would wait for ever.
        for sequence in 0..<20 { try write(sink, UInt64(sequence)) }
        #expect(sink.snapshot.dropped >= 15 && sink.snapshot.path == "/somewhere/slow")
        slow.open()
        while sink.snapshot.frames + sink.snapshot.dropped < 20 { usleep(1000) }
        try write(sink, 20)
        try sink.finish()
        let written = slow.written.withLock { $0 }
        #expect(written.last?.sequence == 20)
        #expect(written.reduce(0) { $0 + 1 + $1.dropped } == 21, "every frame is written or counted: \(written)")
        #expect(sink.snapshot.frames == UInt64(written.count) && sink.snapshot.state == .ended)
        #expect(slow.calls.withLock { $0 } == ["begin", "finish"])
    }

    @Test("writes every mask of a stream that waits")
    func waiting() throws {
        let slow = SlowSink()
        slow.open()
        let sink = QueuedSink(slow, path: "slow")
        try begin(sink, isLive: false)
        for sequence in 0..<50 {
            try write(sink, UInt64(sequence))
            #expect(slow.written.withLock { $0.count } == sequence + 1)
        }
        try sink.finish()
        #expect(sink.snapshot.dropped == 0 && sink.snapshot.frames == 50)
    }

    @Test("tells a failure at the next call, and in its status", arguments: [true, false])
    func failure(isLive: Bool) throws {
        let slow = SlowSink()
        slow.open()
        slow.fails.store(true, ordering: .relaxed)
        let sink = QueuedSink(slow, path: "slow")
        try begin(sink, isLive: isLive)
        #expect(throws: SlowSink.Broken.self) {
            for sequence in 0..<10_000 {
                try write(sink, UInt64(sequence))
                usleep(1000)
            }
        }
        sink.abandon()
        #expect(sink.snapshot.state == .failed && sink.snapshot.error != nil)
        #expect(slow.calls.withLock { $0 } == ["begin", "abandon"])
    }

    @Test("decides by what the stream is, not by where its frames' times come from")
    func origin() throws {
        // A file that is looped in real time is live though its times are a file's.
        let slow = SlowSink()
        let sink = QueuedSink(slow, path: "slow")
        try begin(sink, isLive: true)
        for sequence in 0..<20 {
            let stamp = FrameStamp(
                camera: "front", sequence: UInt64(sequence), mediaTime: nil,
                capture: CaptureTime(epochNanoseconds: 1, monotonicNanoseconds: 1, origin: .file))
            try sink.write(
                Made.mask(Made.street(Self.size), stamp: stamp),
                of: Frame(stamp: stamp, picture: Made.ramp(Self.size)), dropped: 0)
        }
        #expect(sink.snapshot.dropped >= 15)
        slow.open()
        try sink.finish()
    }
}
