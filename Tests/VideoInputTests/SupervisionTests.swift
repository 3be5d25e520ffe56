import Imaging
import MediaIO
import Testing
import VideoInput

@Suite("The supervision of a source")
struct SupervisionTests {
    private let ms: UInt64 = 1_000_000
    private let second: UInt64 = 1_000_000_000

    private func supervision(isLive: Bool = true, at now: UInt64 = 0) -> SourceSupervision {
        SourceSupervision(location: "rtsp://***@camera/1", isLive: isLive, at: now)
    }

    @Test("a source connects, goes live, stalls after half a second, and lives on with the next frame")
    func stalls() {
        var source = supervision(at: 10 * second)
        #expect(source.status(at: 10 * second).state == .connecting)
        #expect(source.step(at: 10 * second) == .open)
        source.opening(at: 10 * second)
        source.opened(rate: Rational(30, 1), at: 11 * second)
        #expect(source.step(at: 11 * second) == .read)
        #expect(source.status(at: 20 * second).state == .connecting)
        #expect(source.frame(refusal: nil, at: 12 * second) == .pass(recoveredAfter: nil))
        #expect(source.status(at: 12 * second + 500 * ms).state == .live)
        #expect(source.status(at: 12 * second + 500 * ms).since == 12 * second)
        let stalled = source.status(at: 13 * second)
        #expect(stalled.state == .stalled && stalled.since == 12 * second + 500 * ms)
        let verdict = source.frame(refusal: nil, at: 14 * second)
        guard case .pass(let recovery) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(recovery?.attempts == 0 && recovery?.nanoseconds == 2 * second)
        let live = source.status(at: 14 * second)
        #expect(live.state == .live && live.since == 14 * second && live.lastRecovery == 2 * second)
        #expect(live.reconnects == 0)
    }

    @Test("a slow camera stalls after three of its intervals, whatever it announces")
    func slowCamera() {
        var source = supervision()
        source.opened(rate: Rational(1, 1), at: 0)
        _ = source.frame(refusal: nil, at: 0)
        #expect(source.status(at: 3 * second).state == .live)
        #expect(source.status(at: 3 * second + 1).state == .stalled)
        // Announces 30, gives 2, as at night.
        source.opened(rate: Rational(30, 1), at: 10 * second)
        for index in 0..<10 { _ = source.frame(refusal: nil, at: 10 * second + UInt64(index) * 500 * ms) }
        let last = 10 * second + 9 * 500 * ms
        #expect(source.status(at: last + 1500 * ms).state == .live)
        #expect(source.status(at: last + 1501 * ms).state == .stalled)
        // Announces nothing, or nonsense.
        for rate in [nil, Rational(90_000, 1), Rational(0, 0)] {
            source.opened(rate: rate, at: 100 * second)
            for index in 0..<10 { _ = source.frame(refusal: nil, at: 100 * second + UInt64(index) * 400 * ms) }
            let last = 100 * second + 9 * 400 * ms
            #expect(source.status(at: last + 1200 * ms).state == .live)
            #expect(source.status(at: last + 1201 * ms).state == .stalled)
        }
    }

    @Test("failures wait longer each time, for ever, and a good frame ends the count")
    func backsOff() {
        var source = supervision()
        var now: UInt64 = 0
        var delays: [UInt64] = []
        for attempt in 1...50 {
            source.opening(at: now)
            let (count, delay) = source.failed("connection refused", at: now, chance: 0.5)
            #expect(count == UInt64(attempt))
            #expect(source.status(at: now).state == .waiting)
            #expect(source.step(at: now) == .wait(until: now + delay))
            #expect(source.step(at: now + delay - 1) == .wait(until: now + delay))
            delays.append(delay / ms)
            now += delay
            #expect(source.step(at: now) == .open)
        }
        #expect(
            delays.prefix(6) == [250, 500, 1000, 2000, 4000, 5000] && delays.dropFirst(5).allSatisfy { $0 == 5000 })
        source.opening(at: now)
        source.opened(rate: nil, at: now)
        #expect(source.status(at: now).attempts == 50)
        guard case .pass(let recovery?) = source.frame(refusal: nil, at: now) else {
            Issue.record("no recovery")
            return
        }
        #expect(recovery.attempts == 50 && recovery.nanoseconds == nil)
        let status = source.status(at: now)
        #expect(status.attempts == 0 && status.cause == "connection refused" && status.state == .live)
        // It never had been live before, so this is no reconnection.
        #expect(status.reconnects == 0 && status.lastRecovery == nil)
    }

    @Test("a recovery is timed from the last good frame before the loss to the first one after it")
    func recovery() {
        var source = supervision()
        source.opened(rate: Rational(25, 1), at: 0)
        _ = source.frame(refusal: nil, at: 1 * second)
        _ = source.failed("the stream ended", at: 2 * second, chance: 0.5)
        source.opening(at: 3 * second)
        source.opened(rate: Rational(25, 1), at: 4 * second)
        _ = source.frame(refusal: .awaitingKeyFrame, at: 4 * second)
        #expect(source.status(at: 4 * second).state == .connecting)
        #expect(source.status(at: 4 * second).refusing == .awaitingKeyFrame)
        #expect(source.status(at: 10 * second).refusing == nil, "nothing comes any more")
        _ = source.frame(refusal: nil, at: 5 * second)
        let status = source.status(at: 5 * second)
        #expect(status.refusing == nil)
        #expect(status.reconnects == 1 && status.lastRecovery == 4 * second)
        #expect(status.framesRead == 3 && status.refused == [.awaitingKeyFrame: 1])
    }

    @Test("a source whose frames are refused is corrupt, and is opened anew when that lasts")
    func corrupt() {
        var source = supervision()
        source.opened(rate: Rational(10, 1), at: 0)
        _ = source.frame(refusal: nil, at: 0)
        #expect(source.frame(refusal: .corrupt, at: 100 * ms) == .refuse(isFirst: true))
        #expect(source.frame(refusal: .awaitingKeyFrame, at: 200 * ms) == .refuse(isFirst: true))
        #expect(source.frame(refusal: .awaitingKeyFrame, at: 300 * ms) == .refuse(isFirst: false))
        let status = source.status(at: 300 * ms)
        #expect(status.state == .corrupt && status.since == 100 * ms)
        #expect(source.status(at: 2 * second).state == .stalled)
        #expect(source.frame(refusal: .flat, at: 29 * second) == .refuse(isFirst: true))
        #expect(source.frame(refusal: .flat, at: 30 * second) == .giveUp(afterNanoseconds: 30 * second))
        _ = source.failed("refused", at: 30 * second, chance: 0.5)
        source.opening(at: 31 * second)
        source.opened(rate: nil, at: 32 * second)
        // The time counts from the new beginning.
        #expect(source.frame(refusal: .flat, at: 33 * second) == .refuse(isFirst: true))
    }

    @Test("a file neither stalls nor is given up, and ends")
    func file() {
        var source = supervision(isLive: false)
        source.opened(rate: Rational(25, 1), at: 0)
        _ = source.frame(refusal: nil, at: 0)
        #expect(source.status(at: 3600 * second).state == .live)
        #expect(source.frame(refusal: .corrupt, at: 3600 * second) == .refuse(isFirst: true))
        source.ended(at: 3601 * second)
        #expect(source.step(at: 3602 * second) == .end)
        #expect(source.status(at: 3602 * second).state == .ended)
    }
}

