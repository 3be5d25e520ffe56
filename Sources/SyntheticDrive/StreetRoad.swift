/// The road: where it bends and rises, how it is divided, and how the camera travels along it.
///
/// A place is (s, t): metres along the centre line, metres to the right of it. Bends and hills are small, so
/// they are shears: a slice of the street at s is the straight street's, moved sideways and up.
struct StreetRoad {
    /// +1 where one drives on the right, -1 on the left.
    let side: Float
    /// The width of a driving lane.
    let laneWidth: Float
    /// From the centre line to the kerb.
    let halfWidth: Float
    /// The width of the pavements, left and right.
    let pavements: (left: Float, right: Float)
    /// The height of the kerb.
    let kerbHeight: Float = 0.12
    /// Whether there is room to park between lane and kerb.
    let hasParking: Bool
    private let bends: [Swing]
    private let hills: [Swing]
    private let speed: Double
    private let surges: [Swing]

    private struct Swing {
        let amplitude: Double
        let length: Double
        let phase: Double

        func value(_ s: Double) -> Double { amplitude * Wave.sine(turns: s / length + phase) }
        func slope(_ s: Double) -> Double {
            amplitude * 6.283_185_307_179_586 / length * Wave.cosine(turns: s / length + phase)
        }
    }

    init(seed: UInt64) {
        var random = DriveRandom(seed, 1)
        side = random.chance(0.5) ? 1 : -1
        laneWidth = random.within(3.1, 3.6)
        hasParking = random.chance(0.55)
        halfWidth = laneWidth + (hasParking ? random.within(2.2, 2.6) : random.within(0.5, 1.0))
        pavements = (random.within(2.6, 4.8), random.within(2.6, 4.8))
        let bendiness = Double(random.within(0.15, 1))
        let hilliness = Double(random.within(0.2, 1))
        func swing(_ amplitude: Double, _ length: Double) -> Swing {
            Swing(
                amplitude: amplitude * Double(random.within(0.6, 1)), length: length * Double(random.within(0.8, 1.25)),
                phase: Double(random.unit()))
        }
        bends = [swing(55 * bendiness, 940), swing(9 * bendiness, 370), swing(2 * bendiness, 170)]
        hills = [swing(3.5 * hilliness, 700), swing(0.5 * hilliness, 230)]
        speed = Double(random.within(8.5, 13))
        surges = [swing(9, 31), swing(2.2, 11.3)]
    }

    /// How far the centre line lies to the right of a straight line, in metres.
    func bend(_ s: Double) -> Double { bends.reduce(0) { $0 + $1.value(s) } }
    /// The centre line's direction: metres to the right a metre.
    func heading(_ s: Double) -> Double { bends.reduce(0) { $0 + $1.slope(s) } }
    /// The road's height in metres.
    func height(_ s: Double) -> Double { hills.reduce(0) { $0 + $1.value(s) } }
    /// The road's gradient: metres up a metre.
    func gradient(_ s: Double) -> Double { hills.reduce(0) { $0 + $1.slope(s) } }

    /// How far the camera has come after `seconds`.
    func distance(at seconds: Double) -> Double {
        speed * seconds + surges.reduce(0) { $0 + $1.value(seconds) - $1.value(0) }
    }

    /// The width of the pavement on `side` (+1 right, -1 left).
    func pavement(on side: Float) -> Float { side > 0 ? pavements.right : pavements.left }
}

/// The camera of one frame: where it stands and how it projects.
struct StreetCamera {
    /// Nothing nearer than this is drawn, in metres.
    static let near: Float = 0.7
    /// Nothing farther than this is drawn, in metres.
    static let far: Float = 420

    let width: Int
    let height: Int
    /// Pixels a unit of slope.
    let focal: Float
    /// Where straight ahead is, in pixels.
    let centreX: Float
    let centreY: Float
    /// Metres along the road, and to the right of its centre line.
    let s: Double
    let t: Float
    /// The direction of travel in the world.
    let heading: Double
    private let eye: Double
    private let road: StreetRoad
    private let bend: Double
    private let rise: Double
    private let gradient: Double

    /// A ground point in camera space, and how the street leans there.
    struct Anchor {
        var x: Float
        var y: Float
        var z: Float
        /// Metres right, and up, for each metre ahead.
        var leanX: Float
        var leanY: Float
    }

    init(road: StreetRoad, seed: UInt64, seconds: Double, width: Int, height: Int) {
        self.road = road
        self.width = width
        self.height = height
        var random = DriveRandom(seed, 2)
        focal = random.within(0.74, 0.92) * Float(max(width, height))
        eye = Double(random.within(1.2, 1.65))
        let aim = random.within(0.44, 0.5)
        let place = random.within(-0.15, 0.15)
        let phase = Double(random.unit())
        s = road.distance(at: seconds)
        bend = road.bend(s)
        heading = road.heading(s)
        rise = road.height(s)
        gradient = road.gradient(s)
        let sway = Float(Wave.sine(turns: seconds / 7.3 + phase))
        t = road.side * (road.laneWidth / 2 + place + 0.12 * sway)
        let turn = (road.heading(s + 6) - heading) * 0.5 + 0.004 * Wave.sine(turns: seconds / 5.1 + phase)
        let nod =
            0.0022 * Wave.sine(turns: seconds / 0.83 + phase) + 0.0012 * Wave.sine(turns: seconds / 0.31)
            + 0.003 * Wave.sine(turns: seconds / 3.7)
        centreX = Float(width) / 2 - Float(turn) * focal
        centreY = Float(height) * aim + Float(nod) * focal
    }

    /// The point (s, t) on the road's surface.
    func anchor(_ along: Double, _ across: Float) -> Anchor {
        let z = along - s
        return Anchor(
            x: Float(road.bend(along) - bend - heading * z) + across - t,
            y: Float(road.height(along) - rise - gradient * z - eye),
            z: Float(z), leanX: Float(road.heading(along) - heading), leanY: Float(road.gradient(along) - gradient))
    }
}
