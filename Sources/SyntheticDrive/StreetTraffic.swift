/// Everyone who moves: where they are is a function of time alone, so that any frame can be rendered by itself.
struct StreetTraffic {
    /// A row of people or cars that keep their distance along the road; each has a number and a place of its own.
    private struct Stream {
        let kind: UInt64
        let spacing: Double
        let speed: Double
        /// The part of the places that is taken.
        let fullness: Float
        /// Places that are always taken, so that whoever it is appears early in every drive.
        var certain: ClosedRange<Int>?

        /// Calls `body` with the number and the place of everyone from `from` to `to` at `seconds`.
        func visit(
            seed: UInt64, seconds: Double, from: Double, to: Double, _ body: (Int, Double, inout DriveRandom) -> Void
        ) {
            let offset = speed * seconds
            let first = Int(((from - offset) / spacing).rounded(.down))
            let last = Int(((to - offset) / spacing).rounded(.down))
            guard first <= last else { return }
            for number in first...last {
                var random = DriveRandom(seed, kind, number)
                let isTaken = random.chance(fullness)
                guard isTaken || certain?.contains(number) == true else { continue }
                body(number, (Double(number) + Double(random.within(0.1, 0.9))) * spacing + offset, &random)
            }
        }
    }

    private let seed: UInt64
    private let road: StreetRoad
    private let oncoming: Stream
    private let walkers: [(stream: Stream, side: Float, facing: Float)]
    private let riders: Stream
    private let gap: (mean: Float, swing: Float, turn: Double)
    private let leader: UInt64
    private let cars = CarModel()
    private let people = PersonModel()

    init(seed: UInt64, road: StreetRoad) {
        self.seed = seed
        self.road = road
        var random = DriveRandom(seed, 70)
        oncoming = Stream(
            kind: 71, spacing: Double(random.within(22, 60)), speed: -Double(random.within(8, 13)),
            fullness: random.within(0.45, 0.9))
        var walkers: [(stream: Stream, side: Float, facing: Float)] = []
        for side in [-1, 1] as [Float] {
            for facing in [-1, 1] as [Float] {
                let stream = Stream(
                    kind: 72 + UInt64(walkers.count), spacing: Double(random.within(8, 20)),
                    speed: Double(facing * random.within(1.1, 1.6)), fullness: random.within(0.45, 0.9))
                walkers.append((stream, side, facing))
            }
        }
        self.walkers = walkers
        riders = Stream(
            kind: 78, spacing: Double(random.within(22, 45)), speed: Double(random.within(4, 5.5)),
            fullness: random.within(0.5, 0.9), certain: 0...1)
        gap = (random.within(16, 34), random.within(3, 9), Double(random.unit()))
        leader = random.next()
    }

    func draw(brush: inout SceneBrush) {
        let camera = brush.camera
        let seconds = brush.seconds
        let near = camera.s - 14
        // The car ahead.
        let sway = Float(Wave.sine(turns: seconds / 19 + gap.turn))
        let slowing = Wave.cosine(turns: seconds / 19 + gap.turn) < -0.4
        cars.draw(
            variant: leader, s: camera.s + Double(gap.mean + gap.swing * sway), t: road.side * road.laneWidth / 2,
            facing: 1, isBraking: slowing, allowsBus: false, brush: &brush)
        oncoming.visit(seed: seed, seconds: seconds, from: near, to: camera.s + 320) { _, s, random in
            cars.draw(
                variant: random.next(), s: s, t: -road.side * (road.laneWidth / 2 + random.within(-0.2, 0.2)),
                facing: -1, isBraking: false, allowsBus: true, brush: &brush)
        }
        for (stream, side, facing) in walkers {
            let width = road.pavement(on: side)
            stream.visit(seed: seed, seconds: seconds, from: near, to: camera.s + 160) { _, s, random in
                let party = random.chance(0.3) ? 2 : 1
                let across = random.within(0.75, max(width - 0.6, 0.8))
                for member in 0..<party {
                    let t = side * (road.halfWidth + across + Float(member) * 0.6)
                    people.walker(
                        variant: random.next(), s: s + Double(member) * 0.2, t: t, facing: facing, across: 0,
                        distance: Float(seconds * 1.35) + Float(member) * 0.4 + across, brush: &brush)
                }
            }
        }
        riders.visit(seed: seed, seconds: seconds, from: near, to: camera.s + 170) { _, s, random in
            let wobble = 0.1 * Float(Wave.sine(turns: seconds / 3 + Double(random.unit())))
            people.bicyclist(
                variant: random.next(), s: s, t: road.side * (road.laneWidth - 0.25 + wobble), facing: 1,
                distance: Float(seconds * 5), brush: &brush)
        }
    }

    /// People who cross the road well ahead of the camera, at zebra crossings.
    func drawCrossing(_ crossings: [Double], brush: inout SceneBrush) {
        let camera = brush.camera
        for crossing in crossings {
            let ahead = Float(crossing + 1.6 - camera.s)
            guard ahead > 6, ahead < 130 else { continue }
            var random = DriveRandom(seed, 79, Int(crossing * 16))
            for _ in 0..<(1 + random.index(3)) {
                let from = random.within(60, 100)
                let progress = (from - ahead) / 52
                let side: Float = random.chance(0.5) ? 1 : -1
                let variant = random.next()
                let offset = Double(random.within(-1.1, 1.1))
                guard progress > -0.1, progress < 1.1 else { continue }
                let t = side * (road.halfWidth + 1 - progress * 2 * (road.halfWidth + 1))
                people.walker(
                    variant: variant, s: crossing + 1.6 + offset, t: t, facing: -1, across: -side,
                    distance: progress * 12, brush: &brush)
            }
        }
    }

    /// A car parked at the kerb.
    func drawParked(_ thing: StreetPlan.Thing, brush: inout SceneBrush) {
        let facing = thing.side == road.side ? 1 as Float : -1
        cars.draw(
            variant: thing.variant, s: thing.s, t: thing.t, facing: facing, isBraking: false, allowsBus: false,
            brush: &brush)
    }
}
