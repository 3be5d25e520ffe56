import Evaluation
import Foundation
import Imaging
import MediaIO
import Testing

@Suite("A label picture")
struct LabelPictureTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "segmentd-labels-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func read(_ data: Data, name: String = "label.png") throws -> ClassMap {
        let url = folder.appending(path: name)
        try data.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try LabelPicture.read(path: url.path)
    }

    private func refusal(_ data: Data) -> MediaError? {
        #expect(throws: MediaError.self) { try read(data) }
    }

    private func values(_ map: ClassMap) -> [[UInt8]] {
        (0..<map.size.height).map { y in (0..<map.size.width).map { map[row: y, column: $0] } }
    }

    /// Odd in width, so that rows are padded in memory.
    private let ids: [[UInt8]] = [[0, 1, 2, 254, 255], [10, 11, 12, 33, 128], [7, 7, 7, 7, 7]]

    @Test("gives grey values as they are, and of a palette the indices, not the colours")
    func values() throws {
        #expect(values(try read(StoredPNG.gray(ids).data)) == ids)
        #expect(values(try read(StoredPNG.indexed(ids).data)) == ids)
        // What an encoder that compresses makes of many rows.
        let many: [[UInt8]] = (0..<100).map { (y: Int) -> [UInt8] in
            (0..<333).map { (x: Int) -> UInt8 in UInt8((y * y + x) % 251) }
        }
        let encoder = ImageEncoder(format: PixelFormat(rawValue: "pal8"))
        let canvas = try encoder.canvas(size: ImageSize(height: 100, width: 333))
        canvas.setPalette([RGB(9, 9, 9), RGB(8, 8, 8)])
        let plane = canvas.planes[0]
        for (y, row) in many.enumerated() {
            for (x, id) in row.enumerated() { plane[y].storeBytes(of: id, toByteOffset: x, as: UInt8.self) }
        }
        let map = try read(Data(try encoder.encode(canvas)))
        #expect(values(map) == many)
    }

    @Test("may have a palette of fewer bits, or one with transparency")
    func packed() throws {
        var file = StoredPNG.indexed([[0x01, 0x2F]])
        (file.width, file.bits, file.palette) = (4, 4, Array(repeating: 200, count: 48))
        #expect(values(try read(file.data)) == [[0, 1, 2, 15]])
        (file.width, file.bits) = (8, 1)
        file.rows = [[0b1010_0001]]
        #expect(values(try read(file.data)) == [[1, 0, 1, 0, 0, 0, 0, 1]])
        var clear = StoredPNG.indexed(ids)
        clear.transparency = [0, 128]
        #expect(values(try read(clear.data)) == ids)
    }

    @Test("is refused where its pixels are no ids, and says what they are and what is expected")
    func kinds() throws {
        let wide = StoredPNG(height: 1, width: 2, bits: 16, color: 0, rows: [[0, 1, 0, 2]])
        let rgb = StoredPNG(height: 1, width: 2, bits: 8, color: 2, rows: [[1, 2, 3, 4, 5, 6]])
        let alpha = StoredPNG(height: 1, width: 2, bits: 8, color: 6, rows: [[1, 2, 3, 4, 5, 6, 7, 8]])
        let grayAlpha = StoredPNG(height: 1, width: 2, bits: 8, color: 4, rows: [[1, 255, 2, 255]])
        // Four bits of grey would come out as multiples of 17.
        let few = StoredPNG(height: 1, width: 2, bits: 4, color: 0, rows: [[0x12]])
        for (file, words) in [
            (wide, "grey, 16 bits"), (rgb, "RGB colours, 8 bits"), (alpha, "RGB colours with transparency"),
            (grayAlpha, "grey with transparency"), (few, "grey, 4 bits"),
        ] {
            let error = refusal(file.data)
            #expect(error?.kind == .invalidData)
            let text = error?.description ?? ""
            #expect(
                text.contains(words) && text.contains("label.png") && text.contains("expected class ids"), "\(text)")
        }
    }

    /// A chunk, its checksum wrong where it is damaged.
    private func chunk(_ name: String, _ content: [UInt8], isDamaged: Bool = false) -> Data {
        func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        let body = Array(name.utf8) + content
        return Data(word(UInt32(content.count)) + body + word(StoredPNG.crc(body) ^ (isDamaged ? 1 : 0)))
    }

    @Test("is read where only what is no pixel is odd or damaged: text, profile, EXIF, transparent value, end")
    func harmless() throws {
        let whole = StoredPNG.gray(ids).data
        var keyed = StoredPNG.gray(ids)
        keyed.transparency = [0, 255]
        // Behind the header, which ends at byte 33.
        func with(_ chunk: Data) -> Data { whole.prefix(33) + chunk + whole.dropFirst(33) }
        let files = [
            keyed.data, whole.dropLast(12), whole.dropLast(1), whole + Data("behind the end".utf8),
            with(chunk("tEXt", Array("Comment\0damaged".utf8), isDamaged: true)),
            with(chunk("iCCP", Array("profile\0\0nonsense".utf8))), with(chunk("eXIf", [1, 2, 3])),
            with(chunk("zTXt", Array("a\0\0nonsense".utf8), isDamaged: true)), with(chunk("gAMA", [0])),
        ]
        for (number, file) in files.enumerated() {
            let path = folder.appending(path: "label.png").path(percentEncoded: false)
            try file.write(to: URL(filePath: path))
            let label = try LabelPicture.read(path: path)
            let values = label.withUnsafeBytes { Array($0) }
            #expect(values == ids.flatMap { $0 }, "\(number)")
        }
    }

    @Test("is refused where a pixel is damaged in the least, wherever it is cut off")
    func damaged() throws {
        let rows: [[UInt8]] = (0..<40).map { (y: Int) -> [UInt8] in
            (0..<50).map { (x: Int) -> UInt8 in UInt8((y + x) % 11) }
        }
        let whole = StoredPNG.gray(rows).data
        for length in [
            1, 7, 8, 20, 25, 33, 40, 60, whole.count / 2, whole.count - 30, whole.count - 13,
        ] {
            #expect(refusal(whole.prefix(length)) != nil, "\(length)")
        }
        for place in [30, 50, 700, whole.count - 18] {
            var flipped = whole
            flipped[place] ^= 0x10
            #expect(refusal(flipped) != nil, "\(place)")
        }
        // Ends as it should, without its last rows: FFmpeg would show them black, which is a class.
        var short = StoredPNG.gray(rows)
        short.missingRows = 3
        let error = refusal(short.data)
        #expect(error?.kind == .invalidData && error?.reason.contains("IEND without all image") == true)
    }

    @Test("is refused where it is none")
    func none() throws {
        #expect(refusal(Data())?.reason == "the file is empty")
        #expect(refusal(Data("text".utf8))?.reason == "it is no PNG file, whatever its name says")
        #expect(refusal(Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]))?.kind == .invalidData)
        var empty = StoredPNG.gray([[1]])
        (empty.width, empty.height, empty.rows) = (0, 0, [])
        #expect(refusal(empty.data) != nil)
        let error = #expect(throws: MediaError.self) { try LabelPicture.read(path: "/nowhere/label.png") }
        #expect(error?.kind == .notFound && error?.description.contains("/nowhere/label.png") == true)
        #expect(throws: MediaError.self) { try LabelPicture.read(path: folder.path) }
    }
}
