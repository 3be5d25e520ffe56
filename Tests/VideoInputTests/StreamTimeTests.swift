import Imaging
import Testing

@testable import VideoInput

@Suite("What a stream's own time stamps tell")
struct StreamTimeTests {
    private let ms: UInt64 = 1_000_000

    @Test("pictures that a network held up are as old as they are, though they arrive now")
    func heldUp() {
        var delays = DeliveryDelay()
        for frame in 0..<100 as Range<UInt64> {
            // Arrivals scatter by up to 6 ms; the stamps begin anywhere.
            let delay = delays.delay(
                stamp: Int64(frame * 40 * ms) - 7_000, arrival: (1_000 + frame * 40 + frame % 4 * 2) * ms)
            #expect(delay <= 6 * ms)
        }
        // Three seconds of nothing, then all of it at once, the last one punctually.
        for frame in 100...175 as ClosedRange<UInt64> {
            let delay = delays.delay(stamp: Int64(frame * 40 * ms) - 7_000, arrival: 8_000 * ms)
            #expect(delay == (175 - frame) * 40 * ms)
        }
    }

    @Test("a sender whose clock runs slow is not believed for long, and one that starts anew not compared")
    func strangeClocks() {
        var slow = DeliveryDelay()
        var last: UInt64 = 0
        // Time stamps for 25 frames a second, and 20 come.
        for frame in 0..<1000 as Range<UInt64> {
            last = slow.delay(stamp: Int64(frame * 40 * ms), arrival: frame * 50 * ms)
        }
        #expect(last == 0)

        // Drift that clocks have: 100 millionths.
        var drifting = DeliveryDelay()
        for frame in 0..<5000 as Range<UInt64> {
            let delay = drifting.delay(stamp: Int64(frame * 40 * ms), arrival: frame * 40_004_000)
            #expect(delay <= 2 * ms)
        }

        var restarted = DeliveryDelay()
        _ = restarted.delay(stamp: 5_000_000_000, arrival: 1_000 * ms)
        #expect(restarted.delay(stamp: 0, arrival: 1_040 * ms) == 0)
        #expect(restarted.delay(stamp: Int64(40 * ms), arrival: 1_100 * ms) == 20 * ms)
        #expect(restarted.delay(stamp: .max, arrival: 0) == 0)
        #expect(restarted.delay(stamp: .min, arrival: .max) == 0)
    }

    @Test("arrival alone is put back by what a frame came too late; who knows the capture time is believed")
    func captureTimes() {
        var clock = CaptureClock()
        func arrival(_ milliseconds: UInt64) -> CaptureTime {
            CaptureTime(
                epochNanoseconds: Int64(milliseconds * ms), monotonicNanoseconds: milliseconds * ms, origin: .arrival)
        }
        #expect(clock.capture(arrival: arrival(1_000), stamped: nil, streamTime: 0) == arrival(1_000))
        #expect(clock.capture(arrival: arrival(3_000), stamped: nil, streamTime: 40_000_000) == arrival(1_040))
        let reported = clock.capture(arrival: arrival(3_000), stamped: .epoch(2_950_000_000), streamTime: 80_000_000)
        #expect(reported.origin == .senderReport && reported.monotonicNanoseconds == 2_950 * ms)
        // Without times of a sender nothing is put back.
        var plain = CaptureClock()
        #expect(plain.capture(arrival: arrival(1_000), stamped: nil) == arrival(1_000))
        #expect(plain.capture(arrival: arrival(3_000), stamped: nil) == arrival(3_000))
    }

