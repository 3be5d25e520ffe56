import Synchronization

/// Keeps passwords and tokens out of every text that leaves this module.
enum Secrets {
    private static let known = Mutex<Set<String>>([])

    /// Names of query parameters and headers whose values are secret.
    private static let names = [
        "password", "passwd", "pass", "pwd", "token", "secret", "key", "apikey", "auth", "authorization", "signature",
        "sig", "credential", "session", "jwt", "passphrase", "psw", "pw", "loginpas", "streamkey", "sas",
    ]

    /// Ends of names written without a gap: `accessToken`, `userPassword`.
    private static let endings = ["token", "password", "passwd", "passphrase", "secret", "signature", "apikey", "pwd"]

    /// Remembers a secret, so that it is hidden wherever FFmpeg writes it. Texts of one or two letters are not
    /// remembered: hiding them would garble everything else.
    static func remember(_ secret: String) {
        guard secret.utf8.count > 2 else { return }
        known.withLock { _ = $0.insert(secret) }
    }

    /// `text` with userinfo in URLs, secret parameters and remembered secrets replaced by `***`.
    static func redact(_ text: String) -> String {
        var result = hideUserinfo(text)
        result = hideParameters(result)
        for secret in known.withLock({ $0.sorted { $0.utf8.count > $1.utf8.count } }) {
            result = replace(secret, in: result)
        }
        return result
    }

    /// The user information of every `scheme://user:password@host` in `text`, without the `@`.
    static func userinfo(in text: String) -> [Substring] {
        userinfoRanges(text).map { text[$0] }
    }

    /// The values of all secret parameters in `text`.
    static func parameterValues(in text: String) -> [Substring] {
        parameterRanges(text).map { text[$0] }
    }

    private static func hideUserinfo(_ text: String) -> String {
        replace(userinfoRanges(text), in: text)
    }

    private static func hideParameters(_ text: String) -> String {
        replace(parameterRanges(text), in: text)
    }

    private static func userinfoRanges(_ text: String) -> [Range<String.Index>] {
        var ranges: [Range<String.Index>] = []
        var index = text.startIndex
        while let scheme = text[index...].firstRange(of: "://") {
            var end = text[scheme.upperBound...].firstIndex { "/?# \t\n'\"<>".contains($0) } ?? text.endIndex
            if hasBrokenPassword(text[scheme.upperBound..<end]) {
                let word = text[scheme.upperBound...].firstIndex { " \t\n'\"<>".contains($0) } ?? text.endIndex
                end = text[scheme.upperBound..<word].lastIndex(of: "@").map { text.index(after: $0) } ?? end
            }
            if let at = text[scheme.upperBound..<end].lastIndex(of: "@") {
                ranges.append(scheme.upperBound..<at)
            }
            index = end
        }
        return ranges
    }

    /// Whether what stands before the first / is no host with a port, but a user and the first part of a password that
    /// has a / in it: `admin:pa/ss@host`. FFmpeg cannot open that, and says so with the whole of it.
    private static func hasBrokenPassword(_ authority: Substring) -> Bool {
        guard !authority.contains("@"), !authority.hasPrefix("["), let colon = authority.lastIndex(of: ":") else {
            return false
        }
        return !authority[authority.index(after: colon)...].allSatisfy { ("0"..."9").contains($0) }
    }

    private static func parameterRanges(_ text: String) -> [Range<String.Index>] {
        var ranges: [Range<String.Index>] = []
        var index = text.startIndex
        while let sign = text[index...].firstIndex(where: { $0 == "=" || $0 == ":" }) {
            let after = text.index(after: sign)
            index = after
            let start =
                text[..<sign].lastIndex { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
                .map { text.index(after: $0) } ?? text.startIndex
            guard isSecret(text[start..<sign]) else { continue }
            let isHeader = text[sign] == ":"
            let from = isHeader ? text[after...].firstIndex { $0 != " " } ?? text.endIndex : after
            let stops: String = isHeader ? "\r\n" : "&;#, \t\r\n'\"<>"
            let end = text[from...].firstIndex { stops.contains($0) } ?? text.endIndex
            if from < end { ranges.append(from..<end) }
            index = max(end, after)
        }
        return ranges
    }

    private static func isSecret(_ name: Substring) -> Bool {
        let words = name.lowercased().split { $0 == "_" || $0 == "-" }
        return names.contains(name.lowercased().filter { $0 != "_" && $0 != "-" })
            || words.contains { names.contains(String($0)) }
            || endings.contains { name.lowercased().hasSuffix($0) }
    }

    private static func replace(_ ranges: [Range<String.Index>], in text: String) -> String {
        var result = ""
        var index = text.startIndex
        for range in ranges {
            result += text[index..<range.lowerBound]
            result += "***"
            index = range.upperBound
        }
        return result + text[index...]
    }

    private static func replace(_ secret: String, in text: String) -> String {
        var ranges: [Range<String.Index>] = []
        var index = text.startIndex
        while let found = text[index...].firstRange(of: secret) {
            ranges.append(found)
            index = found.upperBound
        }
        return ranges.isEmpty ? text : replace(ranges, in: text)
    }
}
