import CFFmpeg
import Glibc
import Imaging

/// Brings pictures in PQ or HLG (ITU-R BT.2100) to SDR of BT.709, by tables.
///
/// Luminance goes through the curve of ITU-R BT.2390 (EETF), from a display of 1000 cd/m² to one whose white is at
/// 203 cd/m², the reference white of BT.2408: what is darker than about half of that stays as it is, what is brighter is
/// pressed together. Each pixel's colours are scaled as its luminance is. What lies outside of BT.709 is clipped.
final class ToneMapping {
    /// What the tables depend on.
    struct Key: Hashable {
        fileprivate let isHLG: Bool
        fileprivate let primaries: Int

        init(_ color: ColorDescription) {
            isHLG = color.transfer == 18
            primaries = color.primaries
        }
    }

    /// Bits of the numbers that are mapped.
    static let bits = 12
    private static let white = 203.0
    private static let peak = 1000.0

    /// Numbers that are looked up by their leading bits, 256 to an octave, from 2^lowest to 2^highest.
    private struct Octaves {
        let first: UInt32
        let count: Int

        init(from lowest: Int, to highest: Int) {
            first = UInt32(127 + lowest) << 8
            count = (highest - lowest) << 8
        }

        @inline(__always)
        func index(_ value: Float) -> Int {
            // A positive float's bits rise with it.
            let place = Int(max(value, 0).bitPattern >> 15) - Int(first)
            return min(max(place, 0), count - 1)
        }

        /// The middle of what is looked up at `index`.
        func value(_ index: Int) -> Double {
            Double(Float(bitPattern: (first + UInt32(index)) << 15 | 1 << 14))
        }
    }

    /// Light for each number: in units of white for PQ, of the scene's brightest for HLG.
    private let light: [Float]
    /// By what colours of a luminance are multiplied.
    private let gains: [Float]
    private let gainOctaves = Octaves(from: -20, to: 6)
    /// The 8-bit number for light, in units of white.
    private let codes: [UInt8]
    private let codeOctaves = Octaves(from: -24, to: 1)
    private let luminance: SIMD3<Float>
    // Columns: what a unit of red, green and blue becomes.
    private let red: SIMD3<Float>
    private let green: SIMD3<Float>
    private let blue: SIMD3<Float>

    init(_ key: Key) {
        let last = Double(1 << Self.bits - 1)
        light = (0..<1 << Self.bits).map { code in
            let value = Double(code) / last
            return Float(key.isHLG ? Self.sceneLight(hlg: value) : Self.nits(pq: value) / Self.white)
        }
        let octaves = gainOctaves
        gains = (0..<octaves.count).map { index in
            let value = octaves.value(index)
            // HLG's system gamma of a display of 1000 cd/m².
            let shown = key.isHLG ? pow(value, 1.2) * Self.peak / Self.white : value
            return Float(Self.mapped(shown) / value)
        }
        let codeOctaves = codeOctaves
        codes = (0..<codeOctaves.count).map { index in
            // BT.1886, as SDR displays do it.
            UInt8(min(max((pow(codeOctaves.value(index), 1 / 2.4) * 255).rounded(), 0), 255))
        }
        switch key.primaries {
        case 1:
            luminance = SIMD3(0.2126, 0.7152, 0.0722)
            (red, green, blue) = (SIMD3(1, 0, 0), SIMD3(0, 1, 0), SIMD3(0, 0, 1))
        case 12:
            luminance = SIMD3(0.2290, 0.6917, 0.0793)
            red = SIMD3(1.2249, -0.0420, -0.0196)
            green = SIMD3(-0.2247, 1.0419, -0.0786)
            blue = SIMD3(0, 0, 1.0979)
        default:
            // BT.2020, whose pictures these nearly always are (BT.2087).
            luminance = SIMD3(0.2627, 0.6780, 0.0593)
            red = SIMD3(1.6605, -0.1246, -0.0182)
            green = SIMD3(-0.5876, 1.1329, -0.1006)
            blue = SIMD3(-0.0728, -0.0083, 1.1187)
        }
    }

