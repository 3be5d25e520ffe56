import Pipeline
import Testing

@Suite("Turns at the network")
struct TurnScheduleTests {
    /// A camera of a simulation: a frame every `interval`, none of them older than `maxAge`.
    private struct Camera {
        var weight = 1
        var interval: UInt64
        var maxAge: UInt64 = 500_000_000
        var cost: UInt64 = 100_000_000
        var begins: UInt64 = 0
        var ends: UInt64 = .max
    }

    /// How many turns each camera had in `seconds`, and the longest that each waited with a frame.
    private func simulate(_ cameras: [Camera], seconds: UInt64) -> [(turns: Int, longest: UInt64)] {
        var schedule = TurnSchedule()
        let seats = cameras.map { schedule.join(weight: $0.weight) }
        var turns = [Int](repeating: 0, count: cameras.count)
        var longest = [UInt64](repeating: 0, count: cameras.count)
        var waitingSince = [UInt64?](repeating: nil, count: cameras.count)
        var ends: UInt64 = 0
        var running: Int?
        for now in stride(from: UInt64(0), to: seconds * 1_000_000_000, by: 1_000_000) {
            for (index, camera) in cameras.enumerated()
            where now >= camera.begins && now < camera.ends && (now - camera.begins) % camera.interval < 1_000_000 {
                schedule.offer(seats[index], deadline: now + camera.maxAge)
                waitingSince[index] = waitingSince[index] ?? now
            }
            if let seat = running, now >= ends {
                schedule.finished(seats[seat], cost: cameras[seat].cost)
                running = nil
            }
            if running == nil, let seat = schedule.grant(), let index = seats.firstIndex(of: seat) {
                running = index
                ends = now + cameras[index].cost
                turns[index] += 1
                longest[index] = max(longest[index], now - (waitingSince[index] ?? now))
                waitingSince[index] = nil
            }
        }
        return zip(turns, longest).map { ($0, $1) }
    }

    @Test("are even between even cameras, whatever their frame rates")
    func even() {
        let result = simulate(
            [Camera(interval: 33_000_000), Camera(interval: 16_000_000), Camera(interval: 40_000_000)], seconds: 60)
        #expect(result.map(\.turns).allSatisfy { (195...205).contains($0) })
        #expect(result.allSatisfy { $0.longest <= 700_000_000 })
    }

    @Test("follow the weights where there is too little time")
    func weights() {
        let result = simulate(
            [Camera(weight: 3, interval: 33_000_000), Camera(weight: 1, interval: 33_000_000)], seconds: 60)
        #expect((440...460).contains(result[0].turns) && (140...160).contains(result[1].turns))
    }

    @Test("let no camera starve, however light")
    func noStarving() {
        let result = simulate(
            [Camera(weight: 100, interval: 33_000_000), Camera(weight: 1, interval: 33_000_000)], seconds: 120)
        #expect(result[1].turns >= 10)
        #expect(result[1].longest <= 12_000_000_000)
    }

    @Test("go by time, not by number: a camera whose pictures take longer gets fewer")
    func cost() {
        let result = simulate(
            [Camera(interval: 33_000_000, cost: 150_000_000), Camera(interval: 33_000_000, cost: 50_000_000)],
            seconds: 60)
        let (slow, quick) = (result[0].turns, result[1].turns)
        #expect(quick > 2 * slow && quick < 4 * slow)
    }

    @Test("go to the others while a camera is gone, which gets no more than its share when it comes back")
    func absence() {
        let result = simulate(
            [Camera(interval: 33_000_000), Camera(interval: 33_000_000, begins: 30_000_000_000)], seconds: 60)
        #expect((440...460).contains(result[0].turns))
        #expect((140...160).contains(result[1].turns))
    }

    @Test("give a camera with rare frames its turn at once, after the one under way")
    func rare() {
        let result = simulate(
            [Camera(interval: 33_000_000), Camera(interval: 33_000_000), Camera(interval: 1_000_000_000)], seconds: 60)
        #expect(result[2].turns >= 59)
        #expect(result[2].longest <= 300_000_000)
    }

    @Test("go, between even cameras, to the one whose frame is soonest too old")
    func deadline() {
        var schedule = TurnSchedule()
        let (relaxed, urgent) = (schedule.join(weight: 1), schedule.join(weight: 1))
        schedule.offer(relaxed, deadline: 900)
        schedule.offer(urgent, deadline: 500)
        do {
            let seat = schedule.grant()
            #expect(seat == urgent)
        }
        do {
            let seat = schedule.grant()
            #expect(seat == nil)
        }
        schedule.finished(urgent, cost: 100)
        schedule.offer(urgent, deadline: 600)
        do {
            let seat = schedule.grant()
            #expect(seat == urgent)
        }
        schedule.finished(urgent, cost: 100)
        // Twice is the lead that urgency earns.
        schedule.offer(urgent, deadline: 700)
        do {
            let seat = schedule.grant()
            #expect(seat == relaxed)
        }
    }

    @Test("end with a camera that goes amid its own")
    func leaving() {
        var schedule = TurnSchedule()
        let (one, two) = (schedule.join(weight: 1), schedule.join(weight: 1))
        schedule.offer(one, deadline: 1)
        schedule.offer(two, deadline: 2)
        do {
            let seat = schedule.grant()
            #expect(seat == one)
        }
        schedule.leave(one)
        do {
            let seat = schedule.grant()
            #expect(seat == two)
        }
        schedule.offer(one, deadline: 0)
        schedule.finished(one, cost: 5)
        #expect(schedule.running == two && !schedule.isWaiting(one))
    }
}
