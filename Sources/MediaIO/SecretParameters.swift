/// Parameters of URLs and headers of protocols whose values are secret.
enum SecretParameters {
    /// Where they are looked for.
    enum Place {
        /// In a text that is one URL: a value may have blanks in it.
        case location
        /// `name=value` anywhere in a text.
        case url
        /// `Name: value` in what a protocol sends.
        case header
    }

    private static let names = [
        "password", "passwd", "pass", "pwd", "token", "secret", "key", "apikey", "auth", "authorization", "signature",
        "sig", "credential", "session", "jwt", "passphrase", "psw", "pw", "loginpas", "streamkey", "sas",
    ]

    /// Ends of names written without a gap: `accessToken`, `userPassword`.
    private static let endings = ["token", "password", "passwd", "passphrase", "secret", "signature", "apikey", "pwd"]

    /// Where the values of all secret parameters are, as offsets in `bytes`.
    static func ranges(in bytes: [UInt8], of place: Place) -> [Range<Int>] {
        let sign = UInt8(ascii: place == .header ? ":" : "=")
        var ranges: [Range<Int>] = []
        var index = 0
        while let found = bytes[index...].firstIndex(of: sign) {
            index = found + 1
            let start = bytes[..<found].lastIndex { !isPartOfName($0) }.map { $0 + 1 } ?? 0
            guard isSecret(bytes[start..<found]) else { continue }
            let end = end(of: place, in: bytes, from: index)
            if index < end { ranges.append(index..<end) }
            index = max(end, index)
        }
        return ranges
    }

    /// A value ends where the next parameter begins. A part after an & or ; without a name of its own still belongs to
    /// it, and so does all after a #, for which streams have no use: the value was typed as it is.
    private static func end(of place: Place, in bytes: [UInt8], from start: Int) -> Int {
        let ends =
            switch place {
            case .location: Set("\r\n".utf8)
            case .url: Set(" \t\r\n'\"<>".utf8)
            case .header: Set("\r\n".utf8)
            }
        let end = bytes[start...].firstIndex { ends.contains($0) } ?? bytes.count
        if place == .header { return end }
        var index = start
        while let next = bytes[index..<end].firstIndex(where: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") }) {
            let name = bytes[(next + 1)..<end].prefix { isPartOfName($0) || $0 == UInt8(ascii: ".") }
            if !name.isEmpty, name.endIndex < end, bytes[name.endIndex] == UInt8(ascii: "=") { return next }
            index = next + 1
        }
        return end
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 95, 45, 128...255: true
        default: false
        }
    }

    private static func isSecret(_ name: ArraySlice<UInt8>) -> Bool {
        let name = String(decoding: name, as: UTF8.self).lowercased()
        let words = name.split { $0 == "_" || $0 == "-" }
        return names.contains(name.filter { $0 != "_" && $0 != "-" }) || words.contains { names.contains(String($0)) }
            || endings.contains { name.hasSuffix($0) }
    }
}
