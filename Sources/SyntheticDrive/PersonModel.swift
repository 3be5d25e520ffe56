/// Puts pedestrians and bicyclists into a frame, limb by limb.
struct PersonModel {
    private static let cloths: [SIMD3<Float>] = [
        SIMD3(0.12, 0.12, 0.14), SIMD3(0.2, 0.22, 0.3), SIMD3(0.32, 0.3, 0.28), SIMD3(0.46, 0.16, 0.16),
        SIMD3(0.2, 0.3, 0.42), SIMD3(0.58, 0.56, 0.52), SIMD3(0.16, 0.2, 0.17), SIMD3(0.26, 0.2, 0.16),
        SIMD3(0.1, 0.1, 0.11), SIMD3(0.7, 0.68, 0.3),
    ]
    private static let trousers: [SIMD3<Float>] = [
        SIMD3(0.11, 0.11, 0.13), SIMD3(0.16, 0.19, 0.28), SIMD3(0.2, 0.18, 0.16), SIMD3(0.3, 0.28, 0.25),
        SIMD3(0.09, 0.09, 0.1),
    ]
    private static let skins: [SIMD3<Float>] = [
        SIMD3(0.76, 0.6, 0.52), SIMD3(0.66, 0.5, 0.42), SIMD3(0.46, 0.33, 0.27), SIMD3(0.34, 0.24, 0.2),
    ]
    private static let hairs: [SIMD3<Float>] = [
        SIMD3(0.12, 0.1, 0.09), SIMD3(0.3, 0.22, 0.15), SIMD3(0.56, 0.46, 0.3), SIMD3(0.6, 0.59, 0.57),
    ]

    /// Draws someone at (s, t) who has walked `distance` metres; `across` 0 along the road, ±1 across it.
    func walker(
        variant: UInt64, s: Double, t: Float, facing: Float, across: Float, distance: Float, brush: inout SceneBrush
    ) {
        let anchor = brush.camera.anchor(s, t)
        guard anchor.z > 1, anchor.z < 170 else { return }
        var random = DriveRandom(variant, 60)
        let height = random.within(1.55, 1.9)
        let build = random.within(0.92, 1.15)
        let cloth = Self.cloths[random.index(Self.cloths.count)]
        let leg = Self.trousers[random.index(Self.trousers.count)]
        let skin = Self.skins[random.index(Self.skins.count)]
        let hair = Self.hairs[random.index(Self.hairs.count)]
        let hasCoat = random.chance(0.4)
        let hasBag = random.chance(0.3)
        let place = Placement(anchor: anchor, facing: facing)
        let things = brush.textures.things
        let swing = Float(Wave.sine(turns: Double(distance / 1.4)))
        func paint(_ texture: TextureAtlas.Reference, _ tint: SIMD3<Float>) -> SurfacePaint {
            brush.paint(scattering: texture, .pedestrian, tint: tint)
        }
        func point(_ along: Float, _ right: Float, _ up: Float) -> SIMD3<Float> {
            // Someone who crosses the road moves sideways as the road sees it.
            across == 0
                ? place.point(along, right, up) : place.point(right, along * across * facing, up)
        }
        brush.shade(
            GroundShadow(
                z: Float(s - brush.camera.s), t: t, halfLength: 0.25, halfWidth: 0.3, kept: 150, soft: 0.12,
                isRound: true))
        if brush.light.isSunny {
            let reach = 0.8 / max(brush.toSun.y, 0.25)
            brush.shade(
                GroundShadow(
                    z: Float(s - brush.camera.s) - brush.toSun.z * reach, t: t - brush.toSun.x * reach,
                    halfLength: 0.25 + abs(brush.toSun.z) * reach, halfWidth: 0.2 + abs(brush.toSun.x) * reach * 0.5,
                    kept: 190, soft: 0.15, isRound: true))
        }
        let hip = height * 0.5
        let shoulder = height * 0.82
        let trouser = paint(things.sleeve, leg)
        for side in [-1, 1] as [Float] {
            let stride = swing * side * 0.32
            let foot = point(stride, side * 0.1, max(0.04, -stride * side * 0.1))
            let knee = point(stride * 0.45 + 0.06, side * 0.1, hip * 0.53)
            brush.list.limb(from: foot, to: knee, width: 0.12, 0.14 * build, trouser)
            brush.list.limb(from: knee, to: point(0, side * 0.09, hip), width: 0.14 * build, 0.2 * build, trouser)
            let toe = point(stride + 0.2, side * 0.1, 0.06)
            brush.list.limb(from: foot, to: toe, width: 0.1, 0.08, paint(things.plain, SIMD3(0.1, 0.09, 0.09)))
        }
        let body = paint(things.sleeve, cloth)
        let wide = (across == 0 ? 0.44 : 0.3) * build
        brush.list.limb(
            from: point(0, 0, hasCoat ? height * 0.34 : hip * 0.94), to: point(0.03, 0, shoulder),
            width: hasCoat ? wide * 1.05 : wide * 0.9, wide,
            paint(things.torso, cloth))
        brush.list.limb(
            from: point(0.03, 0, shoulder - 0.01), to: point(0.03, 0, height * 0.87), width: wide * 0.8, 0.12, body)
        for side in [-1, 1] as [Float] {
            let elbow = point(-swing * side * 0.12, side * 0.25 * build, height * 0.62)
            let hand = point(-swing * side * 0.24 + 0.06, side * 0.24 * build, height * 0.47)
            brush.list.limb(from: elbow, to: point(0.02, side * 0.2 * build, shoulder), width: 0.1, 0.12, body)
            brush.list.limb(from: hand, to: elbow, width: 0.08, 0.1, body)
            if hasBag && side > 0 {
                brush.list.limb(
                    from: point(-swing * side * 0.2, 0.3, height * 0.26), to: hand, width: 0.3, 0.2,
                    paint(things.round, hair * 1.2))
            }
        }
        head(
            at: point(0.05, 0, height * 0.925), size: 0.24, skin: skin, hair: hair, isAway: facing > 0,
            kind: .pedestrian, brush: &brush)
    }

