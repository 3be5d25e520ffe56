import Dispatch
import Imaging
import Synchronization
import Testing
import VideoInput

@Suite("A supervised source", .timeLimit(.minutes(10)))
struct SupervisedSourceTests {
    struct Broken: Error {}

    /// Plays a script of what each `open` and `next` does; each open starts counting frames from 0.
    final class Script: VideoSource {
        enum Step { case failToOpen, frames(Int), flagged(FrameFlags), fail, end }
        let camera = "front"
        let isLive: Bool
        private struct State {
            var steps: [Step]
            var left = 0
            var sequence: UInt64 = 0
            var isCancelled = false
            var isOpen = false
        }
        private let state: Mutex<State>

        init(_ steps: [Step], isLive: Bool) {
            self.isLive = isLive
            state = Mutex(State(steps: steps))
        }

        func open() throws -> StreamInfo {
            try state.withLock { state in
                if state.isCancelled { throw CancellationError() }
                if case .failToOpen = state.steps.first {
                    state.steps.removeFirst()
                    throw Broken()
                }
                state.isOpen = true
                state.sequence = 0
                return StreamInfo(
                    size: ImageSize(height: 1, width: 1), frameRate: nil, timeBase: Rational(1, 1), summary: "script")
            }
        }

        func next() throws -> Frame? {
            try state.withLock { state in
                if state.isCancelled { throw CancellationError() }
                #expect(state.isOpen)
                if state.left == 0, case .frames(let count) = state.steps.first {
                    state.steps.removeFirst()
                    state.left = count
                }
                if state.left > 0 {
                    state.left -= 1
                    defer { state.sequence += 1 }
                    return Self.frame(state.sequence)
                }
                let step = state.steps.isEmpty ? Step.end : state.steps.removeFirst()
                if case .fail = step { throw Broken() }
                if case .flagged(let flags) = step {
                    defer { state.sequence += 1 }
                    return Self.frame(state.sequence, flags)
                }
                return nil
            }
        }

        func close() { state.withLock { $0.isOpen = false } }
        func cancel() { state.withLock { $0.isCancelled = true } }

        private static func frame(_ sequence: UInt64, _ flags: FrameFlags = .key) -> Frame {
            let pixels = PlanarRGB(size: ImageSize(height: 1, width: 1))
            let picture = Picture(codedSize: pixels.size, format: .gray, planes: [], owner: pixels)
            return Frame(
                stamp: FrameStamp(camera: "front", sequence: sequence, mediaTime: nil, capture: SystemClock().arrival),
                picture: picture, flags: flags)
        }
    }

    private func supervised(
        _ script: Script, backoff: Backoff = Backoff(first: 1000, longest: 1000, settling: 0),
        gate: FrameGate.Settings = FrameGate.Settings(),
        onEvent: @escaping @Sendable (SupervisedSource.Event) -> Void = { _ in }
    ) -> SupervisedSource {
        var settings = SupervisedSource.Settings()
        settings.supervision.backoff = backoff
        settings.gate = gate
        return SupervisedSource(
            camera: "front", isLive: script.isLive, location: "script", settings: settings, make: { script },
            onEvent: onEvent)
    }

    private func sequences(_ source: SupervisedSource, limit: Int = 1000) throws -> [UInt64] {
        _ = try source.open()
        var sequences: [UInt64] = []
        while sequences.count < limit, let frame = try source.next() { sequences.append(frame.stamp.sequence) }
        return sequences
    }

    @Test("goes on counting where it was when it is opened anew, and says how it is doing")
    func countsOn() throws {
        let events = Mutex<[String]>([])
        let script = Script(
            [.failToOpen, .failToOpen, .frames(3), .fail, .failToOpen, .frames(2), .end], isLive: false)
        let source = supervised(script) { event in
            switch event {
            case .failed(_, let attempt, _): events.withLock { $0.append("failed \(attempt)") }
            case .recovered(let attempts, let time):
                events.withLock { $0.append("recovered \(attempts) \(time == nil ? "first" : "again")") }
            case .refused(let cause): events.withLock { $0.append("refused \(cause)") }
            }
        }
        #expect(source.status.state == .connecting)
        #expect(try sequences(source) == [0, 1, 2, 3, 4])
        #expect(
            events.withLock { $0 } == [
                "failed 1", "failed 2", "recovered 2 first", "failed 1", "failed 2", "recovered 2 again",
            ])
        let status = source.status
        #expect(status.state == .ended && status.reconnects == 1 && status.framesRead == 5 && status.attempts == 0)
        #expect(status.cause == "Broken()" && status.location == "script" && status.lastRecovery != nil)
    }

    @Test("takes the end of a live stream for a failure, and that of a file for the end", arguments: [true, false])
    func ends(isLive: Bool) throws {
        let script = Script([.frames(2), .end, .frames(2), .end, .frames(2)], isLive: isLive)
        #expect(try sequences(supervised(script), limit: 6) == Array(0..<(isLive ? 6 : 2)))
    }

    @Test("lets nothing pass after a loss until a key frame, and counts what it refuses")
    func refuses() throws {
        let script = Script(
            [
                .flagged([]), .flagged([]), .flagged(.key), .flagged([]), .flagged(.corrupt), .flagged([]),
                .flagged(.key), .flagged(.afterLoss), .flagged([]), .flagged([.key, .afterLoss]), .end,
            ], isLive: false)
        let source = supervised(script)
        #expect(try sequences(source) == [2, 3, 6, 9])
        #expect(source.status.refused == [.awaitingKeyFrame: 5, .corrupt: 1])
        #expect(source.status.framesRead == 10)
    }

    @Test("waits for a key frame after every reconnection")
    func awaitsAfterReconnection() throws {
        let script = Script(
            [.flagged(.key), .flagged([]), .fail, .flagged([]), .flagged(.key), .end], isLive: false)
        #expect(try sequences(supervised(script)) == [0, 1, 3])
    }

    @Test("returns at once from the longest wait when it is cancelled")
    func cancels() {
        let failed = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let hour: UInt64 = 3_600_000_000_000
        let source = supervised(Script([.failToOpen], isLive: true), backoff: Backoff(first: hour, longest: hour)) {
            _ in failed.signal()
        }
        DispatchQueue(label: "reader").async {
            #expect(throws: CancellationError.self) { _ = try source.open() }
            #expect(throws: CancellationError.self) { _ = try source.next() }
            ended.signal()
        }
        failed.wait()
        #expect(source.status.state == .waiting)
        source.cancel()
        ended.wait()
        #expect(source.status.state == .ended)
    }
}
