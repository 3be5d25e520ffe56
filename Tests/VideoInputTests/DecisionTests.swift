import Imaging
import MediaIO
import SyntheticDrive
import Testing

@testable import VideoInput

@Suite("What sources decide")
struct DecisionTests {
    @Test("inputs are understood as users write them")
    func inputs() {
        #expect(SourceInput("synthetic:seed=7") == .synthetic("seed=7"))
        #expect(SourceInput("synthetic") == .synthetic(""))
        #expect(SourceInput("/dev/video0") == .device("/dev/video0"))
        #expect(SourceInput("/dev/v4l/by-id/usb-cam") == .device("/dev/v4l/by-id/usb-cam"))
        #expect(SourceInput("v4l2:/dev/x") == .device("/dev/x"))
        #expect(SourceInput("/tmp") == .folder("/tmp"))
        #expect(SourceInput("drive.mp4") == .media(MediaLocation("drive.mp4")))
        #expect(SourceInput("rtsp://u:hunter22@cam/1").description == "rtsp://***@cam/1")
        #expect(SourceInput("-").description == "standard input")
    }

    @Test("the factory makes live sources of streams and devices only")
    func factory() throws {
        #expect(try VideoSources.source(SourceInput("rtsp://cam/1"), camera: "a").isLive)
        #expect(try VideoSources.source(SourceInput("/dev/video0"), camera: "a").isLive)
        #expect(try !VideoSources.source(SourceInput("drive.mp4"), camera: "a").isLive)
        #expect(try !VideoSources.source(SourceInput("/tmp"), camera: "a").isLive)
        var options = SourceOptions()
        options.pace = .realTime
        #expect(try VideoSources.source(SourceInput("/tmp"), camera: "a", options: options).isLive)
    }