    private func head(
        at centre: SIMD3<Float>, size: Float, skin: SIMD3<Float>, hair: SIMD3<Float>, isAway: Bool, kind: StreetClass,
        brush: inout SceneBrush
    ) {
        let ball = brush.textures.things.ball
        let up = SIMD3<Float>(0, size / 2, 0)
        let nearer = SIMD3<Float>(0, 0, 0.03)
        brush.list.limb(
            from: centre - up, to: centre + up, width: size * 0.78, size * 0.78,
            brush.paint(scattering: ball, kind, tint: isAway ? hair : skin))
        let crown = SIMD3<Float>(0, size * (isAway ? 0.1 : 0.22), 0)
        brush.list.limb(
            from: centre + crown - up * 0.55 - nearer, to: centre + up * 1.08 - nearer, width: size * 0.8,
            size * 0.8, brush.paint(scattering: ball, kind, tint: hair))
    }

    /// Draws a bicycle and its rider, the rear wheel's foot at (s, t).
    func bicyclist(
        variant: UInt64, s: Double, t: Float, facing: Float, distance: Float, brush: inout SceneBrush
    ) {
        let anchor = brush.camera.anchor(s, t)
        guard anchor.z > 1.4, anchor.z < 180 else { return }
        var random = DriveRandom(variant, 61)
        let cloth = Self.cloths[random.index(Self.cloths.count)]
        let leg = Self.trousers[random.index(Self.trousers.count)]
        let skin = Self.skins[random.index(Self.skins.count)]
        let helmet = random.chance(0.6) ? SIMD3<Float>(0.7, 0.7, 0.68) : Self.hairs[random.index(4)]
        let frame = Self.cloths[random.index(Self.cloths.count)] + 0.08
        let place = Placement(anchor: anchor, facing: facing)
        let things = brush.textures.things
        func paint(_ texture: TextureAtlas.Reference, _ tint: SIMD3<Float>) -> SurfacePaint {
            brush.paint(scattering: texture, .bicyclist, tint: tint)
        }
        brush.shade(
            GroundShadow(
                z: Float(s - brush.camera.s) + facing * 0.5, t: t, halfLength: 0.95, halfWidth: 0.22, kept: 140,
                soft: 0.15, isRound: true))
        let rubber = paint(things.plain, SIMD3(0.1, 0.1, 0.1))
        let spokes = paint(things.spokes, SIMD3(1, 1, 1))
        let radius: Float = 0.34
        for a in [0, 1.05] as [Float] {
            brush.list.quad(
                place.corner(a - radius, 0, 2 * radius, 0, 0), place.corner(a + radius, 0, 2 * radius, 1, 0),
                place.corner(a + radius, 0, 0, 1, 1), place.corner(a - radius, 0, 0, 0, 1), spokes)
            // The tyre as it is seen from before or behind.
            brush.list.limb(
                from: place.point(a, 0, 0), to: place.point(a, 0, 2 * radius), width: 0.045, 0.045, rubber)
        }
        let metal = paint(things.plain, frame)
        let crank = place.point(0.45, 0, 0.3)
        let saddle = place.point(0.25, 0, 0.92)
        let stem = place.point(0.9, 0, 0.85)
        for (from, to) in [
            (place.point(0, 0, radius), crank), (place.point(0, 0, radius), saddle), (crank, saddle), (crank, stem),
            (place.point(0.3, 0, 0.78), stem), (place.point(1.05, 0, radius), place.point(0.86, 0, 1.02)),
        ] {
            brush.list.limb(from: from, to: to, width: 0.04, 0.04, metal)
        }
        brush.list.limb(
            from: place.point(0.86, -0.27, 1.02), to: place.point(0.86, 0.27, 1.02), width: 0.035, 0.035, rubber)
        let hip = place.point(0.28, 0, 0.98)
        let shoulder = place.point(0.62, 0, 1.46)
        let turn = Double(distance / 5)
        let trouser = paint(things.sleeve, leg)
        for side in [-1, 1] as [Float] {
            let phase = turn + (side > 0 ? 0.5 : 0)
            let foot = place.point(
                0.45 + 0.17 * Float(Wave.cosine(turns: phase)), side * 0.13, 0.3 + 0.17 * Float(Wave.sine(turns: phase))
            )
            let knee = place.point(
                0.62 + 0.06 * Float(Wave.cosine(turns: phase)), side * 0.14,
                0.74 + 0.13 * Float(Wave.sine(turns: phase)))
            brush.list.limb(from: foot, to: knee, width: 0.1, 0.14, trouser)
            brush.list.limb(from: knee, to: place.point(0.28, side * 0.1, 0.98), width: 0.14, 0.19, trouser)
            let hand = place.point(0.84, side * 0.25, 1.04)
            brush.list.limb(
                from: hand, to: place.point(0.6, side * 0.19, 1.42), width: 0.09, 0.13, paint(things.sleeve, cloth))
        }
        brush.list.limb(from: hip, to: shoulder, width: 0.38, 0.46, paint(things.torso, cloth))
        head(
            at: place.point(0.7, 0, 1.63), size: 0.25, skin: skin, hair: helmet, isAway: facing > 0, kind: .bicyclist,
            brush: &brush)
    }
}
