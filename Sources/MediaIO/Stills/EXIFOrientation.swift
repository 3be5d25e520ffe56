import Imaging

/// The tag `Orientation` of EXIF data, which is a TIFF file of its own, and of TIFF pictures.
enum EXIFOrientation {
    private static let tag = 0x0112
    private static let mostEntries = 4096

    /// What the first directory of TIFF data says; nil where it says nothing that can be understood. `bytes` gives the
    /// bytes at an offset from the beginning of the data, or fewer at its end.
    static func read(_ bytes: (_ place: Int, _ count: Int) throws(MediaError) -> [UInt8]) throws(MediaError)
        -> Orientation?
    {
        let head = try bytes(0, 8)
        guard head.count == 8 else { return nil }
        let isBig: Bool
        switch Array(head[0..<2]) {
        case Array("MM".utf8): isBig = true
        case Array("II".utf8): isBig = false
        default: return nil
        }
        func number(_ bytes: ArraySlice<UInt8>) -> Int {
            isBig ? bytes.reduce(0) { $0 << 8 | Int($1) } : bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        guard number(head[2..<4]) == 42 else { return nil }
        let directory = number(head[4..<8])
        let count = try bytes(directory, 2)
        guard directory >= 8, count.count == 2 else { return nil }
        let entries = try bytes(directory + 2, 12 * min(number(count[...]), mostEntries))
        for start in stride(from: 0, to: entries.count - 11, by: 12)
        where number(entries[start..<start + 2]) == tag {
            // A 16-bit number as a rule; a few writers take 32 bits.
            let length = [3: 2, 4: 4][number(entries[start + 2..<start + 4])]
            return length.flatMap { Orientation(exif: number(entries[start + 8..<start + 8 + $0])) }
        }
        return nil
    }

    /// The same of data in memory, with or without the `Exif` that stands before it in JPEG.
    static func read(in data: ArraySlice<UInt8>) -> Orientation? {
        let mark = Array("Exif\0\0".utf8)
        let tiff = data.starts(with: mark) ? data.dropFirst(mark.count) : data
        return try? read { (place, count) throws(MediaError) in
            guard place >= 0, count > 0, place < tiff.count else { return [] }
            return Array(tiff.dropFirst(place).prefix(count))
        }
    }
}