@Suite("The frame gate")
struct FrameGateTests {
    private let second: UInt64 = 1_000_000_000
    private let size = ImageSize(height: 720, width: 1280)

    private func look(_ fingerprint: UInt64, flat: Double = 0) -> PictureLook {
        PictureLook(fingerprint: fingerprint, flatShare: flat)
    }

    @Test("nothing passes before the first key frame, nor after a loss before the next one")
    func keyFrames() {
        var gate = FrameGate()
        func judge(_ flags: FrameFlags) -> RefusalCause? { gate.judge(flags: flags, size: size, look: nil, at: 0) }
        #expect(judge([]) == .awaitingKeyFrame)
        #expect(judge(.key) == nil)
        #expect(judge([]) == nil)
        #expect(judge(.afterLoss) == .awaitingKeyFrame)
        #expect(judge([]) == .awaitingKeyFrame)
        #expect(judge([.key, .corrupt]) == .corrupt)
        #expect(judge([]) == .awaitingKeyFrame)
        #expect(judge([.key, .afterLoss]) == nil)
        #expect(judge([]) == nil)
        gate.reset()
        #expect(judge([]) == .awaitingKeyFrame)
    }

    @Test("a picture that stays the same is frozen after its time, and the next that differs passes")
    func frozen() {
        var settings = FrameGate.Settings()
        settings.frozenAfter = 2 * second
        var gate = FrameGate(settings)
        func judge(_ fingerprint: UInt64, at now: UInt64) -> RefusalCause? {
            gate.judge(flags: .key, size: size, look: look(fingerprint), at: now)
        }
        #expect(judge(1, at: 0) == nil)
        #expect(judge(1, at: 2 * second - 1) == nil)
        #expect(judge(1, at: 2 * second) == .frozen)
        #expect(judge(1, at: 9 * second) == .frozen)
        #expect(judge(2, at: 10 * second) == nil)
        #expect(judge(1, at: 11 * second) == nil)
        settings.frozenAfter = nil
        gate = FrameGate(settings)
        #expect(judge(1, at: 0) == nil)
        #expect(judge(1, at: 3600 * second) == nil)
    }

    @Test("a picture that is flat in large parts is refused, and what is built upon it too")
    func flat() {
        var gate = FrameGate()
        func judge(_ flags: FrameFlags, _ share: Double) -> RefusalCause? {
            gate.judge(flags: flags, size: size, look: look(.random(in: 0 ... .max), flat: share), at: 0)
        }
        #expect(judge(.key, 0.39) == nil)
        #expect(judge([], 0.4) == .flat)
        #expect(judge([], 0.1) == .awaitingKeyFrame)
        #expect(judge(.key, 0.1) == nil)
    }

    @Test("a picture of too many pixels is refused")
    func tooLarge() {
        var settings = FrameGate.Settings()
        settings.maxPixels = 1280 * 720
        var gate = FrameGate(settings)
        #expect(gate.judge(flags: .key, size: size, look: nil, at: 0) == nil)
        let larger = ImageSize(height: 721, width: 1280)
        #expect(gate.judge(flags: .key, size: larger, look: nil, at: 0) == .tooLarge)
    }
}
