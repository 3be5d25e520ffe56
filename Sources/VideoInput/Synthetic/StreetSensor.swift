/// The camera's last steps: a lens that softens a little, a tone curve, and the sensor's noise.
///
/// Colours are square roots of light, in which a sensor's shot noise is as strong in the dark as in the bright.
struct StreetSensor {
    private static let margin = 64
    private let curve: [UInt8]
    /// Noise in 8-bit steps, drawn once; each row of each frame reads it from a place of its own.
    private let grain: [Int8]
    private let seed: UInt64

    /// Without noise the lens and the grain are left out, and only the tone curve is applied.
    let hasNoise: Bool

    init(seed: UInt64, light: StreetLight, hasNoise: Bool) {
        self.seed = seed
        self.hasNoise = hasNoise
        var random = DriveRandom(seed, 90)
        grain = (0..<(1 << 15)).map { _ in Int8(min(max((random.normal() * light.noise).rounded(), -32), 32)) }
        curve = (0..<(256 + 2 * Self.margin)).map { index in
            let x = min(max((Float(index) - Float(Self.margin)) / 255, 0), 1)
            let curved = x * x * (3 - 2 * x)
            return UInt8((x + (curved - x) * light.contrast) * 255 + 0.5)
        }
    }

    /// Turns the canvas into packed red, green and blue bytes.
    func expose(_ canvas: StreetCanvas, frame: Int, into output: UnsafeMutableRawBufferPointer, scratch: inout [UInt64])
    {
        let width = canvas.width
        let height = canvas.height
        guard output.count >= width * height * 3 else { return }
        if scratch.count < width + 2 { scratch = [UInt64](repeating: 0, count: width + 2) }
        canvas.withPixels { colors, _ in
            curve.withUnsafeBufferPointer { curve in
                grain.withUnsafeBufferPointer { grain in
                    scratch.withUnsafeMutableBufferPointer { row in
                        for y in 0..<height {
                            hasNoise
                                ? soften(colors, y, width, height, row)
                                : copy(colors, y, width, row)
                            let target = UnsafeMutableRawBufferPointer(
                                rebasing: output[(y * width * 3)..<((y + 1) * width * 3)])
                            develop(row, width, frame, y, curve, grain, target)
                        }
                    }
                }
            }
        }
    }

    /// Three channels of a pixel in 16 bits each.
    @inline(__always)
    private func spread(_ color: UInt32) -> UInt64 {
        UInt64(color & 255) | UInt64(color & 0xff00) << 8 | UInt64(color & 0xff0000) << 16
    }

    /// Each pixel with a little of its neighbours, times 64: 1 6 1 in both directions.
    private func soften(
        _ colors: UnsafeBufferPointer<UInt32>, _ y: Int, _ width: Int, _ height: Int,
        _ row: UnsafeMutableBufferPointer<UInt64>
    ) {
        let above = max(y - 1, 0) * width
        let below = min(y + 1, height - 1) * width
        let here = y * width
        for x in 0..<width {
            row[x + 1] = spread(colors[above + x]) &+ spread(colors[here + x]) &* 6 &+ spread(colors[below + x])
        }
        row[0] = row[1]
        row[width + 1] = row[width]
        var before = row[0]
        for x in 1...width {
            let current = row[x]
            row[x] = before &+ current &* 6 &+ row[x + 1]
            before = current
        }
    }

    private func copy(
        _ colors: UnsafeBufferPointer<UInt32>, _ y: Int, _ width: Int, _ row: UnsafeMutableBufferPointer<UInt64>
    ) {
        for x in 0..<width { row[x + 1] = spread(colors[y * width + x]) &* 64 }
    }

    private func develop(
        _ row: UnsafeMutableBufferPointer<UInt64>, _ width: Int, _ frame: Int, _ y: Int,
        _ curve: UnsafeBufferPointer<UInt8>, _ grain: UnsafeBufferPointer<Int8>,
        _ target: UnsafeMutableRawBufferPointer
    ) {
        let start = DriveRandom.mixed(
            seed &+ DriveRandom.mixed(UInt64(truncatingIfNeeded: frame)) &+ UInt64(y) &* 0x9E37)
        var place = Int(start & 0x7fff)
        let mask = 0x7fff
        let strength = hasNoise ? 1 : 0
        for x in 0..<width {
            let value = row[x + 1] &+ 0x0020_0020_0020
            let r = Int((value >> 6) & 0x3ff) &+ Int(grain[place]) &* strength &+ Self.margin
            let g = Int((value >> 22) & 0x3ff) &+ Int(grain[(place &+ 1) & mask]) &* strength &+ Self.margin
            let b = Int((value >> 38) & 0x3ff) &+ Int(grain[(place &+ 2) & mask]) &* strength &+ Self.margin
            target[x &* 3] = curve[r]
            target[x &* 3 &+ 1] = curve[g]
            target[x &* 3 &+ 2] = curve[b]
            place = (place &+ 3) & mask
        }
    }
}
