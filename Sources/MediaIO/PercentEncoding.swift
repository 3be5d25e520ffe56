/// The %XX of URLs (RFC 3986).
enum PercentEncoding {
    /// `text` with every byte encoded that is not a letter, a digit, or one of `-._~`.
    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) { bytes.append(byte) } else { bytes += Array(encoded(byte).utf8) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `%2F` for a slash.
    static func encoded(_ byte: UInt8) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        let bytes = [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `bytes` with each %XX replaced by its byte; a % without two digits stays.
    static func decoded(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = value(of: rest) {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    /// The value of the two hexadecimal digits that `bytes` begins with; nil where it does not.
    static func value(of bytes: ArraySlice<UInt8>) -> UInt8? {
        let digits = bytes.prefix(2).compactMap { byte -> UInt8? in
            switch byte {
            case 48...57: byte - 48
            case 65...70: byte - 55
            case 97...102: byte - 87
            default: nil
            }
        }
        return digits.count == 2 ? digits[0] << 4 | digits[1] : nil
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 95, 126: true
        default: false
        }
    }
}
