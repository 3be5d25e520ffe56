import Foundation

/// A PNG file put together by hand, its data not compressed: any colour type and depth, and any fault.
struct StoredPNG {
    var height: Int
    var width: Int
    var bits: UInt8
    /// PNG's number: 0 grey, 2 RGB, 3 palette, 4 and 6 with alpha.
    var color: UInt8
    /// The bytes of each row.
    var rows: [[UInt8]]
    var palette: [UInt8] = []
    var transparency: [UInt8] = []
    /// Rows at the end that are left out of the data, though the file ends as it should.
    var missingRows = 0

    /// 8-bit grey.
    static func gray(_ values: [[UInt8]]) -> StoredPNG {
        StoredPNG(height: values.count, width: values.first?.count ?? 0, bits: 8, color: 0, rows: values)
    }

    /// 8-bit indices into a palette whose colours are not their indices.
    static func indexed(_ values: [[UInt8]]) -> StoredPNG {
        var file = gray(values)
        file.color = 3
        file.palette = (0..<256).flatMap { [UInt8(255 - $0), 7, UInt8($0 / 2)] }
        return file
    }

    var data: Data {
        var file = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        func chunk(_ name: String, _ content: [UInt8]) {
            let body = Array(name.utf8) + content
            file += word(UInt32(content.count)) + body + word(Self.crc(body))
        }
        chunk("IHDR", word(UInt32(width)) + word(UInt32(height)) + [bits, color, 0, 0, 0])
        if !palette.isEmpty { chunk("PLTE", palette) }
        if !transparency.isEmpty { chunk("tRNS", transparency) }
        chunk("IDAT", Self.stored(rows.dropLast(missingRows).flatMap { [0] + $0 }, isWhole: missingRows == 0))
        chunk("IEND", [])
        return file
    }

    func write(to path: String) throws { try data.write(to: URL(fileURLWithPath: path)) }

    /// A zlib stream of blocks that are not compressed; without its end where it is not whole.
    private static func stored(_ bytes: [UInt8], isWhole: Bool) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(65_535)
            rest = rest.dropFirst(block.count)
            let (low, high) = (UInt8(block.count & 255), UInt8(block.count >> 8))
            stream += [rest.isEmpty && isWhole ? 1 : 0, low, high, ~low, ~high] + block
        } while !rest.isEmpty
        guard isWhole else { return stream }
        var (a, b) = (UInt32(1), UInt32(0))
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return stream + [b >> 8, b, a >> 8, a].map { UInt8(truncatingIfNeeded: $0) }
    }

    static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
