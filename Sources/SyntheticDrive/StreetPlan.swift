/// What stands along the road, worked out anew from the seed for the stretch in view: block by block, so that the
/// street has no end.
struct StreetPlan {
    /// The length of a block.
    static let block = 96.0

    enum District: Int, CaseIterable { case centre, terrace, suburb, modern, park }

    enum Ground { case paved, grass, asphalt }

    /// A house.
    struct House {
        var start: Double
        var end: Double
        /// From the edge of the pavement.
        var setback: Float
        var depth: Float
        var storeys: Int
        var style: Int
        /// A shop's number, or nil for a dwelling.
        var shop: Int?
        /// The height of the roof's ridge above the eaves; 0 for a flat roof.
        var rise: Float
        var roof: Int
        var tint: SIMD3<Float>
        var phase: Float

        /// The height of the eaves.
        var eaves: Float { FacadeTextures.groundFloorHeight + Float(storeys - 1) * FacadeTextures.storey }
    }

    /// What closes a plot towards the pavement.
    enum Boundary { case open, hedge, railing, panels, wall }

    /// A piece of one side of the street.
    struct Lot {
        var start: Double
        var end: Double
        var ground: Ground
        var house: House?
        var boundary: Boundary
        var variant: Int
        /// Whether another street joins here.
        var isJunction: Bool { ground == .asphalt }
    }

    enum Kind { case tree, bush, lamp, sign, board, trafficLight, bollard, telegraphPole, guardRail, parkedCar, bin }

    /// Anything that stands still and is no house.
    struct Thing {
        var kind: Kind
        /// Metres along, and right of the centre line.
        var s: Double
        var t: Float
        /// +1 right of the road, -1 left.
        var side: Float
        var variant: UInt64
        /// Metres along the road, where that matters.
        var length: Float = 0
    }

    private let seed: UInt64
    private let road: StreetRoad
    private(set) var left: [Lot] = []
    private(set) var right: [Lot] = []
    private(set) var things: [Thing] = []
    /// Where zebra crossings begin, each 3.2 m long.
    private(set) var crossings: [Double] = []

    init(seed: UInt64, road: StreetRoad) {
        self.seed = seed
        self.road = road
    }

    /// Plans the street from `from` to `to`.
    mutating func cover(from: Double, to: Double) {
        left.removeAll(keepingCapacity: true)
        right.removeAll(keepingCapacity: true)
        things.removeAll(keepingCapacity: true)
        crossings.removeAll(keepingCapacity: true)
        let first = Int((from / Self.block).rounded(.down))
        let last = Int((to / Self.block).rounded(.down))
        for block in first...max(first, last) {
            if let crossing = Self.crossing(seed: seed, block: block) { crossings.append(crossing) }
            plan(block, side: -1, into: \.left)
            plan(block, side: 1, into: \.right)
        }
    }

    /// The lots on one side.
    func lots(on side: Float) -> [Lot] { side > 0 ? right : left }

    /// Where the zebra crossing of a block begins, if it has one.
    static func crossing(seed: UInt64, block: Int) -> Double? {
        var random = DriveRandom(seed, 41, block)
        guard random.chance(0.4) else { return nil }
        return Double(block) * Self.block + Double(random.within(40, 60))
    }

    private func district(_ block: Int, side: Float) -> District {
        var random = DriveRandom(seed, 42, Int((Double(block) / 4).rounded(.down)))
        let shared: [District] = [.centre, .terrace, .suburb, .modern, .centre, .terrace]
        let base = shared[random.index(shared.count)]
        var own = DriveRandom(seed, side > 0 ? 43 : 44, block)
        if own.chance(0.16) { return .park }
        if own.chance(0.2) { return District.allCases[own.index(4)] }
        return base
    }

    private mutating func plan(_ block: Int, side: Float, into lots: WritableKeyPath<StreetPlan, [Lot]>) {
        var random = DriveRandom(seed, side > 0 ? 45 : 46, block)
        let district = district(block, side: side)
        let start = Double(block) * Self.block
        let end = start + Self.block
        let hasJunction = random.chance(0.35)
        let junction = hasJunction ? end - Double(random.within(8, 12)) : end
        let style = random.index(10)
        let setback = random.within(0, 1)
        let storeys = random.index(3)
        let boundary = random.index(4)
        var s = start
        while s < junction - 1 {
            let lot = self.lot(
                from: s, to: junction, district: district, blockStyle: style, blockSetback: setback,
                blockStoreys: storeys, blockBoundary: boundary, random: &random)
            self[keyPath: lots].append(lot)
            s = lot.end
        }
        if hasJunction {
            self[keyPath: lots].append(
                Lot(start: junction, end: end, ground: .asphalt, house: nil, boundary: .open, variant: 0))
        }
        furnish(block, side: side, district: district, junction: hasJunction ? junction : nil, random: &random)
    }

