/// Signs, rails, wheels, cloth and bare material.
struct ThingTextures {
    /// White with a little grain, coloured by the light on it.
    var plain: TextureAtlas.Reference
    /// White, darker towards the sides as on a round body.
    var round: TextureAtlas.Reference
    /// The same with rounded ends: an arm or a leg.
    var sleeve: TextureAtlas.Reference
    /// The same in the outline of a trunk, shoulders above.
    var torso: TextureAtlas.Reference
    /// A disc of the same, open about it.
    var ball: TextureAtlas.Reference
    /// The side of a car: door seams, sill, handle; coloured by the paint.
    var panel: TextureAtlas.Reference
    /// Dark glass with the sky in it.
    var glass: TextureAtlas.Reference
    var wheel: TextureAtlas.Reference
    /// A bicycle's wheel, open between the spokes.
    var spokes: TextureAtlas.Reference
    /// Traffic signs, open about the face.
    var signs: [TextureAtlas.Reference] = []
    /// Large boards.
    var boards: [TextureAtlas.Reference] = []
    /// The head of a traffic light: red, green.
    var signals: [TextureAtlas.Reference] = []
    /// A railing of 2 m, open between the bars.
    var railing: TextureAtlas.Reference
    /// Wooden panels of 2 m.
    var panels: TextureAtlas.Reference

