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
        var time: Int64 = 0
        func step(_ milliseconds: Int64) -> Bool {
            time += milliseconds * 1_000_000
            return gap.precedes(time)
        }
        #expect(!step(0))
        for _ in 0..<20 { #expect(!step(40)) }
        #expect(!step(490))
        #expect(step(4_000))
        #expect(!step(40))
        #expect(step(-1))
        // At night it exposes for a second; the first of these it cannot know.
        #expect(step(1_000))
        for _ in 0..<8 { _ = step(1_000) }
        #expect(!step(1_000))
        #expect(step(3_100))
    }
}
