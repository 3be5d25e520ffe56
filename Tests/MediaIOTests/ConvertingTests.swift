import Foundation
import Imaging
import MediaIO
import Testing

@Suite("Converting pictures", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"))
struct ConvertingTests {
    private func source(
        _ format: String = "yuv420p", _ extra: String = "", size: String = "96x64", drawn: String = "testsrc=s="
    ) throws -> Picture {
        let media = try TestMedia()
        let path = try media.make(
            "a.mkv", "-f lavfi -i \(drawn)\(size):r=5 -frames:v 1 -pix_fmt \(format) -c:v ffv1 -strict -1 \(extra)")
        return try VideoReader.firstPicture(path)
    }

    private func turned(_ picture: Picture, _ orientation: Orientation) -> Picture {
        Picture(
            codedSize: picture.codedSize, format: picture.format, planes: picture.planes,
            sampleAspectRatio: picture.sampleAspectRatio, orientation: orientation, color: picture.color,
            owner: picture)
    }

    @Test(
        "whatever the format, a converted picture looks as its source does",
        arguments: [
            "rgb24", "bgra", "gbrp", "yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuvj420p", "yuyv422",
            "rgb565le",
        ], [Orientation(), Orientation(rotation: .quarter), Orientation(rotation: .half, isMirrored: true)])
    func looks(format: String, orientation: Orientation) throws {
        let picture = turned(try source(), orientation)
        let scaler = Scaler()
        let converted = try scaler.convert(picture, to: picture.size, format: PixelFormat(rawValue: format))
        #expect(converted.size == picture.size)
        #expect(converted.orientation == .upright)
        #expect(converted.format.rawValue == format)
        let size = picture.size
        let before = try scaler.pixels(picture, height: size.height, width: size.width)
        let after = try scaler.pixels(converted, height: size.height, width: size.width)
        let (mean, _) = after.difference(from: before)
        // 565 has few colours, and packed Y'CbCr loses chroma again.
        let allowed = format == "rgb565le" ? 10 : format == "yuyv422" || format == "yuv422p" ? 5.5 : 2.5
        #expect(mean < (["rgb24", "bgra", "gbrp"].contains(format) ? 0.1 : allowed), "mean \(mean)")
    }

    @Test("odd sizes are turned too", arguments: ["yuv420p", "yuv422p", "rgb24", "nv12"])
    func oddTurned(format: String) throws {
        let picture = turned(
            try source(
                "yuv444p", size: "51x37", drawn: "gradients=nb_colors=2:c0=red:c1=cyan:x0=0:y0=0:x1=50:y1=36:s="),
            Orientation(rotation: .quarter))
        let scaler = Scaler()
        let converted = try scaler.convert(picture, to: picture.size, format: PixelFormat(rawValue: format))
        #expect(converted.size == ImageSize(height: 51, width: 37))
        let before = try scaler.pixels(picture, height: 51, width: 37)
        let after = try scaler.pixels(converted, height: 51, width: 37)
        #expect(after.difference(from: before).mean < 3)
        let shown = try scaler.convert(picture, to: picture.size, format: .rgb24)
        #expect(try scaler.pixels(shown, height: 51, width: 37).difference(from: before).mean < 1)
    }

    @Test("the result says what its numbers mean")
    func colors() throws {
        let scaler = Scaler()
        let limited = try source("yuv420p", "-color_range tv -colorspace bt709")
        #expect(limited.color == ColorDescription(matrix: 1, isFullRange: false))
        #expect(try scaler.convert(limited, to: limited.size, format: .rgb24).color.isFullRange)
        #expect(try scaler.convert(limited, to: limited.size, format: .yuv444p).color == limited.color)
        let full = try source("yuv420p", "-color_range pc -colorspace bt709")
        #expect(full.color == ColorDescription(matrix: 1, isFullRange: true))
        let narrowed = try scaler.convert(full, to: full.size, format: .yuv420p)
        #expect(narrowed.color == ColorDescription(matrix: 1, isFullRange: false))
        let before = try scaler.pixels(full, height: 64, width: 96)
        #expect(try scaler.pixels(narrowed, height: 64, width: 96).difference(from: before).mean < 2)
        let rgb = try source("rgb24")
        #expect(
            try scaler.convert(rgb, to: rgb.size, format: .yuv420p).color
                == ColorDescription(matrix: 6, isFullRange: false))
    }

    @Test("full-range 10-bit video becomes limited-range 8-bit video of the same look")
    func fullTenBit() throws {
        let scaler = Scaler()
        let full = try source("yuv420p10le", "-color_range pc -colorspace bt709")
        let narrowed = try scaler.convert(full, to: full.size, format: .yuv420p)
        let before = try scaler.pixels(full, height: 64, width: 96)
        #expect(try scaler.pixels(narrowed, height: 64, width: 96).difference(from: before).mean < 2)
    }

    @Test("a picture that is right already is not copied")
    func shared() throws {
        let picture = try source()
        let same = try Scaler().convert(picture, to: picture.size, format: .yuv420p)
        #expect(same.planes[0].base == picture.planes[0].base)
    }

    @Test("results come from a pool, and a result that is held is not written again")
    func pool() throws {
        let picture = try source()
        let scaler = Scaler()
        var first: Picture? = try scaler.convert(picture, to: picture.size, format: .rgb24)
        let base = first?.planes[0].base
        let second = try scaler.convert(picture, to: picture.size, format: .rgb24)
        #expect(second.planes[0].base != base)
        first = nil
        let third = try scaler.convert(picture, to: picture.size, format: .rgb24)
        #expect(third.planes[0].base == base)
    }

    @Test("pixel aspect follows the size, but not for a pixel more or less")
    func aspect() throws {
        let picture = try source(size: "95x63")
        let scaler = Scaler()
        #expect(
            try scaler.convert(picture, to: .init(height: 64, width: 96), format: .rgb24).pixelAspect == Rational(1, 1))
        let squeezed = try scaler.convert(picture, to: ImageSize(height: 63, width: 190), format: .rgb24)
        #expect(squeezed.pixelAspect == Rational(1, 2))
    }

    @Test("a format that does not exist is named")
    func unknownFormat() throws {
        let picture = try source()
        let error = #expect(throws: MediaError.self) {
            try Scaler().convert(picture, to: picture.size, format: PixelFormat(rawValue: "nosuch"))
        }
        #expect(error?.description.contains("nosuch") == true)
    }

    @Test("a conversion that swscale refuses is an error, time and again")
    func refused() throws {
        // The width asks for two steps, and the height leaves no step between.
        let picture = try source(size: "8192x2")
        let scaler = Scaler()
        for _ in 0..<50 {
            #expect {
                _ = try scaler.convert(picture, to: ImageSize(height: 600, width: 8), format: picture.format)
            } throws: {
                ($0 as? MediaError)?.action == "convert"
            }
        }
    }
}
