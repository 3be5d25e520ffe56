/// A small picture that textures are painted on: red, green, blue and coverage from 0 to 1, colours as square
/// roots of light (so that light multiplies as it should and noise is even).
struct Bitmap {
    typealias Color = SIMD4<Float>

    let width: Int
    let height: Int
    private(set) var texels: [Color]

    /// Sides must be powers of two.
    init(width: Int, height: Int, fill: Color = .zero) {
        self.width = width
        self.height = height
        texels = [Color](repeating: fill, count: width * height)
    }

    /// An opaque colour from its 8-bit channels as seen on a screen.
    static func color(_ red: Float, _ green: Float, _ blue: Float) -> Color {
        Color(red / 255, green / 255, blue / 255, 1)
    }

    subscript(x: Int, y: Int) -> Color {
        get { texels[y * width + x] }
        set { texels[y * width + x] = newValue }
    }

    /// Fills a rectangle given in texels, end exclusive, cut to the picture.
    mutating func rectangle(_ x0: Float, _ y0: Float, _ x1: Float, _ y1: Float, _ color: Color) {
        let left = max(0, Int(x0.rounded()))
        let right = min(width, Int(x1.rounded()))
        guard left < right else { return }
        for y in max(0, Int(y0.rounded()))..<max(max(0, Int(y0.rounded())), min(height, Int(y1.rounded()))) {
            for x in left..<right { texels[y * width + x] = color }
        }
    }

    /// Fills an ellipse.
    mutating func ellipse(_ cx: Float, _ cy: Float, _ rx: Float, _ ry: Float, _ color: Color) {
        guard rx > 0, ry > 0 else { return }
        for y in max(0, Int(cy - ry))...max(max(0, Int(cy - ry)), min(height - 1, Int(cy + ry + 1))) {
            for x in max(0, Int(cx - rx))...max(max(0, Int(cx - rx)), min(width - 1, Int(cx + rx + 1))) {
                let dx = (Float(x) + 0.5 - cx) / rx
                let dy = (Float(y) + 0.5 - cy) / ry
                if x < width, y < height, dx * dx + dy * dy <= 1 { texels[y * width + x] = color }
            }
        }
    }

    /// Draws a line of the given thickness.
    mutating func line(_ x0: Float, _ y0: Float, _ x1: Float, _ y1: Float, _ thickness: Float, _ color: Color) {
        let half = max(thickness / 2, 0.5)
        let dx = x1 - x0
        let dy = y1 - y0
        let square = max(dx * dx + dy * dy, 1e-6)
        let left = max(0, Int(min(x0, x1) - half))
        let right = min(width - 1, Int(max(x0, x1) + half))
        let top = max(0, Int(min(y0, y1) - half))
        let bottom = min(height - 1, Int(max(y0, y1) + half))
        guard left <= right, top <= bottom else { return }
        for y in top...bottom {
            for x in left...right {
                let px = Float(x) + 0.5 - x0
                let py = Float(y) + 0.5 - y0
                let along = min(max((px * dx + py * dy) / square, 0), 1)
                let ex = px - along * dx
                let ey = py - along * dy
                if ex * ex + ey * ey <= half * half { texels[y * width + x] = color }
            }
        }
    }

    /// Changes every texel.
    mutating func change(_ body: (_ x: Int, _ y: Int, _ color: Color) -> Color) {
        for y in 0..<height {
            for x in 0..<width { texels[y * width + x] = body(x, y, texels[y * width + x]) }
        }
    }

    /// Lightens and darkens: grain on every texel, and soft patches `cells` to the width.
    mutating func weather(grain: Float, patches: Float, cells: Int, salt: UInt64) {
        var random = DriveRandom(salt, 77)
        let noise = LatticeNoise(period: cells, octaves: 3, gain: 0.6, salt: salt)
        // Patches are broad: one value does for four by four texels.
        let columns = (width + 3) / 4
        let step = Float(4 * cells) / Float(width)
        var soft: [Float] = []
        for y in 0..<((height + 3) / 4) {
            for x in 0..<columns { soft.append(noise.value(Float(x) * step, Float(y) * step)) }
        }
        change { x, y, color in
            let factor = 1 + grain * random.normal() + patches * 2 * (soft[(y / 4) * columns + x / 4] - 0.5)
            return Color(color.x * factor, color.y * factor, color.z * factor, color.w)
        }
    }
}

