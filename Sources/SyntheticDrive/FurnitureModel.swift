/// Puts trees, lamps, signs, rails and the like into a frame.
struct FurnitureModel {
    let road: StreetRoad

    func draw(_ thing: StreetPlan.Thing, brush: inout SceneBrush) {
        let anchor = brush.camera.anchor(thing.s, thing.t)
        let reach = max(thing.length, 6)
        guard anchor.z > -reach, anchor.z < 330 else { return }
        var random = DriveRandom(thing.variant, 50)
        switch thing.kind {
        case .tree: tree(thing, anchor, &random, brush: &brush)
        case .bush: bush(anchor, &random, brush: &brush)
        case .lamp: lamp(thing, anchor, &random, brush: &brush)
        case .telegraphPole: telegraphPole(anchor, &random, brush: &brush)
        case .sign: sign(thing, anchor, &random, brush: &brush)
        case .board: board(anchor, &random, brush: &brush)
        case .trafficLight: trafficLight(thing, anchor, &random, brush: &brush)
        case .bollard:
            post(anchor, from: 0, to: 0.95, width: 0.13, 0.12, SIMD3(0.14, 0.14, 0.15), brush: &brush)
        case .bin:
            post(anchor, from: 0, to: 1.0, width: 0.5, 0.5, SIMD3(0.14, 0.2, 0.17), brush: &brush)
        case .guardRail: rail(thing, brush: &brush)
        case .parkedCar: break
        }
    }

    private func up(_ anchor: StreetCamera.Anchor, _ height: Float, right: Float = 0, ahead: Float = 0) -> SIMD3<Float>
    {
        SIMD3(anchor.x + right, anchor.y + height, anchor.z + ahead)
    }

    private func post(
        _ anchor: StreetCamera.Anchor, from: Float, to: Float, width: Float, _ topWidth: Float, _ tint: SIMD3<Float>,
        brush: inout SceneBrush
    ) {
        brush.list.limb(
            from: up(anchor, from), to: up(anchor, to), width: width, topWidth,
            brush.paint(scattering: brush.textures.things.round, .pole, tint: tint))
    }

    private func tree(
        _ thing: StreetPlan.Thing, _ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush
    ) {
        let height = random.within(5.5, 11)
        let radius = height * random.within(0.27, 0.38)
        let nature = brush.textures.nature
        let isBare = brush.light.season == .winter ? random.chance(0.85) : random.chance(0.06)
        dapple(thing, anchor, height: height, radius: radius, isBare: isBare, brush: &brush)
        if isBare {
            let paint = brush.paint(scattering: nature.bare[random.index(nature.bare.count)], .tree)
            let half = height * 0.5
            card(anchor, left: -half, right: half, from: -0.1, to: height, ahead: 0, paint, brush: &brush)
            return
        }
        let bark = brush.paint(scattering: nature.bark, .tree)
        let lean = random.within(-0.2, 0.2)
        let crownBase = height * random.within(0.25, 0.36)
        brush.list.limb(
            from: up(anchor, -0.1), to: up(anchor, height * 0.6, right: lean), width: height * 0.045 + 0.05,
            height * 0.025, bark, tiles: 2)
        let tint = SIMD3<Float>(1, 1, 1) * random.within(0.85, 1.12)
        let sunSide = brush.toSun.x * 0.1
        for (dx, dy, dz, size, shade) in [
            (0, 0, 0.5, 1.0, 0.86), (-0.42, -0.14, 0, 0.66, 0.94 - sunSide), (0.42, -0.1, -0.2, 0.68, 0.94 + sunSide),
            (0.02, 0.16, -0.5, 0.7, 1.06),
        ] as [(Float, Float, Float, Float, Float)] {
            let paint = brush.paint(
                scattering: nature.crowns[random.index(nature.crowns.count)], .tree, tint: tint * shade,
                isDithered: true)
            let middle = crownBase + (height - crownBase) * 0.5 + dy * radius
            let half = (height - crownBase) * 0.5 * size
            card(
                anchor, left: dx * radius - radius * size + lean, right: dx * radius + radius * size + lean,
                from: middle - half, to: middle + half, ahead: dz * radius, paint, brush: &brush)
        }
    }

