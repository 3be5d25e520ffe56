/// The picture while it is drawn: for every pixel its colour, what it shows, and how near that is.
///
/// All of the renderer's unsafe memory is here; rows and columns outside are cut off or refused.
final class StreetCanvas {
    let width: Int
    let height: Int
    private let colors: UnsafeMutablePointer<UInt32>
    private let nearness: UnsafeMutablePointer<Float>
    private let classes: UnsafeMutablePointer<UInt8>
    /// For every sixteen pixels of a row, how near the farthest of them is; what is farther is hidden there.
    private let blocks: UnsafeMutablePointer<Float>
    private let blocksPerRow: Int
    /// Factors of light on the row of ground that is being painted, 256 being full light.
    private let light: UnsafeMutablePointer<Int32>

    init(width: Int, height: Int) {
        precondition(width > 0 && height > 0, "a canvas has pixels")
        self.width = width
        self.height = height
        // Rows are read four pixels at a time.
        colors = .allocate(capacity: width * height + 3)
        nearness = .allocate(capacity: width * height)
        classes = .allocate(capacity: width * height)
        light = .allocate(capacity: width)
        blocksPerRow = (width + 15) / 16
        blocks = .allocate(capacity: blocksPerRow * height)
        blocks.initialize(repeating: 0, count: blocksPerRow * height)
        colors.initialize(repeating: 0, count: width * height + 3)
        nearness.initialize(repeating: 0, count: width * height)
        classes.initialize(repeating: 0, count: width * height)
        light.initialize(repeating: 256, count: width)
    }

    deinit {
        colors.deallocate()
        nearness.deallocate()
        classes.deallocate()
        light.deallocate()
        blocks.deallocate()
    }

    /// Makes every pixel infinitely far.
    func clear() {
        nearness.update(repeating: 0, count: width * height)
        blocks.update(repeating: 0, count: blocksPerRow * height)
    }

