import Testing

@testable import MediaIO

@Suite("Packets that were read while a stream was opened")
struct BacklogTests {
    private let ms: UInt64 = 1_000_000

    @Test("count from the opening on as their time stamps say, until those that come now")
    func ages() {
        var backlog = Backlog(opened: 1_000 * ms, probed: 1_500 * ms)
        #expect(backlog.arrival(stamp: 90_000_000_000, now: 1_510 * ms) == 1_000 * ms)
        #expect(backlog.arrival(stamp: 90_200_000_000, now: 1_511 * ms) == 1_200 * ms)
        #expect(backlog.arrival(stamp: 90_490_000_000, now: 1_512 * ms) == 1_490 * ms)
        #expect(backlog.arrival(stamp: 90_530_000_000, now: 1_530 * ms) == nil)
        // Once that is over it is over.
        #expect(backlog.arrival(stamp: 90_000_000_000, now: 1_600 * ms) == nil)
    }

    @Test("may begin with one from before, and without time stamps tell nothing")
    func strangers() {
        var backlog = Backlog(opened: 1_000 * ms, probed: 1_500 * ms)
        #expect(backlog.arrival(stamp: nil, now: 1_510 * ms) == nil)
        #expect(backlog.arrival(stamp: 1_133_000_000, now: 1_510 * ms) == 1_000 * ms)
        #expect(backlog.arrival(stamp: 66_000_000, now: 1_510 * ms) == 1_000 * ms)
        #expect(backlog.arrival(stamp: 166_000_000, now: 1_510 * ms) == 1_100 * ms)
        #expect(backlog.arrival(stamp: .max, now: 1_510 * ms) == nil)
    }
}
