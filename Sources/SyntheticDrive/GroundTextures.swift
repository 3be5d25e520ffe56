/// What lies on the ground: square tiles, and broad grey patches that go over them.
struct GroundTextures {
    /// Metres that one tile covers.
    static let tile: Float = 4
    /// Metres that one tile of patches covers.
    static let broadTile: Float = 37

    var asphalt: TextureAtlas.Reference
    var paving: TextureAtlas.Reference
    var grass: TextureAtlas.Reference
    var kerb: TextureAtlas.Reference
    /// Grey, 128 in the mean.
    var patches: TextureAtlas.Reference
    /// Clouds: red is the thickness, 128 in the mean.
    var clouds: TextureAtlas.Reference

    init(seed: UInt64, season: StreetLight.Season, into atlas: inout TextureAtlas.Builder) {
        var random = DriveRandom(seed, 30)
        let grey = random.within(82, 108)
        let warm = random.within(-2, 3)
        var bitmap = Bitmap(width: 256, height: 256, fill: Bitmap.color(grey + warm - 2, grey + 1, grey + 4 - warm))
        bitmap.weather(grain: 0.06, patches: 0.05, cells: 16, salt: random.next())
        Self.cracks(&bitmap, &random)
        asphalt = atlas.add(bitmap)

        let stone = random.within(86, 118)
        bitmap = Bitmap(width: 256, height: 256, fill: Bitmap.color(stone + 2, stone, stone - 3))
        let slabs = random.chance(0.5)
        let salt = random.next()
        bitmap.change { x, y, texel in
            let rows = slabs ? 51 : 26
            let columns = slabs ? 38 : 13
            let row = y / rows
            let shifted = (x + (row % 2) * columns / 2) % 256
            let word = DriveRandom.mixed(salt &+ UInt64(row * 31 + shifted / columns))
            var shade = 0.92 + 0.14 * Float(word & 255) / 255
            if y % rows < 2 || shifted % columns < 2 { shade *= 0.8 }
            return FacadeTextures.opaque(texel * shade)
        }
        bitmap.weather(grain: 0.05, patches: 0.08, cells: 8, salt: random.next())
        paving = atlas.add(bitmap)

        let green: Bitmap.Color
        switch season {
        case .summer: green = Bitmap.color(86, 100, 62)
        case .autumn: green = Bitmap.color(100, 98, 58)
        case .winter: green = Bitmap.color(96, 96, 64)
        }
        bitmap = Bitmap(width: 256, height: 256, fill: green)
        bitmap.weather(grain: 0.16, patches: 0.28, cells: 32, salt: random.next())
        grass = atlas.add(bitmap)

        bitmap = Bitmap(width: 64, height: 64, fill: Bitmap.color(138, 136, 132))
        bitmap.rectangle(0, 0, 2, 64, Bitmap.color(96, 94, 92))
        bitmap.weather(grain: 0.02, patches: 0.05, cells: 4, salt: random.next())
        kerb = atlas.add(bitmap)

        let broad = LatticeNoise(period: 8, octaves: 4, gain: 0.55, salt: random.next())
        bitmap = Bitmap(width: 256, height: 256)
        bitmap.change { x, y, _ in
            let soft = broad.value(Float(x) / 32, Float(y) / 32)
            return Bitmap.Color(repeating: 0.5 + (soft - 0.5) * 0.55)
        }
        bitmap.change { _, _, texel in FacadeTextures.opaque(texel) }
        patches = atlas.add(bitmap)

        let sky = LatticeNoise(period: 8, octaves: 5, gain: 0.55, salt: random.next())
        bitmap = Bitmap(width: 256, height: 256)
        bitmap.change { x, y, _ in
            let soft = sky.value(Float(x) / 32, Float(y) / 32)
            return FacadeTextures.opaque(Bitmap.Color(repeating: 0.5 + (soft - 0.5) * 1.7))
        }
        clouds = atlas.add(bitmap)
    }

    private static func cracks(_ bitmap: inout Bitmap, _ random: inout DriveRandom) {
        for _ in 0..<random.index(3) {
            var x = random.within(0, 256)
            var y = random.within(0, 256)
            var direction = Double(random.unit())
            for _ in 0..<24 {
                direction += Double(random.within(-0.09, 0.09))
                let nx = x + 6 * Float(Wave.cosine(turns: direction))
                let ny = y + 6 * Float(Wave.sine(turns: direction))
                bitmap.line(x, y, nx, ny, 1.2, Bitmap.color(58, 58, 60))
                x = nx
                y = ny
            }
        }
    }
}
