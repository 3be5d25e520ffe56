/// Leaves, branches, bark, hedges, and the line of trees and roofs at the end of the view.
struct NatureTextures {
    /// Crowns in leaf.
    var crowns: [TextureAtlas.Reference] = []
    /// Whole bare trees, trunk included.
    var bare: [TextureAtlas.Reference] = []
    var bark: TextureAtlas.Reference
    /// 2 m × 2 m.
    var hedge: TextureAtlas.Reference
    /// A row of distant trees, 60 m × 20 m, open above.
    var treeLine: TextureAtlas.Reference

    init(seed: UInt64, season: StreetLight.Season, into atlas: inout TextureAtlas.Builder) {
        var random = DriveRandom(seed, 33)
        for index in 0..<4 {
            var own = DriveRandom(seed, 34, index)
            crowns.append(atlas.add(Self.crown(Self.leafColor(season, index, &own), &own)))
        }
        for index in 0..<3 {
            var own = DriveRandom(seed, 35, index)
            bare.append(atlas.add(Self.bareTree(&own)))
        }
        var bitmap = Bitmap(width: 32, height: 128, fill: Bitmap.color(84, 76, 66))
        let furrows = LatticeNoise(period: 16, salt: random.next())
        bitmap.change { x, y, texel in
            let fx = (Float(x) + 0.5) / 16 - 1
            let furrow = furrows.value(Float(x) / 2, Float(y) / 14)
            return FacadeTextures.opaque(texel * (1.05 - 0.45 * fx * fx) * (0.75 + 0.5 * furrow))
        }
        bark = atlas.add(bitmap)
        hedge = atlas.add(Self.hedge(Self.leafColor(season == .winter ? .autumn : .summer, 1, &random), &random))
        treeLine = atlas.add(Self.treeLine(Self.leafColor(season, 0, &random), &random))
    }

    private static func leafColor(
        _ season: StreetLight.Season, _ index: Int, _ random: inout DriveRandom
    ) -> Bitmap.Color {
        switch season {
        case .summer:
            return Bitmap.color(random.within(76, 98), random.within(92, 112), random.within(58, 76))
        case .autumn:
            return index % 2 == 0
                ? Bitmap.color(random.within(120, 150), random.within(96, 112), random.within(44, 62))
                : Bitmap.color(random.within(92, 112), random.within(96, 106), random.within(48, 62))
        case .winter: return Bitmap.color(random.within(70, 84), random.within(78, 88), random.within(54, 66))
        }
    }

    /// Clumps of leaves within a lumpy outline, dark below and inside, light above.
    private static func crown(_ leaf: Bitmap.Color, _ random: inout DriveRandom) -> Bitmap {
        let size: Float = 256
        var bitmap = Bitmap(width: 256, height: 256)
        var lobes: [(x: Float, y: Float, r: Float)] = [(128, 132, 70)]
        for k in 0..<9 {
            let turn = Double(k) / 9 + Double(random.within(-0.04, 0.04))
            let reach = random.within(48, 66)
            lobes.append(
                (
                    128 + reach * Float(Wave.cosine(turns: turn)), 130 + reach * 0.95 * Float(Wave.sine(turns: turn)),
                    random.within(34, 56)
                ))
        }
        for layer in 0..<3 {
            for _ in 0..<([420, 700, 900][layer]) {
                let lobe = lobes[random.index(lobes.count)]
                let turn = Double(random.unit())
                let reach = lobe.r * random.unit().squareRoot() * (layer == 0 ? 0.98 : 0.9)
                let x = lobe.x + reach * Float(Wave.cosine(turns: turn))
                let y = lobe.y + reach * Float(Wave.sine(turns: turn))
                guard x > 7, y > 7, x < size - 7, y < size - 7 else { continue }
                let height = 1 - y / size
                // Each lobe is lit from above.
                let local = (lobe.y - y) / lobe.r
                let base = [0.42, 0.62, 0.8][layer] as Float
                let shade = base * (0.72 + 0.34 * height + 0.26 * max(local, -0.6)) * random.within(0.8, 1.2)
                let hue = random.within(0.92, 1.08)
                let color = Bitmap.Color(leaf.x * shade * hue, leaf.y * shade, leaf.z * shade * hue, 1)
                let radius = random.within(1.4, [6.5, 4, 2.6][layer])
                bitmap.ellipse(x, y, radius, radius * random.within(0.6, 1), color)
            }
        }
        return bitmap
    }

    private static func bareTree(_ random: inout DriveRandom) -> Bitmap {
        var bitmap = Bitmap(width: 256, height: 256)
        let bark = Bitmap.color(random.within(58, 80), random.within(54, 70), random.within(48, 62))
        branch(&bitmap, 128, 254, direction: -0.25, length: 64, thickness: 9, depth: 0, bark, &random)
        return bitmap
    }

    private static func branch(
        _ bitmap: inout Bitmap, _ x: Float, _ y: Float, direction: Double, length: Float, thickness: Float, depth: Int,
        _ color: Bitmap.Color, _ random: inout DriveRandom
    ) {
        var px = x
        var py = y
        var turn = direction
        for _ in 0..<3 {
            turn += Double(random.within(-0.02, 0.02))
            let nx = px + length / 3 * Float(Wave.cosine(turns: turn))
            let ny = py + length / 3 * Float(Wave.sine(turns: turn))
            let shade = random.within(0.8, 1.15)
            bitmap.line(px, py, nx, ny, thickness, FacadeTextures.opaque(color * shade))
            px = nx
            py = ny
        }
        guard depth < 6, px > 4, px < 252, py > 4 else { return }
        let forks = depth == 0 ? 4 : (random.chance(0.45) ? 3 : 2)
        for fork in 0..<forks {
            let spread = (Double(fork) - Double(forks - 1) / 2) * Double(random.within(0.07, 0.11))
            branch(
                &bitmap, px, py, direction: turn + spread + Double(random.within(-0.025, 0.025)),
                length: length * random.within(0.62, 0.82), thickness: max(thickness * random.within(0.55, 0.68), 1),
                depth: depth + 1, color, &random)
        }
    }

    private static func hedge(_ leaf: Bitmap.Color, _ random: inout DriveRandom) -> Bitmap {
        var bitmap = Bitmap(width: 128, height: 128, fill: FacadeTextures.opaque(leaf * 0.55))
        for layer in 0..<2 {
            for _ in 0..<700 {
                let x = random.within(0, 128)
                let y = random.within(0, 128)
                let shade = ([0.62, 0.85][layer] as Float) * random.within(0.75, 1.2) * (1.1 - 0.3 * y / 128)
                bitmap.ellipse(
                    x, y, random.within(1.5, 3.5), random.within(1, 2.5), FacadeTextures.opaque(leaf * shade))
            }
        }
        return bitmap
    }

    private static func treeLine(_ leaf: Bitmap.Color, _ random: inout DriveRandom) -> Bitmap {
        var bitmap = Bitmap(width: 256, height: 128)
        let outline = LatticeNoise(period: 8, octaves: 5, gain: 0.6, salt: random.next())
        let clumps = LatticeNoise(period: 16, octaves: 3, gain: 0.7, salt: random.next())
        bitmap.change { x, y, _ in
            let top = 118 - 128 * (0.35 + 0.6 * outline.value(Float(x) / 32, 0.5))
            guard Float(y) > max(top, 4) else { return .zero }
            let clump = clumps.value(Float(x) / 16, Float(y) / 16)
            return FacadeTextures.opaque(leaf * (0.4 + 0.7 * clump) * (1.05 - 0.3 * Float(y) / 128))
        }
        return bitmap
    }
}