    private func lot(
        from: Double, to: Double, district: District, blockStyle: Int, blockSetback: Float, blockStoreys: Int,
        blockBoundary: Int, random: inout DriveRandom
    ) -> Lot {
        var frontage: Float
        switch district {
        case .centre: frontage = random.within(7, 16)
        case .terrace: frontage = random.within(5.5, 8)
        case .suburb: frontage = random.within(13, 20)
        case .modern: frontage = random.within(18, 34)
        case .park: frontage = random.within(20, 40)
        }
        var end = from + Double(frontage)
        if to - end < 6 { end = to }
        var lot = Lot(
            start: from, end: end, ground: .paved, house: nil, boundary: .open, variant: random.index(1000))
        guard district != .park, !(district != .centre && random.chance(0.08)) else {
            lot.ground = .grass
            lot.boundary = [.railing, .hedge, .railing, .panels][blockBoundary]
            return lot
        }
        let light = random.within(0.86, 1.12)
        var house = House(
            start: from, end: end, setback: 0, depth: random.within(8, 12), storeys: 2, style: blockStyle, shop: nil,
            rise: 0, roof: random.index(3),
            tint: SIMD3(light, light * random.within(0.97, 1.02), light * random.within(0.94, 1.03)),
            phase: Float(random.index(4)) * 0.25)
        switch district {
        case .centre:
            house.storeys = 2 + random.index(4)
            house.style = random.index(10)
            house.shop = random.chance(0.75) ? random.index(6) : nil
            house.rise = random.chance(0.5) ? random.within(1.5, 3.5) : 0
        case .terrace:
            house.storeys = 2 + (blockStoreys == 2 ? 1 : 0)
            house.setback = blockSetback * 3
            if random.chance(0.25) { house.style = random.index(10) }
            house.shop = random.chance(0.1) ? random.index(6) : nil
            house.rise = random.within(2, 3)
            lot.boundary = blockSetback > 0.45 ? [.wall, .hedge, .railing, .wall][blockBoundary] : .open
        case .suburb:
            house.start += Double(random.within(1.5, 3.5))
            house.end -= Double(random.within(1.5, 4.5))
            house.setback = 4 + blockSetback * 5
            house.style = random.index(10)
            house.rise = random.within(2.2, 3.4)
            lot.ground = random.chance(0.75) ? .grass : .paved
            lot.boundary = [.hedge, .panels, .wall, .hedge][random.chance(0.6) ? blockBoundary : random.index(4)]
        case .modern, .park:
            house.storeys = 3 + random.index(6)
            house.setback = blockSetback * 5
            house.style = [4, 6, 7, 8, 6, 3][random.index(6)]
            house.shop = random.chance(0.35) ? random.index(6) : nil
            house.depth = random.within(12, 18)
            lot.ground = random.chance(0.4) ? .grass : .paved
            if lot.ground == .grass && house.setback > 2 { lot.boundary = random.chance(0.5) ? .railing : .hedge }
        }
        lot.house = house
        return lot
    }

    private mutating func furnish(
        _ block: Int, side: Float, district: District, junction: Double?, random: inout DriveRandom
    ) {
        let start = Double(block) * Self.block
        let end = junction ?? start + Self.block
        let kerb = side * road.halfWidth
        let outer = side * (road.halfWidth + road.pavement(on: side))
        func add(_ kind: Kind, _ s: Double, _ t: Float, length: Float = 0, _ random: inout DriveRandom) {
            things.append(Thing(kind: kind, s: s, t: t, side: side, variant: random.next(), length: length))
        }
        // Lamps on one side of the street more often than on both.
        let lampStep = Double(random.within(24, 32))
        if (side > 0) == (block % 2 == 0) || random.chance(0.35) {
            var s = start + Double(random.within(4, 14))
            while s < end - 3 {
                add(district == .suburb && random.chance(0.3) ? .telegraphPole : .lamp, s, kerb + side * 0.45, &random)
                s += lampStep
            }
        }
        // Trees.
        let density: Float
        switch district {
        case .centre: density = random.chance(0.5) ? 0.4 : 0.1
        case .terrace: density = 0.3
        case .suburb: density = 0.7
        case .modern: density = 0.75
        case .park: density = 1
        }
        var s = start + Double(random.within(2, 8))
        while s < end - 4 {
            if random.chance(density) { add(.tree, s, outer + side * random.within(-0.3, 0.5), &random) }
            if district == .park || (district == .suburb && random.chance(0.6)) {
                add(random.chance(0.65) ? .tree : .bush, s + 3, outer + side * random.within(1.5, 14), &random)
            }
            s += Double(random.within(7, 13))
        }
        // Signs, boards, bins, bollards.
        s = start + Double(random.within(6, 20))
        while s < end - 2 {
            add(random.chance(0.1) ? .board : .sign, s, kerb + side * random.within(0.4, 0.7), &random)
            s += Double(random.within(16, 38))
        }
        if random.chance(0.5) { add(.bin, start + Double(random.within(5, 70)), kerb + side * 0.6, &random) }
        if random.chance(0.3) {
            let from = start + Double(random.within(5, 60))
            for k in 0..<(3 + random.index(5)) { add(.bollard, from + Double(k) * 1.6, kerb + side * 0.35, &random) }
        }
        // A rail between pavement and carriageway.
        if random.chance(0.55) || (block == 0 && side == road.side) {
            let length = random.within(10, 26)
            let from = block == 0 ? start + Double(random.within(9, 16)) : start + Double(random.within(4, 60))
            add(.guardRail, from, kerb + side * 0.3, length: length, &random)
        }
        if let junction {
            add(.trafficLight, junction - 1.5, kerb + side * 0.5, &random)
        } else if Self.crossing(seed: seed, block: block) != nil {
            add(.trafficLight, start + 38, kerb + side * 0.5, &random)
        }
        park(block, side: side, until: end, random: &random)
    }

    private mutating func park(_ block: Int, side: Float, until end: Double, random: inout DriveRandom) {
        guard road.hasParking else { return }
        let fullness = random.within(0.05, 0.6)
        let crossing = Self.crossing(seed: seed, block: block) ?? -1000
        var s = Double(block) * Self.block + 4
        while s < end - 9 {
            let keepsClear = s > crossing - 12 && s < crossing + 8
            if random.chance(fullness), !keepsClear {
                let t = side * (road.halfWidth - random.within(1.0, 1.12))
                things.append(Thing(kind: .parkedCar, s: s, t: t, side: side, variant: random.next()))
            }
            s += Double(random.within(5.4, 6.4))
        }
    }
}
