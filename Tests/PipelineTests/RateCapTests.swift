import Pipeline
import Testing

@Suite("A rate cap")
struct RateCapTests {
    private func admitted(_ times: [Double], cap: Double) -> [Int] {
        guard var cap = RateCap(framesPerSecond: cap) else { return [] }
        return times.indices.filter { cap.admits(Int64(times[$0] * 1e9)) }
    }

    @Test("takes every third frame of 30 a second when the cap is 10")
    func third() {
        let times = (0..<30).map { Double($0) / 30 }
        #expect(admitted(times, cap: 10) == stride(from: 0, to: 30, by: 3).map { $0 })
    }

    @Test("takes every frame when the source is slower than the cap")
    func slower() {
        let times = (0..<20).map { Double($0) / 15 }
        #expect(admitted(times, cap: 30).count == 20)
    }

    @Test("keeps the average when the rates do not divide")
    func uneven() {
        let times = (0..<300).map { Double($0) / 30 }
        #expect((195...205).contains(admitted(times, cap: 20).count))
    }

    @Test("does not halve the rate when frames jitter around the cap")
    func jitter() {
        let times = (0..<100).map { Double($0) / 25 + ($0 % 2 == 0 ? 0.002 : -0.002) }
        #expect(admitted(times, cap: 25).count == 100)
    }

    @Test("starts anew after a gap and when time jumps back")
    func jumps() {
        #expect(admitted([0, 0.1, 50, 50.01, 50.1, 0, 0.01, 0.1], cap: 10) == [0, 1, 2, 4, 5, 7])
    }

    @Test("is no cap unless positive", arguments: [0, -1, .nan, .infinity])
    func invalid(rate: Double) {
        #expect(RateCap(framesPerSecond: rate) == nil)
    }
}