    @Test("the factory makes synthetic drives, live and endless where that is asked for")
    func synthetic() throws {
        let plain = try VideoSources.source(SourceInput("synthetic:seconds=2,size=64x48"), camera: "a")
        #expect(!plain.isLive)
        #expect(try plain.open().frameCount == 60)
        var options = SourceOptions()
        options.pace = .realTime
        options.loops = true
        let live = try VideoSources.source(SourceInput("synthetic:seconds=2,size=64x48"), camera: "a", options: options)
        #expect(live.isLive)
        #expect(try live.open().frameCount == nil)
        #expect(throws: SyntheticOptionsError.self) {
            try VideoSources.source(SourceInput("synthetic:sede=2"), camera: "a")
        }
    }

    @Test("a V4L2 device that is not there is an error, not a crash")
    func noDevice() throws {
        let source = try VideoSources.source(SourceInput("/dev/video99"), camera: "a")
        #expect(throws: MediaError.self) { try source.open() }
        // FFmpeg's device library is loaded by now, or said to be missing.
        let null = try VideoSources.source(SourceInput("v4l2:/dev/null"), camera: "a")
        let error = #expect(throws: MediaError.self) { try null.open() }
        #expect(error?.description.contains("no demuxer") == false)
    }

    @Test("names sort as people expect")
    func naturalOrder() {
        let names = [
            "f1", "f01", "f2", "f10", "f10a", "f100", "g", "f", "", "f99999999999999999999999", "a2b10", "a2b9",
        ]
        #expect(
            names.sorted(by: NaturalOrder.precedes) == [
                "", "a2b9", "a2b10", "f", "f01", "f1", "f2", "f10", "f10a", "f100", "f99999999999999999999999", "g",
            ])
    }

    @Test("frames without stamps follow at the frame rate; passes of a loop join without a gap")
    func timeline() {
        var timeline = Timeline()
        #expect(timeline.place(pts: nil, duration: 0, nominal: 40) == 0)
        #expect(timeline.place(pts: nil, duration: 0, nominal: 40) == 40)
        #expect(timeline.place(pts: 100, duration: 50, nominal: 40) == 100)
        #expect(timeline.place(pts: nil, duration: 0, nominal: 40) == 150)
        timeline.beginPass()
        #expect(timeline.place(pts: 7, duration: 50, nominal: 40) == 190)
        #expect(timeline.place(pts: 57, duration: 50, nominal: 40) == 240)
        var unknown = Timeline()
        #expect(unknown.place(pts: nil, duration: 0, nominal: 0) == nil)
        #expect(unknown.place(pts: -5, duration: 0, nominal: 0) == -5)
    }

    @Test("packets are due as their stamps say, from the first one on")
    func pacer() {
        var pacer = Pacer()
        let tick = 0.001
        #expect(pacer.due(ticks: 500, secondsPerTick: tick, length: 40_000_000, now: 1_000_000_000) == 1_000_000_000)
        #expect(pacer.due(ticks: 540, secondsPerTick: tick, length: 40_000_000, now: 1_000_000_001) == 1_040_000_000)
        // No stamp: after the one before.
        #expect(pacer.due(ticks: nil, secondsPerTick: tick, length: 40_000_000, now: 1_000_000_002) == 1_080_000_000)
        // Another pass begins where this one ended.
        pacer.beginPass()
        #expect(pacer.due(ticks: 0, secondsPerTick: tick, length: 40_000_000, now: 1_100_000_000) == 1_120_000_000)
        #expect(pacer.due(ticks: 40, secondsPerTick: tick, length: 40_000_000, now: 1_100_000_000) == 1_160_000_000)
        // Stamps that jump by an hour, and a reader that was stopped for one, start anew.
        #expect(
            pacer.due(ticks: 3_600_000, secondsPerTick: tick, length: 40_000_000, now: 1_200_000_000) == 1_200_000_000)
        #expect(
            pacer.due(ticks: 3_600_040, secondsPerTick: tick, length: 40_000_000, now: 9_000_000_000) == 9_000_000_000)
        #expect(
            pacer.due(ticks: 3_600_080, secondsPerTick: tick, length: 40_000_000, now: 9_000_000_001) == 9_040_000_000)
    }

    @Test("slow videos are paced too")
    func slowPacer() {
        var pacer = Pacer()
        #expect(pacer.due(ticks: 0, secondsPerTick: 5, length: 5_000_000_000, now: 10_000_000_000) == 10_000_000_000)
        #expect(pacer.due(ticks: 1, secondsPerTick: 5, length: 5_000_000_000, now: 10_000_000_001) == 15_000_000_000)
        #expect(pacer.due(ticks: 2, secondsPerTick: 5, length: 5_000_000_000, now: 15_000_000_001) == 20_000_000_000)
    }

    @Test("a sender's stamp is believed when its clock can be ours")
    func senderReports() {
        let arrival = CaptureTime(
            epochNanoseconds: 1_000_000_000_000, monotonicNanoseconds: 50_000_000_000, origin: .arrival)
        func capture(_ stamp: CaptureClock.Stamp?) -> CaptureTime {
            var clock = CaptureClock()
            return clock.capture(arrival: arrival, stamped: stamp)
        }
        func earlier(by age: Int64, _ origin: CaptureOrigin) -> CaptureTime {
            CaptureTime(
                epochNanoseconds: 1_000_000_000_000 - age, monotonicNanoseconds: 50_000_000_000 - UInt64(age),
                origin: origin)
        }
        #expect(capture(nil) == arrival)
        #expect(capture(.epoch(999_900_000_000)) == earlier(by: 100_000_000, .senderReport))
        // A little ahead: captured just now. Far off: another clock.
        #expect(capture(.epoch(1_000_050_000_000)) == earlier(by: 0, .senderReport))
        #expect(capture(.epoch(1_001_000_000_000)) == arrival)
        #expect(capture(.epoch(900_000_000_000)) == arrival)
        #expect(capture(.epoch(0)) == arrival)
        // A driver stamps with either clock.
        #expect(capture(.driver(49_960_000_000)) == earlier(by: 40_000_000, .driver))
        #expect(capture(.driver(999_960_000_000)) == earlier(by: 40_000_000, .driver))
        #expect(capture(.driver(7)) == arrival)
    }

    @Test("a wall clock that jumps changes no age")
    func clockJump() {
        var clock = CaptureClock()
        func age(_ monotonic: UInt64, wall: Int64, stamp: Int64) -> UInt64? {
            let arrival = CaptureTime(epochNanoseconds: wall, monotonicNanoseconds: monotonic, origin: .arrival)
            let capture = clock.capture(arrival: arrival, stamped: .epoch(stamp))
            return capture.origin == .senderReport ? monotonic - capture.monotonicNanoseconds : nil
        }
        let ms: Int64 = 1_000_000
        let start: Int64 = 1_700_000_000_000_000_000
        // At first our clock is an hour behind, as after a boot without a network.
        #expect(age(1_000_000_000, wall: start - 3_600_000 * ms, stamp: start) == nil)
        #expect(age(2_000_000_000, wall: start + 1040 * ms, stamp: start + 1000 * ms) == 40_000_000)
        for jump in [3000, -3000, 3_600_000, -3_600_000] as [Int64] {
            #expect(age(3_000_000_000, wall: start + (2050 + jump) * ms, stamp: start + 2000 * ms) == 40_000_000)
        }
    }
}
