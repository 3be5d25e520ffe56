import Foundation
import Imaging
import MediaIO
import Testing

@Suite("Pictures' own files", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"))
struct StillFileTests {
    /// A TIFF of one directory with one entry.
    private func tiff(_ orientation: UInt8, isBig: Bool) -> [UInt8] {
        isBig
            ? [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]
            : [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]
    }

    private func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }

    private func first(_ path: String, isStrict: Bool) throws -> Picture? {
        var options = VideoReader.Options()
        options.decoder.isStrict = isStrict
        options.decoder.threads = 1
        return try VideoReader(MediaLocation(path), options: options).next()?.frame.picture
    }

    @Test("turn PNG, TIFF and JPEG as they say, strictly read or not", arguments: 1...8)
    func orientations(value: Int) throws {
        let media = try TestMedia()
        let expected: [Orientation] = [
            .upright, Orientation(isMirrored: true), Orientation(rotation: .half),
            Orientation(rotation: .half, isMirrored: true), Orientation(rotation: .threeQuarters, isMirrored: true),
            Orientation(rotation: .quarter), Orientation(rotation: .quarter, isMirrored: true),
            Orientation(rotation: .threeQuarters),
        ]
        let png = [UInt8](StoredPNG.gray(Array(repeating: [1, 2, 3], count: 2)).data)
        for isBig in [false, true] {
            let exif = tiff(UInt8(value), isBig: isBig)
            let body = Array("eXIf".utf8) + exif
            let chunk = word(exif.count) + body + word(Int(StoredPNG.crc(body)))
            let path = media.path("a.png")
            for place in [33, png.count - 12] {
                try Data(png[..<place] + chunk + png[place...]).write(to: URL(filePath: path))
                for isStrict in [false] {
                    #expect(try first(path, isStrict: isStrict)?.orientation == expected[value - 1])
                }
            }
            let jpeg = try media.make("plain.jpg", "-f lavfi -i testsrc2=s=32x16 -frames:v 1")
            let whole = [UInt8](try Data(contentsOf: URL(filePath: jpeg)))
            let content = Array("Exif\0\0".utf8) + exif
            let segment = [0xFF, 0xE1, 0, UInt8(content.count + 2)] + content
            let turned = media.path("turned.jpg")
            try Data(whole[..<2] + segment + whole[2...]).write(to: URL(filePath: turned))
            for isStrict in [false, true] {
                #expect(try first(turned, isStrict: isStrict)?.orientation == expected[value - 1], "\(isStrict)")
            }
        }
    }

    @Test("turn a TIFF by its own tag")
    func tiffTag() throws {
        let media = try TestMedia()
        let path = media.path("a.tif")
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        // Grey of 3 by 2, not compressed; its pixels stand behind the directory.
        let entries = [
            (256, 3), (257, 2), (258, 8), (259, 1), (262, 1), (273, 8 + 2 + 10 * 12 + 4), (274, 6), (277, 1), (278, 2),
            (279, 6),
        ]
        let directory = entries.flatMap { number($0.0, 2) + number(3, 2) + number(1, 4) + number($0.1, 4) }
        let bytes = Array("II*\0".utf8) + number(8, 4) + number(entries.count, 2) + directory + number(0, 4)
        try Data(bytes + [0, 40, 80, 120, 160, 200]).write(to: URL(filePath: path))
        #expect(try first(path, isStrict: false)?.orientation == Orientation(rotation: .quarter))
    }

    @Test("are read strictly where only comments, profiles, EXIF or what stands behind the end are odd")
    func harmlessJPEG() throws {
        let media = try TestMedia()
        let path = try media.make("a.jpg", "-f lavfi -i testsrc2=s=160x96 -frames:v 1")
        let whole = [UInt8](try Data(contentsOf: URL(filePath: path)))
        func with(_ segment: [UInt8]) -> [UInt8] { Array(whole[..<2]) + segment + whole[2...] }
        let files: [[UInt8]] = [
            whole, whole + Array("trailing".utf8), whole + whole, whole.dropLast(2),
            with([0xFF, 0xE1, 0, 12] + Array("Exif\0\0".utf8) + [1, 2, 3, 4]), with([0xFF, 0xE2, 0, 2]),
            with([0xFF, 0xE2, 0, 18] + Array("ICC_PROFILE\0".utf8) + [9, 9, 9, 9]), with([0xFF, 0xEE, 0, 4, 1, 2]),
            with([0xFF, 0xFE, 0, 2]), with([0xFF, 0xFF, 0xFF]), with([0xFF, 0xE0, 0, 7] + Array("JFIF\0".utf8)),
        ]
        func pixels(_ picture: Picture) throws -> [UInt8] {
            let gray = try Scaler().convert(picture, to: picture.size, format: .gray)
            return gray.withPlanes { planes in
                (0..<96).flatMap { row in
                    Array(UnsafeRawBufferPointer(start: planes[0].base + row * planes[0].stride, count: 160))
                }
            }
        }
        let expected = try pixels(try #require(try first(path, isStrict: false)))
        for (number, bytes) in files.enumerated() {
            try Data(bytes).write(to: URL(filePath: path))
            let picture = try #require(try first(path, isStrict: true), "\(number)")
            #expect(try pixels(picture) == expected, "\(number)")
        }
        for length in [whole.count / 3, whole.count / 2, whole.count - 200, whole.count - 40] {
            try Data(whole.prefix(length)).write(to: URL(filePath: path))
            #expect(throws: MediaError.self, "\(length) of \(whole.count)") { try first(path, isStrict: true) }
        }
    }

    @Test(
        "are marked as damaged where a JPEG was cut off or a scan is broken, and not for odd metadata",
        arguments: [1, 4])
    func cutJPEG(threads: Int) throws {
        let media = try TestMedia()
        let path = try media.make("a.jpg", "-f lavfi -i testsrc2=s=160x96 -frames:v 1")
        let whole = [UInt8](try Data(contentsOf: URL(filePath: path)))
        func isCorrupt(_ bytes: [UInt8]) throws -> Bool {
            try Data(bytes).write(to: URL(filePath: path))
            var options = VideoReader.Options()
            options.decoder.threads = threads
            return try #require(try VideoReader(MediaLocation(path), options: options).next()).frame.isCorrupt
        }
        #expect(try !isCorrupt(whole) && !isCorrupt(whole + Array("trailing".utf8)))
        for segment: [UInt8] in [
            [0xFF, 0xE1, 0, 12] + Array("Exif\0\0".utf8) + [1, 2, 3, 4], [0xFF, 0xE2, 0, 2], [0xFF, 0xFE, 0, 2],
            [0xFF, 0xE2, 0, 18] + Array("ICC_PROFILE\0".utf8) + [9, 9, 9, 9],
            [0xFF, 0xE0, 0, 7] + Array("JFIF\0".utf8),
            [0xFF, 0xEE, 0, 4, 1, 2], [0xFF, 0xE1, 0, 8] + Array("Exif\0\0".utf8),
        ] {
            #expect(try !isCorrupt(Array(whole[..<2]) + segment + whole[2...]), "\(segment)")
        }
        for length in [whole.count / 3, whole.count / 2, whole.count - 200, whole.count - 40] {
            #expect(try isCorrupt(Array(whole.prefix(length))), "\(length) of \(whole.count)")
        }
    }

    @Test("in HEIC and AVIF are called so, and what to do is said", arguments: ["heic", "mif1", "avif", "hevc"])
    func heic(brand: String) throws {
        let media = try TestMedia()
        let path = media.path("IMG_0001.HEIC")
        let box = word(24) + Array("ftyp".utf8) + Array(brand.utf8) + word(0) + Array("mif1heic".utf8)
        try Data(box + word(2000) + Array("mdat".utf8) + [UInt8](repeating: 7, count: 1992)).write(
            to: URL(filePath: path))
        let error = #expect(throws: MediaError.self) { try first(path, isStrict: false) }
        let name = brand == "avif" ? "AVIF" : "HEIC"
        #expect(
            error?.reason.contains(name) == true && error?.hint?.contains("convert") == true,
            "\(String(describing: error))")
    }

    @Test(
        "of a maker's own brand are called by the others, raw photos too, and videos that may hold pictures stay videos",
        arguments: [
            (["MiHB", "mif1", "heic"], "HEIC"), (["miaf", "mif1", "avif"], "AVIF"), (["pict", "mif1"], "HEIC"),
            (["miaf", "MiHE"], "HEIC"), (["crx ", "isom"], "CR3"), (["isom", "mif1", "heic"], nil),
            (["mp42", "msf1", "hevc"], nil), (["qt  "], nil), (["xxxx"], nil),
        ] as [([String], String?)])
    func brands(_ brands: [String], name: String?) throws {
        let media = try TestMedia()
        let path = media.path("a.mp4")
        let names = [brands[0], "\0\0\0\0"] + brands
        let box = word(8 + 4 * names.count) + Array("ftyp".utf8) + names.flatMap { Array($0.utf8) }
        try Data(box + word(2000) + Array("mdat".utf8) + [UInt8](repeating: 7, count: 1992)).write(
            to: URL(filePath: path))
        let error = try #require(#expect(throws: MediaError.self) { try first(path, isStrict: false) })
        #expect(error.reason.contains(name.map { "a picture in \($0)" } ?? "moov"), "\(error)")
    }

    @Test("of any kind come through: depths, palettes, alpha, greys, animations")
    func kinds() throws {
        let media = try TestMedia()
        for (name, format) in [
            ("a.png", "rgb48be"), ("b.png", "ya16be"), ("c.png", "pal8"), ("d.png", "monob"), ("e.png", "rgba64be"),
            ("f.tif", "cmyk"), ("g.tif", "gray16le"), ("h.jpg", "yuvj444p"), ("i.jpg", "gray"), ("j.apng", "rgba"),
            ("k.gif", "pal8"), ("l.webp", "yuva420p"), ("m.bmp", "rgb565le"), ("n.tif", "yuv420p"),
        ] {
            guard format != "cmyk" else { continue }
            let isMoving = name.hasSuffix("apng") || name.hasSuffix("gif")
            let path = try media.make(
                name, "-f lavfi -i testsrc2=s=64x48:r=5:d=1 -pix_fmt \(format)", isMoving ? "" : "-frames:v 1")
            let picture = try #require(try first(path, isStrict: false), "\(name)")
            let target = PlanarRGB(size: ImageSize(height: 32, width: 32))
            _ = try Scaler().scale(picture, into: target, fit: .stretch)
        }
    }
}