    /// Reads the finished class codes.
    func withClasses<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: classes, count: width * height))
    }

    /// Reads the colours of row `y` and of those above and below it (the row itself at the border); each row may be
    /// read to the next multiple of four pixels.
    func withRows(
        about y: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) {
        precondition(y >= 0 && y < height, "row outside the canvas")
        let bytes = (width + 3) / 4 * 16
        func row(_ y: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(start: colors + y * width, count: bytes)
        }
        body(row(max(y - 1, 0)), row(y), row(min(y + 1, height - 1)))
    }

    // MARK: Polygons

    /// Fills the pixels of row `y` from `from` to `to` (cut to the canvas) where the surface is nearest.
    @inline(__always)
    func surfaceSpan(
        y: Int, from: Int, to: Int, plane: SurfacePlane, paint: SurfacePaint, texels: UnsafeBufferPointer<UInt32>,
        levels: UnsafeBufferPointer<TextureAtlas.Level>, entry: TextureAtlas.Entry, haze: Haze
    ) {
        guard y >= 0, y < height else { return }
        var x = max(from, 0)
        let end = min(to, width)
        guard x < end else { return }
        let rowStart = y * width
        let fy = Float(y) + 0.5 - plane.originY
        let jitterRow: Int32 = (y & 1) == 0 ? 0 : 1
        var left = Float(x) + 0.5 - plane.originX
        var w = plane.w.value + left * plane.w.dx + fy * plane.w.dy
        var near: Float = 0
        var u: Float = 0
        var v: Float = 0
        var isKnown = false
        while x < end {
            let block = y * blocksPerRow + (x >> 4)
            let count = min((x | 15) + 1, end) - x
            let right = left + Float(count)
            let nextW = plane.w.value + right * plane.w.dx + fy * plane.w.dy
            if max(w, nextW) <= blocks[block] {
                x += count
                left = right
                w = nextW
                isKnown = false
                continue
            }
            if !isKnown {
                near = 1 / max(w, 1e-5)
                u = (plane.u.value + left * plane.u.dx + fy * plane.u.dy) * near
                v = (plane.v.value + left * plane.v.dx + fy * plane.v.dy) * near
                isKnown = true
            }
            let nextNear = 1 / max(nextW, 1e-5)
            let nextU = (plane.u.value + right * plane.u.dx + fy * plane.u.dy) * nextNear
            let nextV = (plane.v.value + right * plane.v.dx + fy * plane.v.dy) * nextNear

            // The copy of the texture whose texels are about the size of a pixel here.
            let scaleX = entry.width
            let scaleY = entry.height
            let ux = abs((plane.u.dx - u * plane.w.dx) * near) * scaleX
            let uy = abs((plane.u.dy - u * plane.w.dy) * near) * scaleX
            let vx = abs((plane.v.dx - v * plane.w.dx) * near) * scaleY
            let vy = abs((plane.v.dy - v * plane.w.dy) * near) * scaleY
            let footprint = max(max(ux, uy), max(vx, vy)) * paint.sharpness
            let exponent = Int32(bitPattern: footprint.bitPattern >> 23) &- 126
            let level = levels[Int(entry.firstLevel &+ min(max(exponent, 0), entry.levelCount &- 1))]
            let tileWidth = Float(Int32(1) << level.logWidth) * 65536
            let tileHeight = Float(Int32(1) << level.logHeight) * 65536
            var iu = Int32(truncatingIfNeeded: Int(u * tileWidth))
            var iv = Int32(truncatingIfNeeded: Int(v * tileHeight))
            let share = 1 / Float(count)
            let du = Int32(truncatingIfNeeded: Int((nextU - u) * tileWidth * share))
            let dv = Int32(truncatingIfNeeded: Int((nextV - v) * tileHeight * share))
            let dw = plane.w.dx
            if paint.isDithered && footprint < 1 {
                // Instead of interpolating between texels, neighbours look at slightly different places.
                iu &+= (jitterRow == 0 ? -0x4000 : 0x2000)
                iv &+= (jitterRow == 0 ? 0x2000 : -0x4000)
            }
            let maskU = (Int32(1) << level.logWidth) &- 1
            let maskV = (Int32(1) << level.logHeight) &- 1
            let logWidth = level.logWidth
            let base = Int(level.start)
            let amount = haze.amount(at: near)
            let kept = (1 - amount) * 256
            let red = UInt32(paint.light.x * kept)
            let green = UInt32(paint.light.y * kept)
            let blue = UInt32(paint.light.z * kept)
            let hazeRed = UInt32(haze.color.x * amount * 255)
            let hazeGreen = UInt32(haze.color.y * amount * 255)
            let hazeBlue = UInt32(haze.color.z * amount * 255)
            let jitter: Int32 = paint.isDithered && footprint < 1 ? 0x4000 : 0

            var index = rowStart + x
            let stop = index + count
            var side: Int32 = Int32(truncatingIfNeeded: x & 1) &* jitter
            var farthest = Float.infinity
            while index < stop {
                let old = nearness[index]
                var kept = old
                if w > old {
                    let column = ((iu &+ side) >> 16) & maskU
                    let row = ((iv &+ side) >> 16) & maskV
                    let texel = texels[base &+ Int((row << logWidth) | column)]
                    if texel >= 0x8000_0000 {
                        nearness[index] = w
                        kept = w
                        classes[index] = paint.code
                        let r = min(255, ((texel & 255) &* red) >> 8 &+ hazeRed)
                        let g = min(255, (((texel >> 8) & 255) &* green) >> 8 &+ hazeGreen)
                        let b = min(255, (((texel >> 16) & 255) &* blue) >> 8 &+ hazeBlue)
                        colors[index] = r | g << 8 | b << 16
                    }
                }
                if kept < farthest { farthest = kept }
                w += dw
                iu &+= du
                iv &+= dv
                side = jitter &- side
                index &+= 1
            }
            if count == 16 { blocks[block] = farthest }
            x += count
            left = right
            w = nextW
            near = nextNear
            u = nextU
            v = nextV
        }
    }

    // MARK: Ground

    /// Sets the light of the whole row.
    func setLight(_ value: Int32) { light.update(repeating: value, count: width) }

    /// Dims the light from `from` to `to` to `kept` 256ths, softly over `soft` pixels at both ends.
    func dimLight(from: Float, to: Float, soft: Float, kept: Int32) {
        guard to > from, to > -1e6, from < 1e6 else { return }
        let first = max(0, Int(max(from - soft, -1)))
        let last = min(width, Int(min(to + soft, Float(width))) + 1)
        guard first < last else { return }
        let slope = 1 / max(soft * 2, 1)
        for x in first..<last {
            let p = Float(x) + 0.5
            let cover = min(min((p - from) * slope + 0.5, (to - p) * slope + 0.5), 1)
            guard cover > 0 else { continue }
            let factor = 256 - Int32(cover * Float(256 - kept))
            light[x] = (light[x] &* factor) >> 8
        }
    }

    /// Fills a strip of ground on row `y`, where nothing nearer is.
    func groundSpan(
        y: Int, from: Float, to: Float, nearness w: Float, texture: GroundTexture,
        texels: UnsafeBufferPointer<UInt32>, code: UInt8
    ) {
        guard y >= 0, y < height else { return }
        let first = max(0, Int(max(from + 0.5, 0)))
        let end = min(width, Int(max(min(to + 0.5, Float(width)), 0)))
        guard first < end else { return }
        let rowStart = y * width
        var u = texture.u &+ texture.du &* Int32(truncatingIfNeeded: first)
        var broad = texture.broadU &+ texture.broadDU &* Int32(truncatingIfNeeded: first)
        let base = Int(texture.start)
        let broadBase = Int(texture.broadStart)
        for x in first..<end {
            let index = rowStart + x
            if w > nearness[index] {
                let texel = texels[base &+ Int((u >> 16) & texture.mask)]
                let patch = Int32(texels[broadBase &+ Int((broad >> 16) & texture.broadMask)] & 255)
                let lit = UInt32(truncatingIfNeeded: (light[x] &* (patch &+ 128)) >> 8)
                let r = min(255, (((((texel & 255) &* texture.red) >> 8) &* lit) >> 8) &+ texture.hazeRed)
                let g = min(255, ((((((texel >> 8) & 255) &* texture.green) >> 8) &* lit) >> 8) &+ texture.hazeGreen)
                let b = min(255, ((((((texel >> 16) & 255) &* texture.blue) >> 8) &* lit) >> 8) &+ texture.hazeBlue)
                colors[index] = r | g << 8 | b << 16
                nearness[index] = w
                classes[index] = code
            }
            u &+= texture.du
            broad &+= texture.broadDU
        }
    }

    /// Paints over a strip of ground that was filled with the same `nearness`: marks on the road.
    func groundMark(
        y: Int, from: Float, to: Float, nearness w: Float, color: SIMD3<Float>, haze: SIMD3<Float>, opacity: Float,
        texture: GroundTexture, texels: UnsafeBufferPointer<UInt32>
    ) {
        guard y >= 0, y < height, to > from, opacity > 0.01, to > 0, from < Float(width) else { return }
        let first = Int(max(from, 0))
        let end = min(width, Int(min(to, Float(width - 1))) + 1)
        guard first < end else { return }
        let rowStart = y * width
        let base = Int(texture.start)
        for x in first..<end where nearness[rowStart + x] == w {
            let cover = min(Float(x) + 1, to) - max(Float(x), from)
            guard cover > 0 else { continue }
            let u = texture.u &+ texture.du &* Int32(truncatingIfNeeded: x)
            let wear = Float(texels[base &+ Int((u >> 16) & texture.mask)] & 255) * (1 / 128)
            let alpha = UInt32(min(cover * opacity * min(wear, 1.1), 1) * 256)
            let lit = Float(light[x]) * (1 / 256)
            let old = colors[rowStart + x]
            let r = mixed(old & 255, color.x * lit + haze.x, alpha)
            let g = mixed((old >> 8) & 255, color.y * lit + haze.y, alpha)
            let b = mixed((old >> 16) & 255, color.z * lit + haze.z, alpha)
            colors[rowStart + x] = r | g << 8 | b << 16
        }
    }

    @inline(__always)
    private func mixed(_ old: UInt32, _ new: Float, _ alpha: UInt32) -> UInt32 {
        let value = UInt32(min(max(new, 0), 1) * 255)
        return (old &* (256 &- alpha) &+ value &* alpha) >> 8
    }

    // MARK: Sky

    /// The pixels of row `y` between the first and the last that nothing covers; empty where all are covered.
    func openSpan(y: Int) -> Range<Int> {
        guard y >= 0, y < height else { return 0..<0 }
        let row = nearness + y * width
        var first = 0
        while first < width, row[first] != 0 { first += 1 }
        guard first < width else { return 0..<0 }
        var last = width - 1
        while row[last] != 0 { last -= 1 }
        return first..<(last + 1)
    }

    /// Fills what is still infinitely far on row `y` from pixel `from` on: a colour between two, after `cover`
    /// (one value for every `step` pixels, and one past the last).
    func skySpan(y: Int, from: Int, step: Int, cover: [Float], clear: SIMD3<Float>, cloud: SIMD3<Float>, code: UInt8) {
        guard y >= 0, y < height, from >= 0, step > 0 else { return }
        let rowStart = y * width
        let change = cloud - clear
        var x = from
        var cell = 0
        while x < width, cell + 1 < cover.count {
            let end = min(x + step, width)
            let following = cover[cell + 1]
            var amount = cover[cell]
            let slope = (following - amount) / Float(step)
            var r = Int32((clear.x + change.x * amount) * 65280)
            var g = Int32((clear.y + change.y * amount) * 65280)
            var b = Int32((clear.z + change.z * amount) * 65280)
            amount = slope * 65280
            let dr = Int32(change.x * amount)
            let dg = Int32(change.y * amount)
            let db = Int32(change.z * amount)
            for index in (rowStart + x)..<(rowStart + end) {
                if nearness[index] == 0 {
                    colors[index] =
                        UInt32(truncatingIfNeeded: (r >> 8) & 255) | UInt32(truncatingIfNeeded: g & 0xff00)
                        | UInt32(truncatingIfNeeded: (b & 0xff00) << 8)
                    classes[index] = code
                }
                r &+= dr
                g &+= dg
                b &+= db
            }
            x = end
            cell += 1
        }
    }
}

