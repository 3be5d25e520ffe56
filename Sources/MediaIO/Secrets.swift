import Synchronization

/// Keeps passwords and tokens out of every text that leaves this program.
///
/// What was seen as a secret once is hidden everywhere from then on; besides, whatever looks like one. In doubt more
/// is hidden: a message may lose a host, and never shows a password.
enum Secrets {
    private struct Known {
        /// Hidden wherever they are.
        var whole: Set<[UInt8]> = []
        /// Hidden where they are not within a word: a part of a password may be a word that is in others.
        var parts: Set<[UInt8]> = []
    }

    private static let known = Mutex(Known())
    private static let shown = Array("***".utf8)

    /// Remembers a secret, so that it is hidden wherever it is written, in any of its forms. Texts of one or two bytes
    /// are not remembered: hiding them would garble everything else.
    static func remember(_ secret: String, splits: Bool = true) {
        guard secret.utf8.count > 2, secret != "***" else { return }
        let whole = SecretVariants.whole(secret).filter { $0.count > 2 }
        let parts = splits ? SecretVariants.parts(of: secret) : []
        known.withLock { known in
            known.whole.formUnion(whole)
            known.parts.formUnion(parts)
        }
    }

    /// Remembers all secrets of `location`, which is one path or URL and nothing else.
    static func remember(in location: String) {
        if let user = UserInformation(location: location) {
            if let secret = user.secret { remember(secret) }
            if user.text.contains(":") {
                // With the user's name; that alone is no secret.
                remember(user.text, splits: false)
                remember(SecretVariants.basicAuthentication(user.text), splits: false)
            }
        }
        let bytes = Array(location.utf8)
        for range in SecretParameters.ranges(in: bytes, of: .location) {
            remember(String(decoding: bytes[range], as: UTF8.self))
        }
    }

    /// `text`, which is one path or URL and nothing else, as it may be shown.
    static func redact(location text: String) -> String {
        let bytes = Array(text.utf8)
        let user = UserInformation(location: text).map { [$0.range] } ?? []
        return hide(user + SecretParameters.ranges(in: bytes, of: .location) + knownRanges(in: bytes), in: bytes)
    }

    /// `text` as it may be shown: user names and passwords in URLs, values of secret parameters and headers, and
    /// remembered secrets are `***`.
    static func redact(_ text: String) -> String {
        redact(text, parameters: [.url, .header])
    }

    /// The same for text of our own, in which a word before a colon is no header.
    static func redact(message text: String) -> String {
        redact(text, parameters: [.url])
    }

    private static func redact(_ text: String, parameters: [SecretParameters.Place]) -> String {
        let bytes = Array(text.utf8)
        let named = parameters.flatMap { SecretParameters.ranges(in: bytes, of: $0) }
        return hide(userinfoRanges(in: bytes) + named + knownRanges(in: bytes), in: bytes)
    }

    /// In each line, what lies between a `://` and the last `@`.
    private static func userinfoRanges(in bytes: [UInt8]) -> [Range<Int>] {
        bytes.split { $0 == 10 || $0 == 13 }.flatMap { line -> [Range<Int>] in
            var ranges: [Range<Int>] = []
            var rest = line
            while let start = UserInformation.firstScheme(in: rest, before: line.endIndex) {
                rest = line[start...]
                // What was hidden before is followed by a host.
                if rest.starts(with: shown + [UInt8(ascii: "@")]) {
                    rest = rest.dropFirst(shown.count + 1)
                } else if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
                    ranges.append(start..<at)
                    rest = rest[at...]
                } else if let broken = UserInformation.brokenAuthority(in: rest) {
                    ranges.append(broken)
                }
            }
            return ranges
        }
    }

    private static func knownRanges(in bytes: [UInt8]) -> [Range<Int>] {
        let (whole, parts) = known.withLock { ($0.whole, $0.parts) }
        return ranges(of: whole, in: bytes)
            + ranges(of: parts, in: bytes).filter { range in
                !(isWord(bytes, range.lowerBound - 1) && isWord(bytes, range.lowerBound))
                    && !(isWord(bytes, range.upperBound) && isWord(bytes, range.upperBound - 1))
            }
    }

    private static func ranges(of texts: Set<[UInt8]>, in bytes: [UInt8]) -> [Range<Int>] {
        guard !texts.isEmpty, !bytes.isEmpty else { return [] }
        var byFirst: [UInt8: [[UInt8]]] = [:]
        for text in texts {
            if let first = text.first { byFirst[first, default: []].append(text) }
        }
        return bytes.indices.flatMap { start in
            (byFirst[bytes[start]] ?? []).compactMap { text in
                bytes[start...].starts(with: text) ? start..<start + text.count : nil
            }
        }
    }

    private static func isWord(_ bytes: [UInt8], _ index: Int) -> Bool {
        guard bytes.indices.contains(index) else { return false }
        switch bytes[index] {
        case 48...57, 65...90, 97...122, 128...255: return true
        default: return false
        }
    }

    private static func hide(_ ranges: [Range<Int>], in bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        var index = 0
        for range in ranges.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
            if range.isEmpty || range.upperBound <= index { continue }
            // What overlaps what is hidden already, or touches it, is hidden with it.
            if range.lowerBound > index || !result.suffix(shown.count).elementsEqual(shown) {
                result += bytes[index..<max(index, range.lowerBound)]
                result += shown
            }
            index = range.upperBound
        }
        return String(decoding: result + bytes[index...], as: UTF8.self)
    }
}
