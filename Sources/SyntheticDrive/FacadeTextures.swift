/// Walls, windows, shops and roofs, painted once for a drive.
struct FacadeTextures {
    /// What one kind of house is clad with.
    struct Style {
        /// Two storeys of four bays: 12 m × 6 m.
        var storeys: TextureAtlas.Reference
        /// The ground floor of a house: 6 m × 3.6 m.
        var groundFloor: TextureAtlas.Reference
        /// Wall without windows: 3 m × 3 m.
        var wall: TextureAtlas.Reference
        var isModern: Bool
    }

    /// Metres that one tile covers.
    static let tileWidth: Float = 12
    static let storey: Float = 3
    static let groundFloorHeight: Float = 3.6

    var styles: [Style] = []
    /// Shops, as ground floors.
    var shops: [TextureAtlas.Reference] = []
    /// Roof coverings, 3 m × 3 m.
    var roofs: [TextureAtlas.Reference] = []

    private static let walls: [(red: Float, green: Float, blue: Float, isBrick: Bool)] = [
        (128, 84, 68, true), (150, 128, 98, true), (104, 76, 66, true), (142, 104, 80, true),
        (206, 200, 186, false), (178, 170, 156, false), (150, 148, 146, false), (188, 172, 142, false),
        (120, 118, 116, false), (166, 140, 112, true),
    ]

    init(seed: UInt64, into atlas: inout TextureAtlas.Builder) {
        for (index, wall) in Self.walls.enumerated() {
            var random = DriveRandom(seed, 20, index)
            let tint = random.within(0.82, 1.1)
            let color = Bitmap.color(wall.red * tint, wall.green * tint, wall.blue * tint * random.within(0.94, 1.05))
            let isModern = !wall.isBrick && index % 3 == 0
            styles.append(
                Style(
                    storeys: atlas.add(Self.storeys(color, wall.isBrick, isModern, &random)),
                    groundFloor: atlas.add(Self.groundFloor(color, wall.isBrick, &random)),
                    wall: atlas.add(Self.wall(color, wall.isBrick, width: 128, height: 128, metres: 3, &random)),
                    isModern: isModern))
        }
        for index in 0..<6 {
            var random = DriveRandom(seed, 21, index)
            shops.append(atlas.add(Self.shop(&random)))
        }
        for index in 0..<3 {
            var random = DriveRandom(seed, 22, index)
            roofs.append(atlas.add(Self.roof(index, &random)))
        }
    }

    /// Bare wall; `metres` is the width of the picture.
    private static func wall(
        _ color: Bitmap.Color, _ isBrick: Bool, width: Int, height: Int, metres: Float, _ random: inout DriveRandom
    ) -> Bitmap {
        var bitmap = Bitmap(width: width, height: height, fill: color)
        let salt = random.next()
        if isBrick {
            let scale = Float(width) / metres
            let course = max(2, (scale * 0.085).rounded())
            let length = max(4, (scale * 0.24).rounded())
            bitmap.change { x, y, texel in
                let row = Int(Float(y) / course)
                let shifted = Float(x) + (row % 2 == 0 ? 0 : length / 2)
                let brick = Int(shifted / length) % max(1, Int(Float(width) / length))
                if Float(y).truncatingRemainder(dividingBy: course) < 1 {
                    return texel * Bitmap.Color(1.12, 1.13, 1.14, 1)
                }
                let word = DriveRandom.mixed(salt &+ UInt64(row * 977 + brick))
                let shade = 0.88 + 0.22 * Float(word & 255) / 255
                return Bitmap.Color(texel.x * shade, texel.y * shade * shade / 0.98, texel.z * shade, 1)
            }
        }
        bitmap.weather(grain: 0.035, patches: isBrick ? 0.07 : 0.09, cells: 4, salt: salt)
        return bitmap
    }

