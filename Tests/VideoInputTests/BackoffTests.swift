import VideoInput
import Testing

@Suite("The back-off")
struct BackoffTests {
    private let second: UInt64 = 1_000_000_000

    @Test("doubles from a quarter of a second to five seconds, and stays there for ever")
    func doubles() {
        var backoff = Backoff()
        let waits = (0..<200).map { _ in backoff.failed(at: 0, chance: 0.5) }
        #expect(waits.prefix(6).map { $0 / 1_000_000 } == [250, 500, 1000, 2000, 4000, 5000])
        #expect(waits.dropFirst(5).allSatisfy { $0 == 5 * second })
    }

    @Test("varies by a fifth at most, and never beyond five seconds", arguments: [0.0, 0.25, 0.999, 1, -3, 7])
    func jitters(chance: Double) {
        var backoff = Backoff()
        for expected in [250, 500, 1000, 2000, 4000, 5000, 5000] {
            let wait = Int(backoff.failed(at: 0, chance: chance) / 1_000_000)
            #expect(wait >= expected * 4 / 5 && wait <= min(expected * 6 / 5, 5000))
        }
    }

    @Test("begins anew after it worked for a while, but not after a flicker")
    func settles() {
        var backoff = Backoff()
        for _ in 0..<4 { _ = backoff.failed(at: 0, chance: 0.5) }
        backoff.worked(at: 10 * second)
        backoff.worked(at: 11 * second)
        #expect(backoff.failed(at: 12 * second, chance: 0.5) == 4 * second)
        backoff.worked(at: 20 * second)
        #expect(backoff.failed(at: 25 * second, chance: 0.5) == second / 4)
    }

    @Test("survives a clock that goes back")
    func clockBack() {
        var backoff = Backoff()
        backoff.worked(at: 100 * second)
        #expect(backoff.failed(at: 1, chance: 0.5) == second / 4)
        #expect(backoff.failed(at: 0, chance: 0.5) == second / 2)
    }
}
