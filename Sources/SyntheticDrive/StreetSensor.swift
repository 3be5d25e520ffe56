/// The camera's last steps: a lens that softens a little, the sensor's noise, and a tone curve.
///
/// Colours are square roots of light, in which a sensor's shot noise is as strong in the dark as in the bright.
struct StreetSensor {
    /// Noise in 8-bit steps, drawn once; each row of each frame reads it from a place of its own.
    private let grain: [Int16]
    /// How much of the curve is applied, in 256ths.
    private let contrast: Int16
    private let seed: UInt64
    private static let grainCount = 1 << 14

    /// Without noise the lens and the grain are left out, and only the tone curve is applied.
    let hasNoise: Bool

    init(seed: UInt64, light: StreetLight, hasNoise: Bool) {
        self.seed = seed
        self.hasNoise = hasNoise
        var random = DriveRandom(seed, 90)
        grain = (0..<Self.grainCount).map { _ in
            hasNoise ? Int16(min(max((random.normal() * light.noise).rounded(), -32), 32)) : 0
        }
        contrast = Int16(light.contrast * 256)
    }

    /// Turns the canvas into packed red, green and blue bytes. `rows` is memory that is used again.
    func expose(_ canvas: StreetCanvas, frame: Int, into output: UnsafeMutableRawBufferPointer, rows: inout SensorRows)
    {
        guard output.count >= canvas.width * canvas.height * 3 else { return }
        rows.fit(width: canvas.width)
        for y in 0..<canvas.height {
            canvas.withRows(about: y) { above, here, below in
                hasNoise ? rows.soften(above, here, below) : rows.copy(here)
            }
            let start = DriveRandom.mixed(
                seed &+ DriveRandom.mixed(UInt64(truncatingIfNeeded: frame)) &+ UInt64(y) &* 0x9E37)
            // Sixteen values are read at a time.
            rows.develop(grain: grain, from: Int(start & 0x3ff) * 16, contrast: contrast)
            rows.write(to: output, at: y * canvas.width * 3)
        }
    }
}

/// One row on its way through the sensor: four channels of 16 bits a pixel, with a pixel to spare at both ends.
struct SensorRows {
    private var width = 0
    private var sums: [SIMD16<UInt16>] = []
    private var pixels: [SIMD16<UInt8>] = []

    /// Makes room for rows of `width` pixels.
    mutating func fit(width: Int) {
        guard self.width != width else { return }
        self.width = width
        // A block holds four pixels; one block before and one after the row.
        let blocks = (width + 3) / 4
        sums = [SIMD16<UInt16>](repeating: .zero, count: blocks + 2)
        pixels = [SIMD16<UInt8>](repeating: .zero, count: blocks)
    }

    /// Takes each pixel with a little of those above and below, and then of those beside it: 1 6 1, times 64 in all.
    mutating func soften(
        _ above: UnsafeRawBufferPointer, _ here: UnsafeRawBufferPointer, _ below: UnsafeRawBufferPointer
    ) {
        let count = pixels.count
        sums.withUnsafeMutableBufferPointer { sums in
            for block in 0..<count {
                let a = Self.block(above, block)
                let b = Self.block(here, block)
                let c = Self.block(below, block)
                sums[block + 1] = a &+ (b &<< 2) &+ (b &<< 1) &+ c
            }
        }
        extendEnds()
        sums.withUnsafeMutableBufferPointer { sums in
            var before = sums[0]
            var current = sums[1]
            for block in 0..<count {
                let after = sums[block + 2]
                let left = SIMD16(
                    lowHalf: SIMD8(lowHalf: before.highHalf.highHalf, highHalf: current.lowHalf.lowHalf),
                    highHalf: SIMD8(lowHalf: current.lowHalf.highHalf, highHalf: current.highHalf.lowHalf))
                let right = SIMD16(
                    lowHalf: SIMD8(lowHalf: current.lowHalf.highHalf, highHalf: current.highHalf.lowHalf),
                    highHalf: SIMD8(lowHalf: current.highHalf.highHalf, highHalf: after.lowHalf.lowHalf))
                sums[block + 1] = left &+ (current &<< 2) &+ (current &<< 1) &+ right
                before = current
                current = after
            }
        }
    }