    private static func storeys(
        _ color: Bitmap.Color, _ isBrick: Bool, _ isModern: Bool, _ random: inout DriveRandom
    ) -> Bitmap {
        let width: Float = 512
        let height: Float = 256
        var bitmap = wall(color, isBrick, width: 512, height: 256, metres: tileWidth, &random)
        let scale = width / tileWidth
        let storeyHeight = height / 2
        let bays = isModern ? (random.chance(0.5) ? 8 : 6) : (random.chance(0.6) ? 4 : 5)
        let bay = width / Float(bays)
        let openWidth = isModern ? bay * random.within(0.7, 0.9) : bay * random.within(0.36, 0.46)
        let openHeight = storeyHeight * (isModern ? random.within(0.5, 0.62) : random.within(0.5, 0.62))
        let frame = random.chance(0.75) ? Bitmap.color(226, 226, 222) : Bitmap.color(70, 66, 64)
        let trim = random.chance(0.6) ? color * 1.22 : Bitmap.color(196, 190, 178)
        let hasBars = !isModern && random.chance(0.75)
        for floor in 0..<2 {
            let top = Float(floor) * storeyHeight + storeyHeight * 0.2
            if isModern {
                let band = opaque(color * 0.8)
                bitmap.rectangle(0, Float(floor) * storeyHeight, width, Float(floor) * storeyHeight + 5, band)
            } else if random.chance(0.3) {
                bitmap.rectangle(0, Float(floor) * storeyHeight, width, Float(floor) * storeyHeight + 6, opaque(trim))
            }
            for number in 0..<bays {
                let middle = (Float(number) + 0.5) * bay
                let left = middle - openWidth / 2
                let right = middle + openWidth / 2
                let bottom = top + openHeight
                if !isModern {
                    bitmap.rectangle(left - 4, top - 9, right + 4, top - 1, opaque(trim))
                    bitmap.rectangle(left - 5, bottom + 1, right + 5, bottom + 6, opaque(trim * 1.05))
                    bitmap.rectangle(left - 5, bottom + 6, right + 5, bottom + 9, opaque(color * 0.62))
                }
                window(
                    &bitmap, left, top, right, bottom, frame: frame, hasBars: hasBars, thick: isModern ? 2 : 3.5,
                    scale: scale, &random)
            }
        }
        return bitmap
    }

    /// A window: reveal, frame, glass with a reflection of the sky, sometimes a curtain or a blind.
    private static func window(
        _ bitmap: inout Bitmap, _ left: Float, _ top: Float, _ right: Float, _ bottom: Float, frame: Bitmap.Color,
        hasBars: Bool, thick: Float, scale: Float, _ random: inout DriveRandom
    ) {
        bitmap.rectangle(left - 1, top - 1, right + 1, bottom + 1, Bitmap.color(40, 40, 42))
        bitmap.rectangle(left, top + 2, right, bottom, frame)
        let dark = random.within(26, 62)
        let bright = random.chance(0.3) ? random.within(110, 190) : random.within(50, 100)
        let curtain: Float = random.chance(0.35) ? random.within(0.12, 0.3) : 0
        let blind: Float = random.chance(0.2) ? random.within(0.2, 0.7) : 0
        let cloth = random.within(120, 190)
        let slant = random.within(-0.5, 0.5)
        let paneLeft = left + thick
        let paneRight = right - thick
        let paneTop = top + 2 + thick
        let paneBottom = bottom - thick
        guard paneRight > paneLeft + 1, paneBottom > paneTop + 1 else { return }
        for y in Int(paneTop)..<Int(paneBottom) {
            for x in Int(paneLeft)..<Int(paneRight) {
                guard x >= 0, y >= 0, x < bitmap.width, y < bitmap.height else { continue }
                let fx = (Float(x) - paneLeft) / (paneRight - paneLeft)
                let fy = (Float(y) - paneTop) / (paneBottom - paneTop)
                var shade = dark + (bright - dark) * max(0, 1 - fy - slant * fx)
                var blue: Float = 1.08
                if fx < curtain || fx > 1 - curtain || fy < blind {
                    shade = cloth * (0.85 + 0.15 * Float((x / 2) & 1))
                    blue = 0.96
                }
                bitmap[x, y] = Bitmap.color(shade * 0.96, shade, shade * blue)
            }
        }
        if hasBars {
            let middle = (left + right) / 2
            bitmap.rectangle(middle - 1.5, paneTop, middle + 1.5, paneBottom, frame)
            let bar = (paneTop + paneBottom) / 2
            bitmap.rectangle(paneLeft, bar - 2, paneRight, bar + 2, frame)
        }
        // The reveal throws a shadow on the glass.
        let lower = min(Int(paneTop) + 4, bitmap.height)
        for y in max(Int(paneTop), 0)..<max(lower, max(Int(paneTop), 0)) {
            for x in max(Int(paneLeft), 0)..<max(min(Int(paneRight), bitmap.width), max(Int(paneLeft), 0)) {
                bitmap[x, y] = opaque(bitmap[x, y] * 0.6)
            }
        }
    }