    /// A picture that faces the camera.
    private func card(
        _ anchor: StreetCamera.Anchor, left: Float, right: Float, from: Float, to: Float, ahead: Float,
        _ paint: SurfacePaint, brush: inout SceneBrush
    ) {
        let z = anchor.z + ahead
        brush.list.quad(
            Corner(anchor.x + left, anchor.y + to, z, 0.002, 0.002),
            Corner(anchor.x + right, anchor.y + to, z, 0.998, 0.002),
            Corner(anchor.x + right, anchor.y + from, z, 0.998, 0.998),
            Corner(anchor.x + left, anchor.y + from, z, 0.002, 0.998), paint)
    }

    private func dapple(
        _ thing: StreetPlan.Thing, _ anchor: StreetCamera.Anchor, height: Float, radius: Float, isBare: Bool,
        brush: inout SceneBrush
    ) {
        guard anchor.z < 100 else { return }
        guard brush.light.isSunny else {
            brush.shade(
                GroundShadow(
                    z: anchor.z, t: thing.t, halfLength: 0.6, halfWidth: 0.6, kept: 190, soft: 0.4, isRound: true))
            return
        }
        let reach = height * 0.6 / max(brush.toSun.y, 0.2)
        let kept: Int32 = isBare ? 222 : 176
        for (dz, dt, size) in [(0, 0, 0.8), (0.5, 0.4, 0.5), (-0.6, 0.3, 0.45), (0.3, -0.6, 0.5), (-0.4, -0.5, 0.5)]
            as [(Float, Float, Float)]
        {
            brush.shade(
                GroundShadow(
                    z: anchor.z - brush.toSun.z * reach + dz * radius, t: thing.t - brush.toSun.x * reach + dt * radius,
                    halfLength: radius * size, halfWidth: radius * size, kept: kept, soft: 0.35, isRound: true))
        }
    }

    private func bush(_ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush) {
        let crowns = brush.textures.nature.crowns
        let half = random.within(0.8, 1.6)
        let height = random.within(1.0, 2.2)
        let paint = brush.paint(
            scattering: crowns[random.index(crowns.count)], .tree, tint: SIMD3(repeating: random.within(0.75, 1)),
            isDithered: true)
        card(anchor, left: -half, right: half, from: -0.35 * height, to: height, ahead: 0, paint, brush: &brush)
    }

    private func lamp(
        _ thing: StreetPlan.Thing, _ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush
    ) {
        let height = random.within(6, 9)
        let steel = SIMD3<Float>(repeating: random.within(0.34, 0.5))
        post(anchor, from: 0, to: 1.4, width: 0.2, 0.18, steel * 0.9, brush: &brush)
        post(anchor, from: 1.4, to: height, width: 0.14, 0.09, steel, brush: &brush)
        let arm = -thing.side * random.within(0.9, 1.9)
        let paint = brush.paint(scattering: brush.textures.things.round, .pole, tint: steel)
        brush.list.limb(
            from: up(anchor, height - 0.05), to: up(anchor, height + 0.25, right: arm), width: 0.08, 0.07, paint)
        let head = brush.paint(scattering: brush.textures.things.plain, .pole, tint: SIMD3(0.5, 0.5, 0.5))
        let out: Float = arm > 0 ? 0.6 : -0.6
        brush.list.limb(
            from: up(anchor, height + 0.22, right: arm), to: up(anchor, height + 0.26, right: arm + out), width: 0.16,
            0.12, head)
    }

