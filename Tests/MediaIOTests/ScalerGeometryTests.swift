import Foundation
import Imaging
import MediaIO
import Testing

/// A picture in `gbrp` whose colours tell the position: red grows to the right, green downwards.
private final class Ramp: Sendable {
    nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>
    let size: ImageSize

    init(size: ImageSize) {
        self.size = size
        base = .allocate(capacity: 3 * size.area + 64)
        base.initialize(repeating: 0, count: 3 * size.area + 64)
        for y in 0..<size.height {
            for x in 0..<size.width {
                base[y * size.width + x] = Self.value(y, of: size.height)
                base[size.area + y * size.width + x] = 128
                base[2 * size.area + y * size.width + x] = Self.value(x, of: size.width)
            }
        }
    }

    deinit { base.deallocate() }

    static func value(_ index: Int, of count: Int) -> UInt8 { UInt8(((Double(index) + 0.5) / Double(count) * 255)) }

    func picture(_ orientation: Orientation = .upright, aspect: Rational = Rational(1, 1)) -> Picture {
        Picture(
            codedSize: size, format: .gbrp,
            planes: (0..<3).map { Picture.Plane(base: base + $0 * size.area, stride: size.width) },
            sampleAspectRatio: aspect, orientation: orientation,
            color: ColorDescription(matrix: 0, isFullRange: true), owner: self)
    }
}

@Suite("Geometry of scaling")
struct ScalerGeometryTests {
    private static let orientations: [Orientation] = Orientation.Rotation.allCases.flatMap { rotation in
        [false, true].map { Orientation(rotation: rotation, isMirrored: $0) }
    }

    /// Where a point of the upright picture lies in the picture as stored, by the definition of `Orientation`.
    private func stored(y: Double, x: Double, _ orientation: Orientation, _ coded: ImageSize) -> (y: Double, x: Double)
    {
        let (height, width) = (Double(coded.height), Double(coded.width))
        let (row, column): (Double, Double)
        switch orientation.rotation {
        case .none: (row, column) = (y, x)
        case .quarter: (row, column) = (height - x, y)
        case .half: (row, column) = (height - y, width - x)
        case .threeQuarters: (row, column) = (x, width - y)
        }
        return (row, orientation.isMirrored ? width - column : column)
    }

