/// The forms in which a secret can appear in a text.
enum SecretVariants {
    /// Shorter parts of a password are not looked for: hiding them would garble everything else.
    private static let shortestPart = 4
    /// Of more parts than this only the single ones and those up to either end are looked for.
    private static let mostParts = 24

    /// `secret` as it is, percent-encoded and decoded, escaped as in JSON and Swift.
    static func whole(_ secret: String) -> Set<[UInt8]> {
        let bytes = Array(secret.utf8)
        let decoded = PercentEncoding.decoded(bytes[...])
        return [
            bytes, decoded, Array(PercentEncoding.encoded(secret).utf8),
            Array(PercentEncoding.encoded(String(decoding: decoded, as: UTF8.self)).utf8),
            escaped(bytes, slashes: false), escaped(bytes, slashes: true),
            Array(String(reflecting: secret).utf8.dropFirst().dropLast()),
        ]
    }

    /// What a URL parser can make of `secret` that takes a `/` or `@` in it for the end of something.
    static func parts(of secret: String) -> Set<[UInt8]> {
        var found: Set<[UInt8]> = []
        for part in parts(of: Array(secret.utf8)) {
            found.insert(Array(part))
            let decoded = PercentEncoding.decoded(part)
            if decoded.count >= shortestPart { found.insert(decoded) }
        }
        return found
    }

    /// HTTP's basic authentication of `userinfo`, without the = at its end.
    static func basicAuthentication(_ userinfo: String) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var result: [UInt8] = []
        var rest = PercentEncoding.decoded(Array(userinfo.utf8)[...])[...]
        while !rest.isEmpty {
            let three = rest.prefix(3)
            rest = rest.dropFirst(3)
            var word = three.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - three.count))
            word <<= 8
            for _ in 0...three.count {
                result.append(digits[Int(word >> 26)])
                word <<= 6
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func parts(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        let separators = Set("/?#@:&=;,% \t\r\n".utf8)
        let marks = bytes.indices.filter { separators.contains(bytes[$0]) }
        guard !marks.isEmpty else { return [] }
        let starts = [0] + marks + marks.map { $0 + 1 }
        let ends = marks + marks.map { $0 + 1 } + [bytes.count]
        var found: [ArraySlice<UInt8>] = []
        let isShort = marks.count <= mostParts
        for start in starts {
            for end in ends where end - start >= shortestPart {
                let isAtEnd = start == 0 || end == bytes.count
                let isSingle = !bytes[start..<end].dropFirst().dropLast().contains { separators.contains($0) }
                if isShort || isAtEnd || isSingle { found.append(bytes[start..<end]) }
            }
        }
        return found
    }

    private static func escaped(_ bytes: [UInt8], slashes: Bool) -> [UInt8] {
        bytes.flatMap { byte -> [UInt8] in
            let needs = byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || slashes && byte == UInt8(ascii: "/")
            return needs ? [UInt8(ascii: "\\"), byte] : [byte]
        }
    }
}