    private func telegraphPole(_ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush) {
        let height = random.within(7, 8.5)
        let wood = SIMD3<Float>(0.34, 0.29, 0.25)
        post(anchor, from: 0, to: height, width: 0.26, 0.19, wood, brush: &brush)
        brush.list.limb(
            from: up(anchor, height - 0.6, right: -0.9), to: up(anchor, height - 0.6, right: 0.9), width: 0.1, 0.1,
            brush.paint(scattering: brush.textures.things.plain, .pole, tint: wood))
    }

    private func sign(
        _ thing: StreetPlan.Thing, _ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush
    ) {
        let top = random.within(2.5, 3.0)
        post(anchor, from: 0, to: top, width: 0.08, 0.08, SIMD3(0.42, 0.43, 0.44), brush: &brush)
        let things = brush.textures.things
        let size = random.within(0.3, 0.42)
        let isOurs = thing.side == road.side || random.chance(0.4)
        let count = random.chance(0.3) ? 2 : 1
        for k in 0..<count {
            let centre = top - size - Float(k) * (size * 2 + 0.06)
            // Seen from behind a sign is a grey disc.
            let paint =
                isOurs
                ? brush.paint(
                    things.signs[random.index(things.signs.count)], .signSymbol, facing: SIMD3(0, 0.2, -0.98),
                    isDithered: false)
                : brush.paint(
                    things.ball, .signSymbol, facing: SIMD3(0, 0.2, -0.98), tint: SIMD3(0.5, 0.51, 0.52),
                    isDithered: false)
            card(
                anchor, left: -size, right: size, from: centre - size, to: centre + size, ahead: -0.06, paint,
                brush: &brush)
        }
    }

    private func board(_ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush) {
        let half = random.within(0.6, 1.0)
        let low = random.within(1.7, 2.2)
        let high = low + random.within(0.7, 1.2)
        let things = brush.textures.things
        for x in [-0.75, 0.75] as [Float] {
            brush.list.limb(
                from: up(anchor, 0, right: x * half), to: up(anchor, high, right: x * half), width: 0.09, 0.09,
                brush.paint(scattering: things.round, .pole, tint: SIMD3(0.4, 0.41, 0.42)))
        }
        let paint = brush.paint(
            things.boards[random.index(things.boards.count)], .signSymbol, facing: SIMD3(0, 0.1, -0.99))
        card(anchor, left: -half, right: half, from: low, to: high, ahead: -0.08, paint, brush: &brush)
    }

    private func trafficLight(
        _ thing: StreetPlan.Thing, _ anchor: StreetCamera.Anchor, _ random: inout DriveRandom, brush: inout SceneBrush
    ) {
        post(anchor, from: 0, to: 3.2, width: 0.12, 0.11, SIMD3(0.2, 0.2, 0.21), brush: &brush)
        let signals = brush.textures.things.signals
        let cycle = brush.seconds / 13 + Double(random.unit())
        let lit = cycle - cycle.rounded(.down) < 0.3 ? 0 : 1
        let paint = brush.paint(
            signals[lit % signals.count], .signSymbol, facing: SIMD3(0, 0.1, -0.99), tint: SIMD3(repeating: 1.05))
        card(anchor, left: -0.2, right: 0.2, from: 2.2, to: 3.2, ahead: -0.1, paint, brush: &brush)
    }

    private func rail(_ thing: StreetPlan.Thing, brush: inout SceneBrush) {
        let near = brush.camera.anchor(thing.s, thing.t)
        let far = brush.camera.anchor(thing.s + Double(thing.length), thing.t)
        guard far.z > StreetCamera.near else { return }
        let paint = brush.paint(
            brush.textures.things.railing, .fence, facing: SIMD3(-thing.side, 0, 0), isDithered: false)
        let tiles = thing.length / 2
        brush.list.quad(
            Corner(near.x, near.y + 1.15, near.z, 0, 0), Corner(far.x, far.y + 1.15, far.z, tiles, 0),
            Corner(far.x, far.y + 0.1, far.z, tiles, 1), Corner(near.x, near.y + 0.1, near.z, 0, 1), paint)
    }
}