    /// Takes the pixels as they are, times 64.
    mutating func copy(_ here: UnsafeRawBufferPointer) {
        for block in pixels.indices { sums[block + 1] = Self.block(here, block) &<< 6 }
    }

    /// Adds the noise and applies the tone curve.
    mutating func develop(grain: [Int16], from: Int, contrast: Int16) {
        let strength = SIMD16<Int16>(repeating: contrast)
        let white = SIMD16<Int16>(repeating: 255)
        let triple = SIMD16<UInt16>(repeating: 765)
        let half = SIMD16<UInt16>(repeating: 32)
        let count = pixels.count
        grain.withUnsafeBytes { grain in
            let span = grain.count / 32
            var place = from / 16 % max(span, 1)
            sums.withUnsafeBufferPointer { sums in
                pixels.withUnsafeMutableBufferPointer { pixels in
                    for block in 0..<count {
                        let noise = grain.loadUnaligned(fromByteOffset: place * 32, as: SIMD16<Int16>.self)
                        place = place + 1 == span ? 0 : place + 1
                        var x = SIMD16<Int16>(truncatingIfNeeded: (sums[block + 1] &+ half) &>> 6) &+ noise
                        x = pointwiseMin(pointwiseMax(x, .zero), white)
                        // x²(3 - 2x), with 1 written as 255.
                        let u = SIMD16<UInt16>(truncatingIfNeeded: x)
                        let curve = (((u &* u) &>> 8) &* (triple &- (u &<< 1))) &>> 8
                        let change = SIMD16<Int16>(truncatingIfNeeded: curve) &- x
                        x = x &+ ((change &* strength) &>> 8)
                        x = pointwiseMax(x, .zero)
                        pixels[block] = SIMD16<UInt8>(truncatingIfNeeded: x)
                    }
                }
            }
        }
    }

    /// Writes the row without its fourth channel.
    func write(to output: UnsafeMutableRawBufferPointer, at offset: Int) {
        guard offset >= 0, offset + width * 3 <= output.count else { return }
        pixels.withUnsafeBytes { source in
            // Four bytes at a time, the fourth to be overwritten by the next pixel; not at the very end.
            var x = 0
            while x < width, offset + x * 3 + 4 <= output.count {
                output.storeBytes(
                    of: source.load(fromByteOffset: x * 4, as: UInt32.self), toByteOffset: offset + x * 3,
                    as: UInt32.self)
                x += 1
            }
            while x < width {
                for channel in 0..<3 { output[offset + x * 3 + channel] = source[x * 4 + channel] }
                x += 1
            }
        }
    }

    /// The pixel beyond each end is the end's own.
    private mutating func extendEnds() {
        let first = sums[1].lowHalf.lowHalf
        sums[0] = SIMD16(lowHalf: .zero, highHalf: SIMD8(lowHalf: .zero, highHalf: first))
        let last = sums[(width - 1) / 4 + 1]
        let lane = (width - 1) % 4 * 4
        var filled = last
        for index in (lane + 4)..<max(16, lane + 4) where index < 16 { filled[index] = last[lane + index % 4] }
        sums[(width - 1) / 4 + 1] = filled
        var edge = SIMD16<UInt16>.zero
        for channel in 0..<4 { edge[channel] = last[lane + channel] }
        sums[sums.count - 1] = edge
    }

    @inline(__always)
    private static func block(_ row: UnsafeRawBufferPointer, _ block: Int) -> SIMD16<UInt16> {
        SIMD16<UInt16>(truncatingIfNeeded: row.loadUnaligned(fromByteOffset: block * 16, as: SIMD16<UInt8>.self))
    }
}