/// A number that changes evenly over the screen.
struct Gradient {
    var value: Float = 0
    var dx: Float = 0
    var dy: Float = 0
}

/// A flat surface as the screen sees it: 1/z, u/z and v/z about one point.
struct SurfacePlane {
    var originX: Float = 0
    var originY: Float = 0
    var w = Gradient()
    var u = Gradient()
    var v = Gradient()
}

/// How a surface is coloured.
struct SurfacePaint {
    var texture: TextureAtlas.Reference
    /// Factors on the texture's colours.
    var light: SIMD3<Float>
    var code: UInt8
    /// Whether texels that are larger than pixels are blurred into each other.
    var isDithered = true
    /// Below 1 a larger copy of the texture is used.
    var sharpness: Float = 0.75
}

/// What the air adds with distance.
struct Haze {
    var color: SIMD3<Float>
    /// One over the distance at which half is haze.
    var density: Float

    /// The part of the colour that is haze at `distance` metres.
    @inline(__always)
    func amount(at distance: Float) -> Float {
        let x = distance * density
        return x / (1 + x)
    }
}

/// The texture of one strip of ground on one row: a fine tile and broad patches, and the light on it.
struct GroundTexture {
    var start: Int32 = 0
    var mask: Int32 = 0
    var u: Int32 = 0
    var du: Int32 = 0
    var broadStart: Int32 = 0
    var broadMask: Int32 = 0
    var broadU: Int32 = 0
    var broadDU: Int32 = 0
    var red: UInt32 = 256
    var green: UInt32 = 256
    var blue: UInt32 = 256
    var hazeRed: UInt32 = 0
    var hazeGreen: UInt32 = 0
    var hazeBlue: UInt32 = 0
}