/// All textures of a drive with their reduced copies, in one block of memory.
final class TextureAtlas: Sendable {
    /// A texture: its number in the atlas.
    struct Reference: Hashable, Sendable {
        fileprivate(set) var index: Int32
    }

    /// One size of one texture: where its texels begin, and the logarithms of its sides.
    struct Level: Sendable {
        var start: Int32
        var logWidth: Int32
        var logHeight: Int32
    }

    /// The sizes of one texture, largest first.
    struct Entry: Sendable {
        var firstLevel: Int32
        var levelCount: Int32
        var width: Float
        var height: Float
    }

    let texels: [UInt32]
    let levels: [Level]
    let entries: [Entry]

    fileprivate init(texels: [UInt32], levels: [Level], entries: [Entry]) {
        self.texels = texels
        self.levels = levels
        self.entries = entries
    }

    /// The average of each channel of the texture, 0 to 1: its smallest copy.
    func average(_ reference: Reference) -> SIMD3<Float> {
        let entry = entries[Int(reference.index)]
        let texel = texels[Int(levels[Int(entry.firstLevel + entry.levelCount - 1)].start)]
        return SIMD3(Float(texel & 255), Float((texel >> 8) & 255), Float((texel >> 16) & 255)) / 255
    }

    /// Collects textures, and makes the atlas of them.
    struct Builder {
        private var texels: [UInt32] = []
        private var levels: [Level] = []
        private var entries: [Entry] = []

        init() {}

        mutating func add(_ bitmap: Bitmap) -> Reference {
            let first = levels.count
            var current = bitmap
            while true {
                levels.append(
                    Level(
                        start: Int32(texels.count), logWidth: Int32(current.width.trailingZeroBitCount),
                        logHeight: Int32(current.height.trailingZeroBitCount)))
                for texel in current.texels { texels.append(Self.packed(texel)) }
                if current.width == 1 && current.height == 1 { break }
                current = Self.halved(current)
            }
            entries.append(
                Entry(
                    firstLevel: Int32(first), levelCount: Int32(levels.count - first), width: Float(bitmap.width),
                    height: Float(bitmap.height)))
            return Reference(index: Int32(entries.count - 1))
        }

        func build() -> TextureAtlas { TextureAtlas(texels: texels, levels: levels, entries: entries) }

        private static func packed(_ color: Bitmap.Color) -> UInt32 {
            byte(color.x) | byte(color.y) << 8 | byte(color.z) << 16 | byte(color.w) << 24
        }

        @inline(__always)
        private static func byte(_ value: Float) -> UInt32 {
            UInt32(truncatingIfNeeded: Int32(min(max(value, 0), 1) * 255 + 0.5))
        }

        /// Half the size; colours are averaged by coverage, so that holes lend none.
        private static func halved(_ bitmap: Bitmap) -> Bitmap {
            let width = max(bitmap.width / 2, 1)
            let height = max(bitmap.height / 2, 1)
            var result = Bitmap(width: width, height: height)
            result.change { x, y, _ in
                var sum = Bitmap.Color.zero
                var coverage: Float = 0
                for dy in 0..<2 {
                    for dx in 0..<2 {
                        let texel = bitmap[
                            min(x * 2 + dx, bitmap.width - 1), min(y * 2 + dy, bitmap.height - 1)]
                        sum += texel * texel.w
                        coverage += texel.w
                    }
                }
                guard coverage > 0 else { return .zero }
                var mean = sum / coverage
                mean.w = coverage / 4
                return mean
            }
            return result
        }
    }
}