    private static func groundFloor(_ color: Bitmap.Color, _ isBrick: Bool, _ random: inout DriveRandom) -> Bitmap {
        var bitmap = wall(opaque(color * 0.94), isBrick, width: 256, height: 256, metres: tileWidth / 2, &random)
        bitmap.rectangle(0, 232, 256, 256, opaque(color * 0.7))
        let doors: [Bitmap.Color] = [
            Bitmap.color(40, 56, 82), Bitmap.color(96, 30, 30), Bitmap.color(34, 62, 44), Bitmap.color(60, 48, 40),
            Bitmap.color(190, 190, 186),
        ]
        let x: Float = 0
        let mirrored = random.chance(0.3)
        let door = x + (mirrored ? 200 : 26)
        bitmap.rectangle(door - 5, 82, door + 47, 256, Bitmap.color(200, 198, 190))
        bitmap.rectangle(door, 88, door + 42, 250, doors[random.index(doors.count)])
        bitmap.rectangle(door + 5, 92, door + 37, 112, Bitmap.color(60, 66, 74))
        bitmap.rectangle(door + 6, 130, door + 18, 180, doors[random.index(doors.count)] * 0.9)
        bitmap.rectangle(door - 5, 250, door + 47, 256, Bitmap.color(150, 148, 144))
        let left = x + (mirrored ? 24 : 96)
        window(
            &bitmap, left, 84, left + 66, 186, frame: Bitmap.color(224, 224, 220), hasBars: true, thick: 4,
            scale: 42, &random)
        let second = left + 84
        if second + 56 < x + 256 && !(mirrored && second + 56 > door - 8) {
            window(
                &bitmap, second, 84, second + 54, 186, frame: Bitmap.color(224, 224, 220), hasBars: true, thick: 4,
                scale: 42, &random)
        }
        return bitmap
    }

