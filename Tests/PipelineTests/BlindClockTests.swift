import Imaging
import Pipeline
import Testing

@Suite("The blind clock")
struct BlindClockTests {
    private let second: UInt64 = 1_000_000_000
    private let millisecond: UInt64 = 1_000_000

    /// What the clock sends from `start` to `end`, asked whenever it wants to be.
    private func sent(
        _ clock: inout BlindClock, from start: UInt64, to end: UInt64, sight: (UInt64) -> Sight
    ) -> [(at: UInt64, cause: BlindCause)] {
        var sent: [(at: UInt64, cause: BlindCause)] = []
        var now = max(start, clock.nextTick)
        while now < end {
            if let cause = clock.tick(sight(now), at: now) { sent.append((now, cause)) }
            #expect(clock.nextTick > now)
            now = clock.nextTick
        }
        return sent
    }

    @Test("sends ten a second for a camera that never opens")
    func neverOpens() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 7 * second)
        let sent = sent(&clock, from: 7 * second, to: 17 * second + millisecond) { _ in .nothing(.connecting) }
        #expect(sent.count == 100)
        #expect(sent.allSatisfy { $0.cause == .connecting })
        #expect(zip(sent, sent.dropFirst()).allSatisfy { $1.at - $0.at == 100 * millisecond })
    }

    @Test("sends at the camera's rate once that is known, no faster than its cap, and at least one a second")
    func rate() {
        func count(_ rate: Double?, cap: Double?) -> Int {
            var clock = BlindClock(maxAge: 500 * millisecond, maxFramesPerSecond: cap, now: 0)
            clock.opened(framesPerSecond: rate)
            return sent(&clock, from: 0, to: 10 * second) { _ in .nothing(.noSignal) }.count
        }
        #expect((298...300).contains(count(30, cap: nil)))
        #expect((49...50).contains(count(30, cap: 5)))
        #expect((98...100).contains(count(nil, cap: 30)))
        #expect((9...10).contains(count(30, cap: 0.1)))
        #expect((98...100).contains(count(.infinity, cap: nil)))
        #expect((98...100).contains(count(-1, cap: nil)))
        #expect((1180...1200).contains(count(100_000, cap: nil)))
    }

    @Test("is silent while masks come, and begins when the source says that it lost its sight")
    func loss() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 0)
        clock.opened(framesPerSecond: 10)
        for tenth in 1...50 {
            let now = UInt64(tenth) * 100 * millisecond
            let cause = clock.tick(.seeing, at: now)
            #expect(cause == nil)
            clock.sentValid(at: now)
        }
        let sent = sent(&clock, from: 5 * second, to: 6 * second) { now in
            now < 5 * second + 500 * millisecond ? .seeing : .nothing(.noSignal)
        }
        #expect(sent.count == 5 && sent.allSatisfy { $0.cause == .noSignal })
    }

    @Test("keeps its cause from the first frame that comes back to the first mask, and is silent then")
    func recovery() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 0)
        let before = sent(&clock, from: 0, to: 2 * second) { _ in .nothing(.refused) }
        #expect(before.allSatisfy { $0.cause == .refused })
        let after = sent(&clock, from: 2 * second, to: 2 * second + 400 * millisecond) { _ in .seeing }
        #expect(after.count == 4 && after.allSatisfy { $0.cause == .refused })
        clock.sentValid(at: 2 * second + 400 * millisecond)
        let silent = sent(&clock, from: 2 * second + 400 * millisecond, to: 2 * second + 900 * millisecond) { _ in
            .seeing
        }
        #expect(silent.isEmpty)
    }

    @Test("calls it overload where frames come and no mask does, be it from the beginning")
    func overload() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 0)
        let sent = sent(&clock, from: 0, to: 2 * second) { _ in .seeing }
        #expect(sent.first.map { $0.at > 500 * millisecond && $0.at <= 700 * millisecond } == true)
        #expect(sent.allSatisfy { $0.cause == .overload })
    }

    @Test("fills the time between masks that are too old with overload")
    func tooOld() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 0)
        clock.sentTooOld(at: second)
        let sent = sent(&clock, from: second, to: 2 * second) { _ in .seeing }
        #expect(sent.first?.at == second + 100 * millisecond)
        #expect(sent.allSatisfy { $0.cause == .overload } && sent.count == 9)
    }

    @Test("is patient with a camera that is capped to a rate slower than a mask's age")
    func slowCap() {
        var clock = BlindClock(maxAge: 500 * millisecond, maxFramesPerSecond: 0.5, now: 0)
        clock.opened(framesPerSecond: 30)
        clock.sentValid(at: second)
        let patient = sent(&clock, from: second, to: 6 * second) { _ in .seeing }
        let later = sent(&clock, from: 6 * second, to: 12 * second) { _ in .seeing }
        #expect(patient.isEmpty && !later.isEmpty)
    }

    @Test("ends with its source")
    func over() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 0)
        let sent = sent(&clock, from: 0, to: 10 * second) { _ in .over }
        #expect(sent.isEmpty)
    }

    @Test("does not send a burst after the process stood still")
    func stoodStill() {
        var clock = BlindClock(maxAge: 500 * millisecond, now: 0)
        let first = clock.tick(.nothing(.noSignal), at: 100 * second)
        let second = clock.tick(.nothing(.noSignal), at: 100 * self.second + millisecond)
        #expect(first == .noSignal && second == nil)
        #expect(clock.nextTick == 100 * self.second + 100 * millisecond)
    }
}
