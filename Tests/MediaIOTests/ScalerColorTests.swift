import Foundation
import Imaging
import MediaIO
import Testing

/// A picture over bytes of the test's own.
private final class Bytes: Sendable {
    nonisolated(unsafe) let base: UnsafeMutableRawPointer

    init(_ values: [UInt8]) {
        base = .allocate(byteCount: values.count + 64, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: values.count + 64)
        values.withUnsafeBytes { base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(base), byteCount: $0.count) }
    }

    deinit { base.deallocate() }
}

@Suite("Colours after scaling")
struct ScalerColorTests {
    /// A flat Y'CbCr picture of 8 bits.
    private func flat(_ y: UInt8, _ u: UInt8, _ v: UInt8, rows: Int, columns: Int, color: ColorDescription) -> Picture {
        let chroma = (rows / 2) * (columns / 2)
        let bytes = Bytes(
            Array(repeating: y, count: rows * columns) + Array(repeating: u, count: chroma)
                + Array(repeating: v, count: chroma))
        return Picture(
            codedSize: ImageSize(height: rows, width: columns), format: .yuv420p,
            planes: [
                .init(base: bytes.base, stride: columns), .init(base: bytes.base + rows * columns, stride: columns / 2),
                .init(base: bytes.base + rows * columns + chroma, stride: columns / 2),
            ], color: color, owner: bytes)
    }

    /// H.273's equations.
    private func expected(_ y: UInt8, _ u: UInt8, _ v: UInt8, kr: Double, kb: Double, isFull: Bool) -> [Int] {
        let luma = isFull ? Double(y) / 255 : (Double(y) - 16) / 219
        let cb = (Double(u) - 128) / (isFull ? 255 : 224)
        let cr = (Double(v) - 128) / (isFull ? 255 : 224)
        let red = luma + 2 * (1 - kr) * cr
        let blue = luma + 2 * (1 - kb) * cb
        let green = (luma - kr * red - kb * blue) / (1 - kr - kb)
        return [red, green, blue].map { Int((min(max($0, 0), 1) * 255).rounded()) }
    }

    @Test(
        "flat colours come out as H.273's equations say, by matrix and range", arguments: [1, 5, 6, 7, 9],
        [
            false, true,
        ])
    func matrices(matrix: Int, isFull: Bool) throws {
        let weights: [Int: (Double, Double)] = [
            1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087), 9: (0.2627, 0.0593),
        ]
        let (kr, kb) = try #require(weights[matrix])
        let scaler = Scaler()
        for (y, u, v) in [
            (81, 90, 240), (145, 54, 34), (41, 240, 110), (128, 128, 128), (235, 128, 128), (16, 128, 128),
        ]
            as [(UInt8, UInt8, UInt8)]
        {
            let picture = flat(
                y, u, v, rows: 48, columns: 64, color: ColorDescription(matrix: matrix, isFullRange: isFull))
            let pixels = try scaler.pixels(picture, height: 32, width: 96)
            let want = expected(y, u, v, kr: kr, kb: kb, isFull: isFull)
            for (got, want) in zip(pixels[16, 48], want) { #expect(abs(got - want) <= 2, "\(y) \(u) \(v)") }
        }
    }

    @Test(
        "an untold matrix is BT.709 from 720 rows up, BT.601 below",
        arguments: [(480, 0.299, 0.114), (720, 0.2126, 0.0722)])
    func guess(rows: Int, kr: Double, kb: Double) throws {
        let picture = flat(81, 90, 240, rows: rows, columns: 64, color: .unspecified)
        let pixels = try Scaler().pixels(picture, height: 32, width: 32)
        let want = expected(81, 90, 240, kr: kr, kb: kb, isFull: false)
        for (got, want) in zip(pixels[16, 16], want) { #expect(abs(got - want) <= 2) }
    }

    @Test("grey of limited range is widened, grey of full range is left", arguments: [false, true])
    func gray(isFull: Bool) throws {
        let bytes = Bytes(Array(repeating: 16, count: 32 * 32) + Array(repeating: 235, count: 32 * 32))
        let picture = Picture(
            codedSize: ImageSize(height: 64, width: 32), format: .gray, planes: [.init(base: bytes.base, stride: 32)],
            color: ColorDescription(matrix: 2, isFullRange: isFull), owner: bytes)
        let scaler = Scaler()
        let pixels = try scaler.pixels(picture, height: 64, width: 32)
        #expect(pixels[8, 8] == (isFull ? [16, 16, 16] : [0, 0, 0]))
        #expect(pixels[56, 8] == (isFull ? [235, 235, 235] : [255, 255, 255]))
        let luma = try scaler.convert(picture, to: picture.size, format: .yuv420p)
        #expect(!luma.color.isFullRange)
        let top = luma.withPlanes { $0[0].base.load(as: UInt8.self) }
        #expect(abs(Int(top) - (isFull ? 30 : 16)) <= 1)
    }

    @Test("a matrix that swscale does not know is refused")
    func unknownMatrix() {
        let picture = flat(81, 90, 240, rows: 48, columns: 64, color: ColorDescription(matrix: 8, isFullRange: false))
        #expect(throws: MediaError.self) { try Scaler().pixels(picture, height: 32, width: 32) }
    }

    @Test(
        "pictures come out as ffmpeg's own conversion has them",
        .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"),
        arguments: [
            "yuv420p", "yuv422p", "yuvj420p", "yuv420p10le", "yuv444p12le", "gray", "gray10le", "rgb24", "bgr0",
            "gbrp10le",
            "yuyv422", "nv12", "pal8", "monob", "yuv410p", "rgb48le", "ya8", "p010le",
        ])
    func formats(name: String) throws {
        let media = try TestMedia()
        let path = try media.make(
            "a.nut",
            "-f lavfi -i testsrc=s=51x37:r=5 -frames:v 1 -pix_fmt \(name) -strict -1 -c:v rawvideo")
        let picture = try VideoReader.firstPicture(path)
        let pixels = try Scaler().pixels(picture, height: 40, width: 72)
        let range = name == "yuvj420p" ? ":in_range=pc" : ""
        let reference = try TestMedia.ffmpeg([
            "-i", path, "-vf",
            "scale=72:40:flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp:in_color_matrix=bt601\(range)",
            "-pix_fmt", "rgb24", "-f", "rawvideo",
        ])
        var color = picture
        if name == "yuvj420p" {
            // NUT does not keep the range.
            color = Picture(
                codedSize: picture.codedSize, format: picture.format, planes: picture.planes,
                color: ColorDescription(matrix: 2, isFullRange: true), owner: picture)
        }
        let compared = name == "yuvj420p" ? try Scaler().pixels(color, height: 40, width: 72) : pixels
        let (mean, largest) = compared.difference(
            from: Pixels(rgb24: reference, size: ImageSize(height: 40, width: 72)))
        #expect(mean < 1, "mean \(mean), largest \(largest)")
        #expect(largest <= 4, "mean \(mean), largest \(largest)")
    }
}