    private static func shop(_ random: inout DriveRandom) -> Bitmap {
        let paints: [Bitmap.Color] = [
            Bitmap.color(36, 52, 88), Bitmap.color(120, 30, 34), Bitmap.color(30, 66, 52), Bitmap.color(50, 50, 52),
            Bitmap.color(206, 200, 190), Bitmap.color(158, 120, 50), Bitmap.color(84, 58, 44), Bitmap.color(70, 84, 96),
        ]
        var bitmap = Bitmap(width: 512, height: 256, fill: Bitmap.color(92, 88, 84))
        var x: Float = 0
        while x < 512 {
            let width = min(random.within(150, 260), 512 - x)
            let paint = paints[random.index(paints.count)]
            bitmap.rectangle(x, 0, x + width, 256, opaque(paint * 0.85))
            bitmap.rectangle(x, 0, x + width, 8, Bitmap.color(150, 146, 140))
            bitmap.rectangle(x, 10, x + width, 50, paint)
            bitmap.rectangle(x, 50, x + width, 55, opaque(paint * 0.5))
            let letters = (paint.x + paint.y + paint.z > 1.5) ? Bitmap.color(40, 38, 40) : Bitmap.color(232, 226, 206)
            var pen = x + width * 0.2
            while pen < x + width * 0.8 {
                let letter = random.within(5, 12)
                if random.chance(0.85) {
                    bitmap.rectangle(pen, random.chance(0.5) ? 20 : 24, pen + letter, 40, letters)
                    bitmap.rectangle(pen + letter * 0.35, 28, pen + letter * 0.7, 34, paint)
                }
                pen += letter + 4
            }
            let door = x + (random.chance(0.5) ? 10 : width - 56)
            let glassTop: Float = 62
            let base: Float = random.chance(0.5) ? 206 : 228
            shopGlass(&bitmap, x + 8, glassTop, x + width - 8, base, &random)
            bitmap.rectangle(door, glassTop, door + 46, 250, opaque(paint * 0.7))
            shopGlass(&bitmap, door + 5, glassTop + 6, door + 41, 232, &random)
            var mullion = x + 8
            while mullion < x + width - 8 {
                bitmap.rectangle(mullion, glassTop, mullion + 4, base, opaque(paint * 1.1))
                mullion += random.within(50, 80)
            }
            bitmap.rectangle(x, 12, x + 5, 256, Bitmap.color(120, 116, 110))
            x += width
        }
        bitmap.weather(grain: 0.03, patches: 0.06, cells: 8, salt: random.next())
        return bitmap
    }

    private static func shopGlass(
        _ bitmap: inout Bitmap, _ left: Float, _ top: Float, _ right: Float, _ bottom: Float,
        _ random: inout DriveRandom
    ) {
        guard right > left, bottom > top else { return }
        let dark = random.within(24, 56)
        for y in max(Int(top), 0)..<max(min(Int(bottom), bitmap.height), max(Int(top), 0)) {
            for x in max(Int(left), 0)..<max(min(Int(right), bitmap.width), max(Int(left), 0)) {
                let fy = (Float(y) - top) / (bottom - top)
                let shade = dark + 46 * max(0, 0.5 - fy) + 10 * Float((x / 7) & 1)
                bitmap[x, y] = Bitmap.color(shade, shade * 1.02, shade * 1.05)
            }
        }
        // Goods in the window.
        for _ in 0..<Int((right - left) / 9) {
            let gx = random.within(left + 2, right - 8)
            let gy = random.within(top + (bottom - top) * 0.35, bottom - 6)
            let shade = random.within(50, 170)
            bitmap.rectangle(
                gx, gy, min(gx + random.within(3, 12), right), min(gy + random.within(4, 26), bottom),
                Bitmap.color(
                    shade * random.within(0.7, 1.1), shade * random.within(0.7, 1), shade * random.within(0.6, 1)))
        }
    }

    private static func roof(_ kind: Int, _ random: inout DriveRandom) -> Bitmap {
        let colors = [Bitmap.color(86, 86, 92), Bitmap.color(132, 78, 60), Bitmap.color(104, 92, 84)]
        var bitmap = Bitmap(width: 128, height: 128, fill: colors[kind % colors.count])
        let salt = random.next()
        bitmap.change { x, y, texel in
            let row = y / 11
            let tile = (x + (row % 2) * 6) % 128 / 12
            let word = DriveRandom.mixed(salt &+ UInt64(row * 131 + tile))
            var shade = 0.86 + 0.24 * Float(word & 255) / 255
            if y % 11 == 0 { shade *= 0.72 }
            return opaque(texel * shade)
        }
        bitmap.weather(grain: 0.04, patches: 0.1, cells: 4, salt: salt)
        return bitmap
    }

    static func opaque(_ color: Bitmap.Color) -> Bitmap.Color {
        Bitmap.Color(color.x, color.y, color.z, 1)
    }
}