    @Test("a camera that halted has left pictures out; one that is slow or uneven has not")
    func gaps() {
        var gap = StreamGap(rate: Rational(25, 1))
        var (stamp, arrival): (Int64, UInt64) = (0, 9_000 * ms)
        func step(_ milliseconds: UInt64, stamped: Int64? = nil) -> StreamGap.Judgement {
            arrival += milliseconds * ms
            stamp += (stamped ?? Int64(milliseconds)) * 1_000_000
            return gap.judge(stamp: stamp, arrival: arrival)
        }
        #expect(step(0) == .steady)
        for _ in 0..<20 { #expect(step(40) == .steady) }
        #expect(step(490) == .steady)
        #expect(step(4_000) == .halted)
        #expect(step(40) == .steady)
        // What a network held up comes with its own stamps, all at once.
        #expect(step(4_000, stamped: 40) == .steady)
        for _ in 0..<99 { #expect(step(0, stamped: 40) == .steady) }
        // Stamps that say nothing are no proof that nothing is missing.
        #expect(step(4_000, stamped: 0) == .halted)
        #expect(step(4_000, stamped: -90_000) == .halted)
        #expect(step(4_000, stamped: 18_000_000) == .halted)
        for _ in 0..<9 { _ = step(40) }
        // At night it exposes for a second; the first of these it cannot know.
        #expect(step(1_000) == .halted)
        for _ in 0..<8 { _ = step(1_000) }
        #expect(step(1_000) == .steady)
        #expect(step(3_100) == .halted)
    }

    @Test("a camera that halted while the network held pictures up has left some out", arguments: [1, 5, 40])
    func haltedBehindTheNetwork(heldUp: Int) {
        var gap = StreamGap(rate: Rational(25, 1))
        var (stamp, arrival): (Int64, UInt64) = (0, 9_000 * ms)
        func step(_ milliseconds: UInt64, stamped: Int64) -> StreamGap.Judgement {
            arrival += milliseconds * ms
            stamp += stamped * 1_000_000
            return gap.judge(stamp: stamp, arrival: arrival)
        }
        for _ in 0..<20 { _ = step(40, stamped: 40) }
        // Both sleep for four seconds; a few pictures were still on their way.
        #expect(step(4_000, stamped: 40) == .steady)
        for _ in 1..<heldUp { #expect(step(0, stamped: 40) == .steady) }
        #expect(step(40, stamped: Int64(4_040 - heldUp * 40)) == .halted)
        for _ in 0..<20 { #expect(step(40, stamped: 40) == .steady) }
        // A strange stamp behind held-up pictures stays one.
        #expect(step(4_000, stamped: 40) == .steady)
        #expect(step(0, stamped: 18_000_000) == .strange)
        #expect(step(0, stamped: 40 - 18_000_000) == .steady)
        // Once all has come, a stamp that is ahead by less than the network's delay is strange again.
        for _ in 0..<98 { #expect(step(0, stamped: 40) == .steady) }
        for _ in 0..<5 { #expect(step(40, stamped: 40) == .steady) }
        #expect(step(40, stamped: 2_000) == .strange)
    }

    @Test(
        "a strange stamp is doubted alone, a clock that was set after one picture",
        arguments: [18_000_000, -18_000_000, 900, -900])
    func strangeStamps(jump: Int64) {
        var gap = StreamGap(rate: Rational(25, 1))
        var arrival: UInt64 = 9_000 * ms
        func judge(_ number: Int64, _ offset: Int64) -> StreamGap.Judgement {
            arrival += 40 * ms
            return gap.judge(stamp: (number * 40 + offset) * 1_000_000, arrival: arrival)
        }
        for number in 0..<20 as Range<Int64> { #expect(judge(number, 0) == .steady) }
        #expect(judge(20, jump) == .strange)
        for number in 21..<40 as Range<Int64> { #expect(judge(number, 0) == .steady) }
        #expect(judge(40, jump) == .strange)
        #expect(judge(41, jump) == .newClock)
        for number in 42..<60 as Range<Int64> { #expect(judge(number, jump) == .steady) }
        // Stamps without any order are all doubted, and never a halt.
        for number in 60..<90 as Range<Int64> {
            #expect(judge(number, number % 2 == 0 ? jump * number : -7_000_000 * number) != .halted)
        }
    }

    @Test("stamps that stand still or count too slowly make no picture late", arguments: [0, 4, 20])
    func slowClocks(step: UInt64) {
        var delays = DeliveryDelay()
        for frame in 0..<2000 as Range<UInt64> {
            let delay = delays.delay(stamp: Int64(frame * step * ms), arrival: (1_000 + frame * 40) * ms)
            #expect(delay <= 300 * ms, "frame \(frame)")
        }
    }

    @Test("a stamp ahead of its time makes the pictures after it no later")
    func lead() {
        var delays = DeliveryDelay()
        for frame in 0..<300 as Range<UInt64> {
            let lead: UInt64 = frame % 50 == 20 ? 300 : 0
            let delay = delays.delay(stamp: Int64((frame * 40 + lead) * ms), arrival: (1_000 + frame * 40) * ms)
            #expect(delay == 0, "frame \(frame)")
        }
        // A way that became shorter is one after two pictures.
        for frame in 300..<310 as Range<UInt64> {
            _ = delays.delay(stamp: Int64(frame * 40 * ms), arrival: (900 + frame * 40) * ms)
        }
        #expect(delays.delay(stamp: 310 * 40_000_000, arrival: (1_000 + 310 * 40) * ms) == 100 * ms)
    }

    @Test("a sender's report is not used between a change of the stream's clock and the next report")
    func outdatedReports() {
        var clock = CaptureClock()
        func capture(_ milliseconds: UInt64, streamTime: Int64, report: Int64) -> CaptureTime {
            let arrival = CaptureTime(
                epochNanoseconds: Int64(milliseconds * ms), monotonicNanoseconds: milliseconds * ms, origin: .arrival)
            return clock.capture(
                arrival: arrival, stamped: .epoch((report + streamTime) * 1_000_000), streamTime: streamTime * 1_000_000
            )
        }
        #expect(capture(10_000, streamTime: 50, report: 9_930).monotonicNanoseconds == 9_980 * ms)
        clock.clockWasSet()
        // Three seconds back: by the old report the pictures are three seconds old.
        let after = capture(10_040, streamTime: -2_910, report: 9_930)
        #expect(after.origin == .arrival && after.monotonicNanoseconds == 10_040 * ms)
        #expect(capture(10_080, streamTime: -2_870, report: 9_930).monotonicNanoseconds == 10_080 * ms)
        let next = capture(10_120, streamTime: -2_830, report: 12_930)
        #expect(next.origin == .senderReport && next.monotonicNanoseconds == 10_100 * ms)
    }
}
