/// Paints the sky wherever nothing else is: a gradient, drifting clouds, a glow about the sun.
struct SkyPainter {
    private static let step = 8
    private let light: StreetLight
    private let clouds: TextureAtlas.Reference
    private let atlas: TextureAtlas
    private let drift: Float
    private var cover: [Float] = []

    init(seed: UInt64, light: StreetLight, clouds: TextureAtlas.Reference, atlas: TextureAtlas) {
        var random = DriveRandom(seed, 32)
        self.light = light
        self.clouds = clouds
        self.atlas = atlas
        drift = random.within(0.001, 0.004)
    }

    mutating func paint(on canvas: StreetCanvas, camera: StreetCamera, seconds: Double) {
        let toSun = light.direction(heading: camera.heading)
        let turn = Float(camera.heading)
        atlas.texels.withUnsafeBufferPointer { texels in
            let level = atlas.levels[Int(atlas.entries[Int(clouds.index)].firstLevel)]
            for y in 0..<canvas.height {
                let open = canvas.openSpan(y: y)
                guard !open.isEmpty else { continue }
                let from = open.lowerBound / Self.step * Self.step
                let count = (open.upperBound - from) / Self.step + 2
                let slope = (camera.centreY - Float(y)) / camera.focal
                let up = max(slope, 0)
                let blend = up / (up + 0.35)
                var clear = light.horizon + (light.zenith - light.horizon) * blend
                // The light about the sun whitens its side of the sky.
                let glow = max(0, toSun.z) * 0.25 * max(0, 1 - abs(up - toSun.y))
                clear += (SIMD3<Float>(1, 0.99, 0.97) - clear) * glow
                let depth = 0.9 / (up + 0.16)
                let fade = min(up * 6, 1)
                cover.removeAll(keepingCapacity: true)
                for cell in 0..<count {
                    let x = (Float(from + cell * Self.step) - camera.centreX) / camera.focal + turn
                    let u = x * depth * 0.5 + drift * Float(seconds)
                    let v = depth * 0.7
                    let thickness = Self.sample(texels, level, u * 64, v * 64)
                    let amount = (thickness - (1 - light.cover)) * 3.2 + 0.5
                    cover.append(min(max(amount, 0), 1) * fade)
                }
                canvas.skySpan(
                    y: y, from: from, step: Self.step, cover: cover, clear: Self.shown(clear),
                    cloud: Self.shown(light.cloud),
                    code: StreetClass.sky.code)
            }
        }
    }

    private static func shown(_ color: SIMD3<Float>) -> SIMD3<Float> {
        SIMD3(min(max(color.x, 0), 0.999), min(max(color.y, 0), 0.999), min(max(color.z, 0), 0.999))
    }

    private static func sample(
        _ texels: UnsafeBufferPointer<UInt32>, _ level: TextureAtlas.Level, _ u: Float, _ v: Float
    ) -> Float {
        let fu = u.rounded(.down)
        let fv = v.rounded(.down)
        let iu = Int(fu)
        let iv = Int(fv)
        func texel(_ x: Int, _ y: Int) -> Float {
            let column = x & ((1 << Int(level.logWidth)) - 1)
            let row = y & ((1 << Int(level.logHeight)) - 1)
            return Float(texels[Int(level.start) + (row << Int(level.logWidth)) + column] & 255) / 255
        }
        let a = u - fu
        let b = v - fv
        return (texel(iu, iv) * (1 - a) + texel(iu + 1, iv) * a) * (1 - b)
            + (texel(iu, iv + 1) * (1 - a) + texel(iu + 1, iv + 1) * a) * b
    }
}