    @Test(
        "every pixel shows the part of the source that the geometry says, bars are black",
        arguments: Fit.allCases, orientations)
    func positions(fit: Fit, orientation: Orientation) throws {
        let scaler = Scaler()
        for (size, mask) in [
            (ImageSize(height: 90, width: 160), ImageSize(height: 96, width: 128)),
            (ImageSize(height: 97, width: 61), ImageSize(height: 64, width: 64)),
            (ImageSize(height: 120, width: 333), ImageSize(height: 77, width: 51)),
        ] {
            for aspect in [Rational(1, 1), Rational(4, 3)] {
                let picture = Ramp(size: size).picture(orientation, aspect: aspect)
                let geometry = MaskGeometry(
                    mask: mask, source: picture.size, pixelAspect: picture.pixelAspect, fit: fit)
                let target = PlanarRGB(size: mask)
                target.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 77) }
                #expect(try scaler.scale(picture, into: target, fit: fit) == geometry)
                let pixels = Pixels(target)
                var worst = 0.0
                for y in 0..<mask.height {
                    for x in 0..<mask.width {
                        let sourceY = (Double(y) + 0.5) * geometry.scaleY + geometry.offsetY
                        let sourceX = (Double(x) + 0.5) * geometry.scaleX + geometry.offsetX
                        let inside =
                            (0..<Double(picture.size.height)).contains(sourceY)
                            && (0..<Double(picture.size.width)).contains(sourceX)
                        guard inside else {
                            #expect(pixels[y, x] == [0, 0, 0])
                            continue
                        }
                        let point = stored(y: sourceY, x: sourceX, orientation, size)
                        let got = pixels[y, x]
                        // The outermost pixels average less than they would inside.
                        let slack = 255 * 1.5 * max(geometry.scaleX, 1) / Double(min(size.width, size.height))
                        worst = max(worst, abs(Double(got[0]) - point.x / Double(size.width) * 255) / (3 + slack))
                        worst = max(worst, abs(Double(got[1]) - point.y / Double(size.height) * 255) / (3 + slack))
                    }
                }
                #expect(worst <= 1, "\(size) to \(mask), aspect \(aspect)")
            }
        }
    }

    @Test(
        "a crop that begins between chroma samples is exact",
        .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"),
        arguments: ["yuv420p", "yuv420p10le", "yuv410p", "yuyv422", "nv12", "monob", "rgb24"])
    func oddCrop(format: String) throws {
        let media = try TestMedia()
        let path = try media.make(
            "a.nut", "-f lavfi -i testsrc=s=90x48:r=5 -frames:v 1 -pix_fmt \(format) -strict -1 -c:v rawvideo")
        let picture = try VideoReader.firstPicture(path)
        let geometry = MaskGeometry(mask: ImageSize(height: 32, width: 32), source: picture.size, fit: .crop)
        // 90 x 48 on a square leaves 48 columns from 21 on.
        #expect(geometry.visible == .init(y: 0, x: 21, size: ImageSize(height: 48, width: 48)))
        let pixels = try Scaler().pixels(picture, height: 32, width: 32, fit: .crop)
        let reference = try TestMedia.ffmpeg([
            "-i", path, "-vf",
            "scale=in_color_matrix=bt601:flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp,format=gbrp,"
                + "crop=48:48:21:0:exact=1,scale=32:32:flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp",
            "-pix_fmt", "rgb24", "-f", "rawvideo",
        ])
        let (mean, largest) = pixels.difference(
            from: Pixels(rgb24: reference, size: ImageSize(height: 32, width: 32)))
        // ffmpeg's way here clips colours before it scales, which shows at edges only.
        #expect(mean < 1.5, "mean \(mean), largest \(largest)")
        #expect(largest < 30, "mean \(mean), largest \(largest)")
    }

    @Test(
        "a turned phone video comes out as ffmpeg turns it",
        .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"), arguments: [90, 180, 270])
    func autorotation(degrees: Int) throws {
        let media = try TestMedia()
        let flat = try media.make(
            "a.mp4", "-f lavfi -i testsrc=s=128x96:r=25:d=0.1 -c:v libx264 -qp 0 -pix_fmt yuv420p")
        let path = try media.make("b.mp4", "-i \(flat) -c copy -metadata:s:v rotate=\(degrees)")
        let picture = try VideoReader.firstPicture(path)
        let size = picture.size
        let pixels = try Scaler().pixels(picture, height: size.height, width: size.width)
        let reference = try TestMedia.ffmpeg([
            "-i", path, "-frames:v", "1", "-vf",
            "scale=flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp,format=gbrp", "-pix_fmt", "rgb24", "-f",
            "rawvideo",
        ])
        let (mean, largest) = pixels.difference(from: Pixels(rgb24: reference, size: size))
        #expect(mean < 0.5, "mean \(mean), largest \(largest)")
    }

    @Test("JPEG images are turned as their EXIF tag says", arguments: 1...8)
    func exif(value: Int) throws {
        guard TestMedia.isAvailable else { return }
        let media = try TestMedia()
        let plain = try media.make("a.jpg", "-f lavfi -i testsrc=s=64x48 -frames:v 1 -q:v 2")
        var data = try Data(contentsOf: URL(fileURLWithPath: plain))
        // APP1 with a big-endian TIFF header and one entry: tag 0x0112, SHORT, one value.
        let tiff: [UInt8] =
            [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, UInt8(value), 0, 0, 0, 0, 0, 0]
        let body = Array("Exif\0\0".utf8) + tiff
        data.insert(contentsOf: [0xFF, 0xE1, 0, UInt8(body.count + 2)] + body, at: 2)
        let path = media.path("b.jpg")
        try data.write(to: URL(fileURLWithPath: path))
        let picture = try VideoReader.firstPicture(path)
        let expected: [Orientation] = [
            Orientation(), Orientation(isMirrored: true), Orientation(rotation: .half),
            Orientation(rotation: .half, isMirrored: true), Orientation(rotation: .threeQuarters, isMirrored: true),
            Orientation(rotation: .quarter), Orientation(rotation: .quarter, isMirrored: true),
            Orientation(rotation: .threeQuarters),
        ]
        #expect(picture.orientation == expected[value - 1])
    }

    @Test(
        "pictures of one pixel, and one pixel wide or high, are scaled up",
        arguments: [(1, 1), (1, 40), (40, 1), (2, 3)])
    func tiny(height: Int, width: Int) throws {
        for fit in Fit.allCases {
            let pixels = try Scaler().pixels(
                Ramp(size: ImageSize(height: height, width: width)).picture(), height: 64, width: 96, fit: fit)
            #expect(pixels[32, 48][2] >= 126 && pixels[32, 48][2] <= 130)
        }
    }

    @Test("shrinking averages instead of skipping")
    func shrinking() throws {
        // Black and white columns of one pixel: any skipping shows them, averaging gives grey.
        let size = ImageSize(height: 64, width: 4096)
        let ramp = Ramp(size: size)
        for index in 0..<3 * size.area { ramp.base[index] = index % 2 == 0 ? 0 : 255 }
        let pixels = try Scaler().pixels(ramp.picture(), height: 32, width: 300)
        for x in 2..<298 { #expect((110...145).contains(pixels[16, x][1])) }
    }

    @Test("one scaler follows changes of size, format and orientation")
    func changes() throws {
        let scaler = Scaler()
        for round in 0..<30 {
            let size = ImageSize(height: 20 + round * 3, width: 30 + round * 7 % 50)
            let orientation = Self.orientations[round % 8]
            let pixels = try scaler.pixels(Ramp(size: size).picture(orientation), height: 48, width: 64)
            #expect(abs(pixels[24, 32][0] - 128) <= 8)
            #expect(abs(pixels[24, 32][1] - 128) <= 8)
        }
    }

    @Test("odd network widths leave the planes' neighbours alone")
    func oddTargets() throws {
        for width in 1...70 {
            let pixels = try Scaler().pixels(
                Ramp(size: ImageSize(height: 30, width: 40)).picture(), height: 9, width: width)
            // The blue plane is 128 everywhere: what spilled over from another plane would show.
            let blue = pixels.bytes.suffix(9 * width)
            #expect(blue.allSatisfy { (126...130).contains($0) }, "width \(width)")
        }
    }
}
