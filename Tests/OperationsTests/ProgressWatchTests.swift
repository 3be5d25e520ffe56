import Operations
import Testing

@Suite("The watch over progress")
struct ProgressWatchTests {
    private func sight(_ progress: Int, offline: Bool = false, _ camera: String = "front") -> ProgressWatch.Sight {
        ProgressWatch.Sight(camera: camera, progress: progress, isOffline: offline)
    }

    @Test("finds a camera stuck that delivers frames and sends nothing for too long, until it goes on")
    func stuck() {
        var watch = ProgressWatch(patience: 10)
        #expect(watch.stuck([sight(1)], at: 0) == [])
        #expect(watch.stuck([sight(1)], at: 10) == [])
        #expect(watch.stuck([sight(1)], at: 11) == ["front"])
        #expect(watch.stuck([sight(1)], at: 50) == ["front"])
        #expect(watch.stuck([sight(2)], at: 51) == [])
        #expect(watch.stuck([sight(2)], at: 61) == [])
        #expect(watch.stuck([sight(2)], at: 62) == ["front"])
    }

    @Test("has patience with a source that is known to be offline, and gives it time when it comes back")
    func offline() {
        var watch = ProgressWatch(patience: 10)
        for time in stride(from: 0 as UInt64, through: 1000, by: 10) {
            #expect(watch.stuck([sight(7, offline: true)], at: time) == [])
        }
        #expect(watch.stuck([sight(7)], at: 1010) == [])
        #expect(watch.stuck([sight(7)], at: 1011) == ["front"])
    }

    @Test("looks at every camera by itself, and forgets those that are no more")
    func several() {
        var watch = ProgressWatch(patience: 10)
        _ = watch.stuck([sight(1, "a"), sight(1, "b")], at: 0)
        #expect(watch.stuck([sight(2, "a"), sight(1, "b")], at: 20) == ["b"])
        #expect(watch.stuck([sight(3, "a")], at: 40) == [])
        #expect(watch.stuck([sight(4, "a"), sight(1, "b")], at: 60) == [], "a new camera of the old name starts anew")
        #expect(watch.stuck([], at: 80) == [])
    }

    @Test("does not mind a clock that goes back")
    func clock() {
        var watch = ProgressWatch(patience: 10)
        _ = watch.stuck([sight(1)], at: 100)
        #expect(watch.stuck([sight(1)], at: 5) == [])
    }

    @Test(
        "takes its interval from systemd's environment, where it is meant for this process",
        arguments: [
            (["WATCHDOG_USEC": "3000000"], 3_000_000_000),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], 3_000_000_000),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], nil), ([:], nil), (["WATCHDOG_USEC": "0"], nil),
            (["WATCHDOG_USEC": "-1"], nil), (["WATCHDOG_USEC": "soon"], nil),
            (["WATCHDOG_USEC": "18446744073709551615"], nil),
        ] as [([String: String], UInt64?)])
    func interval(variables: [String: String], expected: UInt64?) {
        #expect(ProgressWatch.interval(environment: { variables[$0] }, pid: 7) == expected)
    }
}
