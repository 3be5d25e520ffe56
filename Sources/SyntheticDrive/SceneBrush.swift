/// All that a model needs to put itself into a frame: where, in what light, of what material.
struct SceneBrush {
    var list: SurfaceList
    var shadows: [GroundShadow] = []
    let light: StreetLight
    let toSun: SIMD3<Float>
    let textures: StreetTextures
    let seconds: Double

    var camera: StreetCamera { list.camera }

    /// Material on a surface that faces `normal` (right, up, ahead; of length 1).
    func paint(
        _ texture: TextureAtlas.Reference, _ kind: StreetClass, facing normal: SIMD3<Float>,
        tint: SIMD3<Float> = SIMD3(1, 1, 1), isDithered: Bool = true
    ) -> SurfacePaint {
        SurfacePaint(
            texture: texture, light: light.factor(normal: normal, toSun: toSun) * tint, code: kind.code,
            isDithered: isDithered)
    }

    /// Material that is lit from all around.
    func paint(
        scattering texture: TextureAtlas.Reference, _ kind: StreetClass, tint: SIMD3<Float> = SIMD3(1, 1, 1),
        isDithered: Bool = false
    ) -> SurfacePaint {
        SurfacePaint(
            texture: texture, light: light.factor(scattered: 0.45) * tint, code: kind.code, isDithered: isDithered)
    }

    /// Notes that something darkens the ground.
    mutating func shade(_ shadow: GroundShadow) {
        if shadow.z > -6, shadow.z < 110 { shadows.append(shadow) }
    }
}

/// Every texture of a drive.
struct StreetTextures {
    let facades: FacadeTextures
    let ground: GroundTextures
    let nature: NatureTextures
    let things: ThingTextures
    let atlas: TextureAtlas

    init(seed: UInt64, season: StreetLight.Season) {
        var builder = TextureAtlas.Builder()
        facades = FacadeTextures(seed: seed, into: &builder)
        ground = GroundTextures(seed: seed, season: season, into: &builder)
        nature = NatureTextures(seed: seed, season: season, into: &builder)
        things = ThingTextures(seed: seed, into: &builder)
        atlas = builder.build()
    }
}

/// A thing's own axes: metres ahead along the road, right of it and up, turned about if it faces the camera.
struct Placement {
    let anchor: StreetCamera.Anchor
    /// +1 facing along the drive, -1 facing the camera.
    let facing: Float

    func point(_ ahead: Float, _ right: Float, _ up: Float) -> SIMD3<Float> {
        let a = ahead * facing
        return SIMD3(
            anchor.x + right * facing + anchor.leanX * a, anchor.y + up + anchor.leanY * a, anchor.z + a)
    }

    func corner(_ ahead: Float, _ right: Float, _ up: Float, _ u: Float = 0, _ v: Float = 0) -> Corner {
        let p = point(ahead, right, up)
        return Corner(p.x, p.y, p.z, u, v)
    }

    /// A direction in the thing's axes (ahead, right, up) as the camera sees it (right, up, ahead).
    func normal(_ ahead: Float, _ right: Float, _ up: Float) -> SIMD3<Float> {
        SIMD3(right * facing, up, ahead * facing)
    }
}