    init(seed: UInt64, into atlas: inout TextureAtlas.Builder) {
        var random = DriveRandom(seed, 36)
        let white = Bitmap.color(255, 255, 255)
        var bitmap = Bitmap(width: 64, height: 64, fill: FacadeTextures.opaque(white * 0.92))
        bitmap.weather(grain: 0.02, patches: 0.06, cells: 4, salt: random.next())
        plain = atlas.add(bitmap)

        func rounded(_ x: Int, _ width: Float) -> Float {
            let fx = (Float(x) + 0.5) / width * 2 - 1.15
            return max(1 - 0.42 * fx * fx, 0.3)
        }
        bitmap = Bitmap(width: 32, height: 64, fill: white)
        let folds = LatticeNoise(period: 4, octaves: 3, gain: 0.6, salt: random.next())
        bitmap.change { x, y, texel in
            let fold = folds.value(Float(x) / 8, Float(y) / 8)
            return FacadeTextures.opaque(texel * rounded(x, 32) * (0.8 + 0.36 * fold))
        }
        round = atlas.add(bitmap)
        let cloth = bitmap
        bitmap.change { x, y, texel in
            let fx = (Float(x) + 0.5) / 16 - 1
            let end = min(Float(y) + 0.5, 63.5 - Float(y)) / 9
            let isOpen = end < 1 && fx * fx + (1 - end) * (1 - end) > 1
            return isOpen ? .zero : texel
        }
        sleeve = atlas.add(bitmap)
        bitmap = cloth
        bitmap.change { x, y, texel in
            let fx = abs((Float(x) + 0.5) / 16 - 1)
            let fy = (Float(y) + 0.5) / 64
            let shoulder = fy < 0.2 ? 0.42 + 0.58 * (fy / 0.2).squareRoot() : 1
            let waist = fy > 0.3 && fy < 0.9 ? 1 - 0.16 * (1 - abs(fy - 0.6) / 0.3) : 1
            return fx > min(shoulder, waist) ? .zero : FacadeTextures.opaque(texel * (1.08 - 0.2 * fy))
        }
        torso = atlas.add(bitmap)

        bitmap = Bitmap(width: 32, height: 32)
        bitmap.ellipse(16, 16, 15, 15, white)
        bitmap.change { x, y, texel in
            let shade = rounded(x, 32) * (1.05 - 0.25 * Float(y) / 32)
            return Bitmap.Color(texel.x * shade, texel.y * shade, texel.z * shade, texel.w)
        }
        ball = atlas.add(bitmap)

        bitmap = Bitmap(width: 128, height: 64, fill: FacadeTextures.opaque(white * 0.9))
        bitmap.change { _, y, texel in
            let fy = Float(y) / 64
            // Light above the crease, darker towards the sill.
            let shade = fy < 0.3 ? 1.05 - 0.1 * fy : 0.98 - 0.36 * (fy - 0.3)
            return FacadeTextures.opaque(texel * shade)
        }
        for x in [38, 66, 94] as [Float] { bitmap.rectangle(x, 4, x + 1, 54, FacadeTextures.opaque(white * 0.45)) }
        for x in [58, 86] as [Float] { bitmap.rectangle(x, 14, x + 6, 17, FacadeTextures.opaque(white * 0.6)) }
        bitmap.rectangle(0, 34, 128, 36, FacadeTextures.opaque(white * 0.72))
        bitmap.rectangle(0, 56, 128, 64, FacadeTextures.opaque(white * 0.28))
        panel = atlas.add(bitmap)

        bitmap = Bitmap(width: 64, height: 64)
        let streaks = LatticeNoise(period: 4, octaves: 2, salt: random.next())
        bitmap.change { x, y, _ in
            let fy = Float(y) / 64
            let sky = streaks.value(Float(x) / 16, Float(y) / 16)
            let shade = 34 + 74 * max(0, 0.75 - fy) * (0.5 + sky)
            return Bitmap.color(shade * 0.94, shade, shade * 1.06)
        }
        glass = atlas.add(bitmap)

        bitmap = Bitmap(width: 64, height: 64)
        bitmap.ellipse(32, 32, 31, 31, Bitmap.color(26, 26, 28))
        bitmap.ellipse(32, 32, 20, 20, Bitmap.color(128, 130, 134))
        bitmap.ellipse(32, 32, 17, 17, Bitmap.color(70, 72, 76))
        for k in 0..<5 {
            let turn = Double(k) / 5 + 0.05
            bitmap.line(
                32, 32, 32 + 18 * Float(Wave.cosine(turns: turn)), 32 + 18 * Float(Wave.sine(turns: turn)), 5,
                Bitmap.color(142, 144, 148))
        }
        bitmap.ellipse(32, 32, 4, 4, Bitmap.color(90, 92, 94))
        wheel = atlas.add(bitmap)

        bitmap = Bitmap(width: 64, height: 64)
        bitmap.ellipse(32, 32, 31, 31, Bitmap.color(28, 28, 30))
        bitmap.ellipse(32, 32, 26.5, 26.5, .zero)
        for k in 0..<12 {
            let turn = Double(k) / 12
            bitmap.line(
                32, 32, 32 + 27 * Float(Wave.cosine(turns: turn)), 32 + 27 * Float(Wave.sine(turns: turn)), 1,
                Bitmap.color(110, 110, 112))
        }
        bitmap.ellipse(32, 32, 4, 4, Bitmap.color(60, 60, 62))
        spokes = atlas.add(bitmap)

        for kind in 0..<7 { signs.append(atlas.add(Self.sign(kind, &random))) }
        for kind in 0..<5 { boards.append(atlas.add(Self.board(kind, &random))) }
        for lit in 0..<2 { signals.append(atlas.add(Self.signal(lit))) }

        bitmap = Bitmap(width: 128, height: 64)
        let steel = random.chance(0.5) ? Bitmap.color(60, 62, 64) : Bitmap.color(150, 152, 154)
        for bar in 0..<16 {
            bitmap.rectangle(Float(bar) * 8, 3, Float(bar) * 8 + 3.4, 60, steel)
        }
        bitmap.rectangle(0, 1, 128, 7, FacadeTextures.opaque(steel * 1.1))
        bitmap.rectangle(0, 54, 128, 59, steel)
        bitmap.rectangle(0, 0, 7, 64, FacadeTextures.opaque(steel * 0.9))
        railing = atlas.add(bitmap)

        bitmap = Bitmap(width: 128, height: 128, fill: Bitmap.color(122, 98, 76))
        let grain = random.next()
        let veins = LatticeNoise(period: 64, salt: grain)
        bitmap.change { x, y, texel in
            let board = x / 10
            let word = DriveRandom.mixed(grain &+ UInt64(board))
            var shade = 0.8 + 0.3 * Float(word & 255) / 255
            if x % 10 == 0 { shade *= 0.5 }
            shade *= 0.9 + 0.2 * veins.value(Float(x) / 2, Float(y) / 32)
            return FacadeTextures.opaque(texel * shade)
        }
        bitmap.rectangle(0, 0, 128, 5, Bitmap.color(104, 84, 66))
        bitmap.rectangle(0, 0, 9, 128, Bitmap.color(96, 80, 64))
        panels = atlas.add(bitmap)
    }

