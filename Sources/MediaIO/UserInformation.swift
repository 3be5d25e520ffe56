import Glibc

/// The user name and password of a URL, as a user typed them.
///
/// People type passwords as they are, with `/`, `@`, `#`, `?` or blanks in them, and such a URL is not well formed. So
/// everything up to the last `@` counts: a URL that has an `@` in its path loses its host in messages, and no password
/// is shown.
struct UserInformation {
    /// What lies between `scheme://` and the last `@`, as offsets in the text's UTF-8; it may be empty.
    let range: Range<Int>
    private let bytes: [UInt8]

    /// Finds them in `text`, which is one location and nothing else. Nil where it has none.
    init?(location text: String) {
        let bytes = Array(text.utf8)
        guard let range = Self.range(of: bytes, isPath: { Self.isPath(text) }) else { return nil }
        self.range = range
        self.bytes = bytes
    }

    private static func range(of bytes: [UInt8], isPath: () -> Bool) -> Range<Int>? {
        let at = bytes.lastIndex(of: UInt8(ascii: "@"))
        if let scheme = leadingScheme(of: bytes, before: at ?? bytes.count) {
            return at.map { scheme..<$0 } ?? brokenAuthority(in: bytes[scheme...])
        }
        // `admin:password@host`, where the scheme was forgotten or mistyped.
        guard let at, let colon = bytes[..<at].firstIndex(of: UInt8(ascii: ":")), !isPath() else { return nil }
        return colon + 1..<at
    }

    /// Where what follows the `scheme://` that `bytes` begin with begins: a password may have a `://` in it too.
    private static func leadingScheme(of bytes: [UInt8], before end: Int) -> Int? {
        guard let scheme = firstScheme(in: bytes[...], before: end) else { return nil }
        let isName = bytes[..<(scheme - 3)].allSatisfy { byte in
            switch byte {
            case 48...57, 65...90, 97...122, 43, 45, 46: true
            default: false
            }
        }
        return isName ? scheme : nil
    }

    private static func isPath(_ text: String) -> Bool {
        if text.hasPrefix("/"), !text.hasPrefix("//") { return true }
        return text.hasPrefix("./") || text.hasPrefix("../") || access(text, F_OK) == 0
    }

    /// Where what follows the first `://` of `bytes` begins, if that lies before `end`.
    static func firstScheme(in bytes: ArraySlice<UInt8>, before end: Int) -> Int? {
        guard end >= bytes.startIndex + 3 else { return nil }
        for index in bytes.startIndex...(end - 3) where bytes[index] == UInt8(ascii: ":") {
            if bytes[index + 1] == UInt8(ascii: "/"), bytes[index + 2] == UInt8(ascii: "/") { return index + 3 }
        }
        return nil
    }

    /// The part of `rest`, which follows `scheme://`, up to the path, if that is no host with a port but something like
    /// `admin:password`: a URL that lost its end.
    static func brokenAuthority(in rest: ArraySlice<UInt8>) -> Range<Int>? {
        let authority = authority(of: rest, stops: " \t'\"<>")
        let isReference = String(decoding: authority, as: UTF8.self).contains("${")
        guard !isReference, authority.first != UInt8(ascii: "["), !hasPort(authority) else { return nil }
        return authority.startIndex..<authority.endIndex
    }

    private static func authority(of rest: ArraySlice<UInt8>, stops: String = "") -> ArraySlice<UInt8> {
        let stops = Set("/?#\r\n\(stops)".utf8)
        return rest.prefix { !stops.contains($0) }
    }

    /// Whether what follows the last colon of `authority` can be a port; true where there is no colon.
    private static func hasPort(_ authority: ArraySlice<UInt8>) -> Bool {
        guard let colon = authority.lastIndex(of: UInt8(ascii: ":")) else { return true }
        let port = authority[(colon + 1)...]
        if port.isEmpty { return true }
        return Int(String(decoding: port, as: UTF8.self)).map { (0...65_535).contains($0) } ?? false
    }

    /// All of it, as it is written.
    var text: String { String(decoding: bytes[range], as: UTF8.self) }

    /// The password, or all of it where it may be a token. A user's name alone is no secret, and often a word that logs
    /// need: `admin`.
    var secret: String? {
        let all = bytes[range]
        if let colon = all.firstIndex(of: UInt8(ascii: ":")) {
            return String(decoding: all[(colon + 1)...], as: UTF8.self)
        }
        return isBare || all.count >= 16 || !signsToEncode.isEmpty ? text : nil
    }

    /// Whether it follows a colon that is no `://`: `admin:password@host`, where it is the password alone.
    private var isBare: Bool { Self.leadingScheme(of: bytes, before: range.upperBound) != range.lowerBound }

    /// Whether FFmpeg would read another host than the user means: the authority ends before the last `@`, and what is
    /// before it can hardly be a host, but what follows it can.
    var isMisread: Bool {
        guard !isBare,
            range.upperBound < bytes.count
        else { return false }
        let authority = Self.authority(of: bytes[range.lowerBound...])
        guard authority.endIndex <= range.upperBound, !authority.isEmpty else { return false }
        let inner = authority.lastIndex(of: UInt8(ascii: "@"))
        let place = authority[(inner.map { $0 + 1 } ?? authority.startIndex)...]
        if place.first != UInt8(ascii: "["), !Self.hasPort(place) { return true }
        guard inner != nil || authority.contains(UInt8(ascii: ":")) else { return false }
        let host = Self.host(of: place)
        let meant = Self.host(of: Self.authority(of: bytes[(range.upperBound + 1)...]))
        return !Self.isSurelyHost(host) && Self.isSurelyHost(meant)
    }

    private static func host(of authority: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        authority.lastIndex(of: UInt8(ascii: ":")).map { authority[..<$0] } ?? authority
    }

    private static func isSurelyHost(_ host: ArraySlice<UInt8>) -> Bool {
        let text = String(decoding: host, as: UTF8.self).lowercased()
        if text == "localhost" || text.hasPrefix("[") { return true }
        return text.contains(".")
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46 }
    }

    /// The signs in it that a URL must have encoded, in the order of the text, each once.
    private var signsToEncode: [UInt8] {
        let reserved = Set("/?#@[]\\\"<>^`{|} \t\r\n".utf8)
        var found: [UInt8] = []
        for index in range {
            let byte = bytes[index]
            let isBarePercent =
                byte == UInt8(ascii: "%") && PercentEncoding.value(of: bytes[(index + 1)..<range.upperBound]) == nil
            if reserved.contains(byte) || isBarePercent, !found.contains(byte) { found.append(byte) }
        }
        return found
    }

    /// What to do where the URL does not work; nil where nothing is wrong with its user name and password.
    var hint: String? {
        let signs = signsToEncode
        guard !signs.isEmpty else { return nil }
        let written = signs.sorted().map { byte in
            let sign = byte > 32 ? String(UnicodeScalar(byte)) : byte == 32 ? "a blank" : "a tab or line end"
            return "\(sign) as \(PercentEncoding.encoded(byte))"
        }
        return
            "in a URL's user name and password write \(written.joined(separator: ", ")), or take the password out of "
            + "it with ${env:NAME} or ${credential:NAME}"
    }
}
