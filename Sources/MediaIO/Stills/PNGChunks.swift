import Imaging

/// The chunks of a PNG file.
///
/// What pixels are made of stands in the critical chunks IHDR, PLTE and IDAT. All else is ancillary: text, colour
/// profiles, times, EXIF, the transparent value. Damage there does no harm to a pixel, and neither does a missing end.
enum PNGChunks {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    private static let end: [UInt8] = [0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82]
    private static let needed: Set<String> = ["IHDR", "PLTE", "IDAT"]

    /// A PNG file with the critical chunks of `file` only.
    ///
    /// - Throws: `MediaError`, `.invalidData` or `.truncated` where one of these is damaged.
    static func pixels(of file: [UInt8], path: String) throws(MediaError) -> [UInt8] {
        var pixels = signature
        var place = signature.count
        var hasData = false
        while place + 8 <= file.count {
            let length = number(file[place..<place + 4])
            let type = file[place + 4..<place + 8]
            let isName = type.allSatisfy { (65...90).contains($0) || (97...122).contains($0) }
            // What follows the last row may be anything.
            if !isName, hasData { break }
            guard isName, length <= 0x7FFF_FFFF else {
                throw damaged(path, "where a chunk should begin, at byte \(place), is something else")
            }
            let name = String(decoding: type, as: UTF8.self)
            if name == "IEND" { break }
            let next = place + 12 + length
            if needed.contains(name) {
                guard next <= file.count else {
                    throw MediaError(
                        .truncated, "decode", path, reason: "the file was cut off in its pixels, chunk \(name)",
                        hint: "only its pixels are looked at; make it anew")
                }
                let told = UInt32(number(file[next - 4..<next]))
                guard crc(file[place + 4..<next - 4]) == told else {
                    throw damaged(path, "its chunk \(name) at byte \(place) is damaged: its checksum is wrong")
                }
                pixels += file[place..<next]
                hasData = hasData || name == "IDAT"
            } else if type[type.startIndex] & 0x20 == 0 {
                throw damaged(path, "its critical chunk \(name) is none that PNG knows")
            }
            place = next
        }
        guard hasData else { throw damaged(path, "it has no pixels (no chunk IDAT)") }
        return pixels + end
    }

    /// What a chunk eXIf says; nil where there is none.
    static func orientation(of file: FileBytes) throws(MediaError) -> Orientation? {
        var place = signature.count
        // A file of many small chunks is still read in no time.
        for _ in 0..<65_536 {
            let head = try file.bytes(at: place, count: 8)
            guard head.count == 8 else { return nil }
            let length = number(head[0..<4])
            let name = String(decoding: head[4..<8], as: UTF8.self)
            guard length <= 0x7FFF_FFFF, name != "IEND" else { return nil }
            if name == "eXIf" {
                return EXIFOrientation.read(in: try file.bytes(at: place + 8, count: min(length, 1 << 20))[...])
            }
            place += 12 + length
        }
        return nil
    }

    private static func damaged(_ path: String, _ reason: String) -> MediaError {
        MediaError(.invalidData, "decode", path, reason: reason, hint: "a pixel may be wrong; make the file anew")
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }

    private static func crc(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            ~bytes.withUnsafeBufferPointer {
                $0.reduce(UInt32.max) { crc, byte in table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
            }
        }
    }
}
