import Dispatch
import Imaging
import Operations
import Synchronization
import Testing
import VideoInput

@Suite("A source that is retried")
struct RetryingSourceTests {
    struct Broken: Error {}

    /// Plays a script of what each `open` and `next` does; each open starts counting frames from 0.
    final class Script: VideoSource {
        enum Step { case failToOpen, frames(Int), fail, end }
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
                return nil
            }
        }

        func close() { state.withLock { $0.isOpen = false } }
        func cancel() { state.withLock { $0.isCancelled = true } }

        private static func frame(_ sequence: UInt64) -> Frame {
            let pixels = PlanarRGB(size: ImageSize(height: 1, width: 1))
            let picture = Picture(codedSize: pixels.size, format: .gray, planes: [], owner: pixels)
            return Frame(
                stamp: FrameStamp(camera: "front", sequence: sequence, mediaTime: nil, capture: SystemClock().arrival),
                picture: picture)
        }
    }

    private let quick = Backoff(first: 1000, longest: 1000, settling: 0)

    private func sequences(_ source: RetryingSource, limit: Int = 1000) throws -> [UInt64] {
        _ = try source.open()
        var sequences: [UInt64] = []
        while sequences.count < limit, let frame = try source.next() { sequences.append(frame.stamp.sequence) }
        return sequences
    }

    @Test("goes on counting where it was when it is opened anew")
    func countsOn() throws {
        let events = Mutex<[String]>([])
        let script = Script(
            [.failToOpen, .failToOpen, .frames(3), .fail, .failToOpen, .frames(2), .end], isLive: false)
        let source = RetryingSource(script, backoff: quick) { event in
            switch event {
            case .failed(_, let attempt, _): events.withLock { $0.append("failed \(attempt)") }
            case .recovered(let attempts): events.withLock { $0.append("recovered \(attempts)") }
            }
        }
        #expect(try sequences(source) == [0, 1, 2, 3, 4])
        #expect(
            events.withLock { $0 } == [
                "failed 1", "failed 2", "recovered 2", "failed 1", "failed 2", "recovered 2",
            ])
    }

    @Test("takes the end of a live stream for a failure, and that of a file for the end", arguments: [true, false])
    func ends(isLive: Bool) throws {
        let script = Script([.frames(2), .end, .frames(2), .end, .frames(2)], isLive: isLive)
        let source = RetryingSource(script, backoff: quick) { _ in }
        #expect(try sequences(source, limit: 6) == Array(0..<(isLive ? 6 : 2)))
    }

    @Test("returns at once from the longest wait when it is cancelled")
    func cancels() {
        let failed = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let hour: UInt64 = 3_600_000_000_000
        let source = RetryingSource(
            Script([.failToOpen], isLive: true), backoff: Backoff(first: hour, longest: hour)
        ) { _ in failed.signal() }
        DispatchQueue(label: "reader").async {
            #expect(throws: CancellationError.self) { _ = try source.open() }
            #expect(throws: CancellationError.self) { _ = try source.next() }
            ended.signal()
        }
        failed.wait()
        source.cancel()
        ended.wait()
    }
}
