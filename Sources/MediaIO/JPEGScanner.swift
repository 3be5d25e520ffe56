import Glibc

/// Finds JPEG pictures in a stream of bytes by their own structure (ITU-T T.81, annex B), whatever stands between them.
///
/// A picture is from its SOI to its EOI. One that another SOI breaks off is given as it is: the decoder tells its damage.
/// Bytes that are no picture are skipped.
struct JPEGScanner {
    /// No picture is longer, in bytes: what would be is no picture.
    static let longest = 64 << 20

    private enum State {
        /// Between pictures.
        case outside
        /// At a marker, its first byte or fill bytes.
        case marker
        /// Behind a marker's 0xFF.
        case code
        /// At the length of a marker segment; the high byte is known or not.
        case length(high: UInt8?)
        /// In a marker segment.
        case segment(left: Int)
        /// In entropy-coded data.
        case data
        /// Behind a 0xFF in it.
        case dataCode
    }

    private var state = State.outside
    private var picture: [UInt8] = []
    private var before: UInt8 = 0
    private var isScan = false

    /// Takes `bytes`; answers the pictures that ended in them.
    mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) -> [[UInt8]] {
        var pictures: [[UInt8]] = []
        var place = 0
        while place < bytes.count {
            if let run = run(in: bytes, from: place) {
                picture.append(contentsOf: bytes[place..<place + run])
                place += run
            } else {
                if let ended = take(bytes[place]) { pictures.append(ended) }
                place += 1
            }
            if picture.count > Self.longest { stop() }
        }
        return pictures
    }

    /// Bytes from `place` on that belong to the picture and say nothing; nil where the one there says something.
    private mutating func run(in bytes: UnsafeBufferPointer<UInt8>, from place: Int) -> Int? {
        let left = bytes.count - place
        switch state {
        case .segment(let wanted):
            let count = min(wanted, left)
            let rest = wanted - count
            state = rest > 0 ? .segment(left: rest) : isScan ? .data : .marker
            return count
        case .data:
            guard let base = bytes.baseAddress, let found = memchr(base + place, 0xFF, left) else { return left }
            let count = UnsafeRawPointer(found) - UnsafeRawPointer(base + place)
            return count > 0 ? count : nil
        default: return nil
        }
    }

    private mutating func take(_ byte: UInt8) -> [UInt8]? {
        defer { before = byte }
        if case .outside = state {
            if before == 0xFF, byte == 0xD8 { begin() }
            return nil
        }
        picture.append(byte)
        switch state {
        case .marker:
            if byte == 0xFF { state = .code } else { stop() }
        case .code: return marker(byte)
        case .length(nil): state = .length(high: byte)
        case .length(let high?):
            let length = Int(high) << 8 | Int(byte)
            guard length >= 2 else {
                stop()
                return nil
            }
            state = length > 2 ? .segment(left: length - 2) : isScan ? .data : .marker
        case .data: state = .dataCode
        case .dataCode:
            switch byte {
            case 0x00, 0xD0...0xD7: state = .data
            case 0xFF: break
            default: return marker(byte)
            }
        case .outside, .segment: break
        }
        return nil
    }

    private mutating func marker(_ code: UInt8) -> [UInt8]? {
        switch code {
        case 0xFF: state = .code
        case 0xD8:
            picture.removeLast(2)
            let brokenOff = picture
            begin()
            // Two SOIs on end are one.
            return brokenOff.count > 2 ? brokenOff : nil
        case 0xD9:
            let ended = picture
            stop()
            return ended
        case 0x01, 0xD0...0xD7: state = .marker
        case 0x00: stop()
        default:
            isScan = code == 0xDA
            state = .length(high: nil)
        }
        return nil
    }

    private mutating func begin() {
        picture = [0xFF, 0xD8]
        isScan = false
        state = .marker
    }

    private mutating func stop() {
        picture.removeAll()
        state = .outside
    }
}