    /// Maps planes of green, blue and red, 12 bits in 16, to such of 8 bits. The caller vouches for both sizes.
    func map(_ source: PlaneSet, to target: PlaneSet, size: ImageSize) throws {
        guard let sg = source[0], let sb = source[1], let sr = source[2], let tg = target[0], let tb = target[1],
            let tr = target[2]
        else { throw FrameHolder.outOfMemory() }
        let mask = UInt16(1 << Self.bits - 1)
        light.withUnsafeBufferPointer { light in
            gains.withUnsafeBufferPointer { gains in
                codes.withUnsafeBufferPointer { codes in
                    for row in 0..<size.height {
                        let (g, b, r) = (Self.row(sg, row), Self.row(sb, row), Self.row(sr, row))
                        let toGreen = tg.base + row * tg.stride
                        let toBlue = tb.base + row * tb.stride
                        let toRed = tr.base + row * tr.stride
                        for x in 0..<size.width {
                            let lr = light[Int(r[x] & mask)]
                            let lg = light[Int(g[x] & mask)]
                            let lb = light[Int(b[x] & mask)]
                            let y = luminance.x * lr + luminance.y * lg + luminance.z * lb
                            let gain = gains[gainOctaves.index(y)]
                            let color = (red * lr + green * lg + blue * lb) * gain
                            toRed[x] = codes[codeOctaves.index(color.x)]
                            toGreen[x] = codes[codeOctaves.index(color.y)]
                            toBlue[x] = codes[codeOctaves.index(color.z)]
                        }
                    }
                }
            }
        }
    }

    private static func row(_ plane: (base: UnsafeMutablePointer<UInt8>, stride: Int), _ row: Int)
        -> UnsafePointer<UInt16>
    {
        UnsafeRawPointer(plane.base + row * plane.stride).assumingMemoryBound(to: UInt16.self)
    }

    // MARK: - Curves

    /// Luminance after the curve, both in units of white.
    private static func mapped(_ value: Double) -> Double {
        let top = pq(nits: peak)
        let limit = pq(nits: white) / top
        let knee = 1.5 * limit - 0.5
        let e = min(pq(nits: value * white) / top, 1)
        guard e > knee else { return value }
        let t = (e - knee) / (1 - knee)
        let (t2, t3) = (t * t, t * t * t)
        let p = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * limit
        return nits(pq: p * top) / white
    }

    private static let m1 = 2610.0 / 16384
    private static let m2 = 2523.0 / 4096 * 128
    private static let c1 = 3424.0 / 4096
    private static let c2 = 2413.0 / 4096 * 32
    private static let c3 = 2392.0 / 4096 * 32

    private static func nits(pq value: Double) -> Double {
        let power = pow(value, 1 / m2)
        return 10_000 * pow(max(power - c1, 0) / (c2 - c3 * power), 1 / m1)
    }

    private static func pq(nits: Double) -> Double {
        let power = pow(nits / 10_000, m1)
        return pow((c1 + c2 * power) / (1 + c3 * power), m2)
    }

    private static func sceneLight(hlg value: Double) -> Double {
        if value <= 0.5 { return value * value / 3 }
        let a = 0.17883277
        let b = 1 - 4 * a
        let c = 0.5 - a * log(4 * a)
        return (exp((value - c) / a) + b) / 12
    }
}

extension Scaler {
    /// What an SDR picture in R'G'B' says of itself.
    private static let sdr = ColorDescription(matrix: 0, isFullRange: true, primaries: 1, transfer: 1)

    /// Scales the part `region` (as stored) of a picture of a high dynamic range to the whole of `target`, of 8-bit
    /// planes of green, blue and red, as SDR.
    func toneMap(
        _ picture: Picture, _ planes: [Picture.Plane], region: MaskGeometry.Rectangle, to target: FrameHolder
    ) throws {
        let size = ImageSize(height: Int(target.pointer.pointee.height), width: Int(target.pointer.pointee.width))
        let (source, end) = try source(of: picture, planes, region: region)
        let deep = try cache.buffer(size, AV_PIX_FMT_GBRP12LE, step: 6)
        let context = try cache.context(
            from: end,
            to: ScalingContext.End(
                size: size, format: AV_PIX_FMT_GBRP12LE, color: ColorDescription(matrix: 0, isFullRange: true)))
        try context.run(source, to: PlaneSet(deep))
        try cache.toneMapping(picture.color).map(PlaneSet(deep), to: PlaneSet(target), size: size)
    }

    /// `picture`, of a high dynamic range, as an SDR picture that is `size` when it is turned upright.
    func toneMapped(_ picture: Picture, to size: ImageSize) throws -> Picture {
        let swaps = picture.orientation.swapsSides
        let (result, loan) = try cache.loan(swaps ? size.transposed : size, AV_PIX_FMT_GBRP)
        try picture.withPlanes { planes in
            try toneMap(
                picture, planes, region: MaskGeometry.Rectangle(y: 0, x: 0, size: picture.codedSize), to: result)
        }
        let aspect = Self.aspect(of: picture, at: size)
        return try result.picture(
            orientation: picture.orientation,
            sampleAspectRatio: swaps ? Rational(aspect.denominator, aspect.numerator) : aspect, color: Self.sdr,
            owner: loan)
    }
}
