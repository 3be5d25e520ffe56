import Imaging

/// The segments of a JPEG file.
///
/// Comments, EXIF, colour profiles, previews and what stands behind the end do no harm to a pixel, however odd they are.
enum JPEGSegments {
    /// A JPEG file with only what the pixels of `file` are made of; nil where it holds no scan.
    static func pixels(of file: [UInt8]) -> [UInt8]? {
        var pixels: [UInt8] = [0xFF, 0xD8]
        var hasScan = false
        for segment in segments(of: file) {
            switch segment.marker {
            case 0xC0...0xCF, 0xDB...0xDD, 0xF7, 0xF8:
                pixels += file[segment.whole]
            case 0xDA:
                hasScan = true
                pixels += file[segment.whole]
            case 0xE0 where file[segment.content].starts(with: Array("JFIF\0".utf8)) && segment.content.count >= 14,
                0xEE where file[segment.content].starts(with: Array("Adobe".utf8)) && segment.content.count >= 12:
                // The shape of a pixel, and which colours the numbers are of.
                pixels += file[segment.whole]
            default: break
            }
        }
        return hasScan ? pixels + [0xFF, 0xD9] : nil
    }

    /// What EXIF says in the first bytes of a file; nil where it says nothing.
    static func orientation(of head: [UInt8]) -> Orientation? {
        for segment in segments(of: head) where segment.marker == 0xE1 {
            let content = head[segment.content]
            if content.starts(with: Array("Exif\0\0".utf8)) { return EXIFOrientation.read(in: content) }
        }
        return nil
    }

    private struct Segment {
        let marker: UInt8
        /// With its marker, and the data of a scan.
        let whole: Range<Int>
        /// Behind its length.
        let content: Range<Int>
    }

    /// Up to the end of the picture, or to where nothing can be understood.
    private static func segments(of file: [UInt8]) -> [Segment] {
        file.withUnsafeBufferPointer { file in
            var segments: [Segment] = []
            var place = 2
            while let start = marker(in: file, from: place) {
                let marker = file[start + 1]
                place = start + 2
                // These have no length.
                if marker == 0x01 || (0xD0...0xD8).contains(marker) { continue }
                guard marker != 0xD9, place + 2 <= file.count else { break }
                let length = Int(file[place]) << 8 | Int(file[place + 1])
                guard length >= 2, place + length <= file.count else { break }
                let content = place + 2..<place + length
                place += length
                if marker == 0xDA { place = endOfScan(in: file, from: place) }
                segments.append(Segment(marker: marker, whole: start..<place, content: content))
            }
            return segments
        }
    }

    /// Where the next marker begins; bytes that are none are passed over.
    private static func marker(in file: UnsafeBufferPointer<UInt8>, from place: Int) -> Int? {
        var place = place
        while place + 1 < file.count {
            if file[place] == 0xFF, file[place + 1] != 0, file[place + 1] != 0xFF { return place }
            place += 1
        }
        return nil
    }

    /// Where the data of a scan ends: at a marker that is no restart.
    private static func endOfScan(in file: UnsafeBufferPointer<UInt8>, from place: Int) -> Int {
        var place = place
        while place + 1 < file.count {
            if file[place] == 0xFF, !(0xD0...0xD7).contains(file[place + 1]), file[place + 1] != 0 { return place }
            place += 1
        }
        return file.count
    }
}