    private static func sign(_ kind: Int, _ random: inout DriveRandom) -> Bitmap {
        var bitmap = Bitmap(width: 64, height: 64)
        let red = Bitmap.color(188, 34, 38)
        let white = Bitmap.color(236, 236, 232)
        let blue = Bitmap.color(30, 74, 150)
        let black = Bitmap.color(30, 30, 32)
        switch kind {
        case 0:
            bitmap.ellipse(32, 32, 31, 31, red)
            bitmap.rectangle(12, 26, 52, 38, white)
        case 1:
            bitmap.ellipse(32, 32, 31, 31, red)
            bitmap.ellipse(32, 32, 23, 23, white)
            bitmap.rectangle(20, 22, 30, 42, black)
            bitmap.ellipse(40, 32, 6, 10, black)
            bitmap.ellipse(40, 32, 3, 6, white)
        case 2:
            bitmap.ellipse(32, 32, 31, 31, blue)
            bitmap.line(16, 40, 44, 24, 6, white)
            bitmap.line(44, 24, 34, 22, 5, white)
            bitmap.line(44, 24, 40, 35, 5, white)
        case 3:
            for y in 2..<60 {
                let half = Float(y - 2) / 58 * 31
                bitmap.rectangle(32 - half, Float(y), 32 + half, Float(y) + 1, red)
                if y > 16 && y < 52 {
                    bitmap.rectangle(32 - half + 9, Float(y), 32 + half - 9, Float(y) + 1, white)
                }
            }
            bitmap.rectangle(30, 26, 35, 44, black)
        case 4:
            bitmap.rectangle(6, 1, 58, 63, blue)
            bitmap.rectangle(9, 4, 55, 60, white)
            bitmap.rectangle(11, 6, 53, 58, blue)
            bitmap.rectangle(22, 14, 28, 50, white)
            bitmap.ellipse(34, 24, 11, 10, white)
            bitmap.ellipse(34, 24, 5, 4, blue)
        case 5:
            bitmap.rectangle(4, 8, 60, 56, Bitmap.color(228, 188, 44))
            bitmap.rectangle(10, 16, 54, 22, black)
            bitmap.rectangle(10, 30, 44, 36, black)
            bitmap.rectangle(10, 43, 50, 49, black)
        default:
            for y in 0..<64 {
                let half = 31 - abs(Float(y) - 32) * (abs(Float(y) - 32) > 14 ? 0.62 : 0)
                bitmap.rectangle(32 - half, Float(y), 32 + half, Float(y) + 1, red)
            }
            bitmap.rectangle(12, 26, 52, 38, white)
        }
        return bitmap
    }

    private static func board(_ kind: Int, _ random: inout DriveRandom) -> Bitmap {
        let backs = [
            Bitmap.color(24, 92, 62), Bitmap.color(34, 70, 140), Bitmap.color(232, 232, 226), Bitmap.color(170, 40, 40),
            Bitmap.color(226, 120, 36),
        ]
        let back = backs[kind % backs.count]
        let ink = kind == 2 ? Bitmap.color(36, 36, 40) : Bitmap.color(236, 236, 230)
        var bitmap = Bitmap(width: 128, height: 64, fill: back)
        bitmap.rectangle(2, 2, 126, 4, ink)
        bitmap.rectangle(2, 60, 126, 62, ink)
        bitmap.rectangle(2, 2, 4, 62, ink)
        bitmap.rectangle(124, 2, 126, 62, ink)
        for row in 0..<3 {
            var x: Float = 12
            let y = Float(11 + row * 17)
            while x < 108 {
                let width = random.within(4, 8)
                if random.chance(0.82) { bitmap.rectangle(x, y, x + width, y + 9, ink) }
                if random.chance(0.5) { bitmap.rectangle(x + 2, y + 3, x + width - 2, y + 6, back) }
                x += width + 2
            }
        }
        return bitmap
    }

    private static func signal(_ lit: Int) -> Bitmap {
        var bitmap = Bitmap(width: 32, height: 64, fill: Bitmap.color(34, 34, 36))
        bitmap.rectangle(0, 0, 32, 2, Bitmap.color(210, 210, 206))
        bitmap.rectangle(0, 62, 32, 64, Bitmap.color(210, 210, 206))
        bitmap.rectangle(0, 0, 2, 64, Bitmap.color(200, 200, 196))
        bitmap.rectangle(30, 0, 32, 64, Bitmap.color(200, 200, 196))
        bitmap.ellipse(16, 13, 8, 8, lit == 0 ? Bitmap.color(255, 60, 48) : Bitmap.color(66, 24, 24))
        bitmap.ellipse(16, 32, 8, 8, Bitmap.color(70, 56, 24))
        bitmap.ellipse(16, 51, 8, 8, lit == 1 ? Bitmap.color(60, 245, 150) : Bitmap.color(24, 58, 44))
        return bitmap
    }
}
