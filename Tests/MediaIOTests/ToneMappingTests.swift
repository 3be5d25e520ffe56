import Foundation
import Imaging
import MediaIO
import Testing

/// Grey of 10 bits over memory of the test's own.
private final class Gray10: Sendable {
    static let size = ImageSize(height: 32, width: 64)
    nonisolated(unsafe) private let base: UnsafeMutablePointer<UInt16>

    init(_ code: UInt16) {
        let (height, width) = (Self.size.height, Self.size.width)
        let luma = height * width
        base = .allocate(capacity: luma + luma / 2 + 64)
        base.initialize(repeating: 512, count: luma + luma / 2 + 64)
        base.update(repeating: code, count: luma)
    }

    deinit { base.deallocate() }

    func picture(transfer: Int) -> Picture {
        let (height, width) = (Self.size.height, Self.size.width)
        let raw = UnsafeMutableRawPointer(base)
        let chroma = raw + 2 * height * width
        return Picture(
            codedSize: Self.size, format: PixelFormat(rawValue: "yuv420p10le"),
            planes: [
                .init(base: raw, stride: 2 * width), .init(base: chroma, stride: width),
                .init(base: chroma + height * width / 2, stride: width),
            ], color: ColorDescription(matrix: 9, isFullRange: false, primaries: 9, transfer: transfer), owner: self)
    }
}

@Suite("Pictures of a high dynamic range")
struct ToneMappingTests {
    /// The 10-bit code of grey of a luminance in cd/m², by SMPTE ST 2084.
    private func pq(_ nits: Double) -> UInt16 {
        let power = pow(nits / 10_000, 2610.0 / 16384)
        let value = pow(
            (3424.0 / 4096 + 2413.0 / 128 * power) / (1 + 2392.0 / 128 * power), 2523.0 / 32)
        return UInt16((64 + 876 * value).rounded())
    }

    private func networkSees(_ code: UInt16, transfer: Int) throws -> [Int] {
        let target = PlanarRGB(size: ImageSize(height: 16, width: 32))
        _ = try Scaler().scale(Gray10(code).picture(transfer: transfer), into: target, fit: .stretch)
        return target.withUnsafeBytes { bytes in (0..<3).map { Int(bytes[$0 * target.size.area + 100]) } }
    }

    @Test("dark greys of PQ keep their light, white is bright, and the brightest is white")
    func pq() throws {
        for nits in [1.0, 10, 50, 90] {
            let expected = Int((pow(nits / 203, 1 / 2.4) * 255).rounded())
            for value in try networkSees(pq(nits), transfer: 16) { #expect(abs(value - expected) <= 2, "\(nits)") }
        }
        #expect(try networkSees(pq(203), transfer: 16).allSatisfy { (215...250).contains($0) })
        #expect(try networkSees(pq(1000), transfer: 16).allSatisfy { $0 >= 253 })
        #expect(try networkSees(pq(0), transfer: 16).allSatisfy { $0 == 0 })
        #expect(try networkSees(pq(10_000), transfer: 16).allSatisfy { $0 >= 253 })
    }

    @Test("white of HLG at 75 % is the same as that of PQ at 203 cd/m²")
    func hlg() throws {
        let hlg = try networkSees(64 + 876 * 3 / 4, transfer: 18)
        let pq = try networkSees(pq(203), transfer: 16)
        for (one, other) in zip(hlg, pq) { #expect(abs(one - other) <= 3) }
    }

    @Test("brighter light never becomes darker")
    func monotonous() throws {
        for transfer in [16, 18] {
            var last = 0
            for code in stride(from: UInt16(64), through: 940, by: 12) {
                let value = try networkSees(code, transfer: transfer)[0]
                #expect(value >= last, "\(transfer): \(code)")
                last = value
            }
        }
    }

    @Test("a converted picture is SDR, says so, and shows what the network sees")
    func converted() throws {
        let scaler = Scaler()
        let source = Gray10(pq(50)).picture(transfer: 16)
        for format in [PixelFormat.yuv420p, .yuv444p, .gbrp, .rgb24] {
            let picture = try scaler.convert(source, to: Gray10.size, format: format)
            #expect(!picture.color.isHDR)
            #expect(picture.color.primaries == 1 && picture.color.transfer == 1)
            let target = PlanarRGB(size: ImageSize(height: 16, width: 32))
            _ = try Scaler().scale(picture, into: target, fit: .stretch)
            let value = target.withUnsafeBytes { Int($0[100]) }
            #expect(try abs(value - networkSees(pq(50), transfer: 16)[0]) <= 2, "\(format)")
        }
    }

    @Test(
        "HDR10 and HLG files say what they are, turned ones too",
        .enabled(if: TestMedia.isAvailable))
    func files() throws {
        let media = try TestMedia()
        for (name, code) in [("smpte2084", 16), ("arib-std-b67", 18)] {
            let path = try media.make(
                "\(name).mkv",
                "-f lavfi -i testsrc2=s=64x48:d=0.2 -pix_fmt yuv420p10le -c:v ffv1 -color_primaries bt2020 -colorspace bt2020nc -color_trc \(name)"
            )
            let reader = try VideoReader(MediaLocation(path))
            let picture = try #require(try reader.next()?.frame.picture)
            #expect(picture.color.transfer == code)
            #expect(picture.color.isHDR)
            let turned = Picture(
                codedSize: picture.codedSize, format: picture.format, planes: picture.planes,
                orientation: Orientation(rotation: .quarter), color: picture.color, owner: picture)
            let upright = try Scaler().convert(picture, to: ImageSize(height: 48, width: 64), format: .gray)
            let quarter = try Scaler().convert(turned, to: ImageSize(height: 64, width: 48), format: .gray)
            let (first, second) = (upright.planes[0], quarter.planes[0])
            // The upper left corner comes to the upper right.
            let corner = Int(first.base.load(as: UInt8.self))
            let moved = Int(second.base.load(fromByteOffset: 47, as: UInt8.self))
            withExtendedLifetime((upright, quarter)) { #expect(abs(corner - moved) <= 2) }
        }
    }
}
