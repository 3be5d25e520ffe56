import Glibc
import Imaging
import MediaIO

/// What the first bytes of a PNG file say of its pixels.
struct PNGHeader: Hashable, Sendable {
    /// How a pixel is stored, by PNG's numbers.
    enum ColorType: UInt8, Sendable {
        case gray = 0
        case rgb = 2
        case palette = 3
        case grayWithAlpha = 4
        case rgbWithAlpha = 6
    }

    /// Rows.
    let height: Int
    /// Pixels in a row.
    let width: Int
    /// Bits of a grey value, of an index, or of each of a pixel's colours.
    let bits: Int
    /// How a pixel is stored.
    let color: ColorType

    /// Reads the header of the file at `path`.
    ///
    /// - Throws: `MediaError` where it cannot be read or is no PNG.
    init(path: String) throws(MediaError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let code = errno
            throw MediaError(MediaError.kind(of: -code), "open", path, reason: String(cString: strerror(code)))
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 26)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else {
            let code = errno
            throw MediaError(MediaError.kind(of: -code), "read", path, reason: String(cString: strerror(code)))
        }
        guard count > 0 else { throw MediaError(.invalidData, "read", path, reason: "the file is empty") }
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        guard bytes.prefix(count).starts(with: signature) else {
            throw MediaError(.invalidData, "read", path, reason: "it is no PNG file, whatever its name says")
        }
        guard count == bytes.count, Array(bytes[12..<16]) == Array("IHDR".utf8),
            let color = ColorType(rawValue: bytes[25])
        else {
            throw MediaError(
                .invalidData, "read", path, reason: "it begins as a PNG file does, and has no whole header")
        }
        func number(_ offset: Int) -> Int { bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        width = number(16)
        height = number(20)
        bits = Int(bytes[24])
        self.color = color
    }

    /// `grey, 16 bits`.
    var summary: String {
        let name =
            switch color {
            case .gray: "grey"
            case .rgb: "RGB colours"
            case .palette: "a palette"
            case .grayWithAlpha: "grey with transparency"
            case .rgbWithAlpha: "RGB colours with transparency"
            }
        return "\(name), \(bits) \(bits == 1 ? "bit" : "bits")"
    }
}
