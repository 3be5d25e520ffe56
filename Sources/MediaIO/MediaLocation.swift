import CFFmpeg
import Glibc

/// Where media is: a path or a URL. Printing it never shows passwords or tokens.
public struct MediaLocation: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let text: String
    /// The URL's scheme in lower case; nil for a plain path.
    public let scheme: String?

    /// The location that a user wrote: a URL, a path, or `-` for standard input.
    ///
    /// A path that looks like a URL (`a:b.mp4`) counts as a path where such a file exists.
    public init(_ text: String) {
        if text == "-" {
            self.text = "pipe:0"
            scheme = "pipe"
            return
        }
        self.text = text
        scheme = Self.scheme(of: text)
        guard scheme != nil else { return }
        for userinfo in Secrets.userinfo(in: text) {
            // The user's name is no secret by itself, and often a word that logs need: `admin`.
            // Alone it may be a token.
            let parts = userinfo.split(separator: ":", maxSplits: 1)
            guard let secret = parts.count > 1 ? parts[1] : userinfo.utf8.count >= 16 ? parts.first : nil else {
                continue
            }
            Secrets.remember(String(secret))
            Secrets.remember(Self.percentDecoded(secret))
        }
        for value in Secrets.parameterValues(in: text) {
            Secrets.remember(String(value))
            Secrets.remember(Self.percentDecoded(value))
        }
    }

    /// The path of a local file; nil for what is read over a protocol.
    public var path: String? {
        switch scheme {
        case nil: return text
        case "file":
            let rest = text.dropFirst("file:".count)
            guard rest.hasPrefix("//") else { return String(rest) }
            let afterHost = rest.dropFirst(2).drop { $0 != "/" }
            return afterHost.isEmpty ? nil : String(afterHost)
        default: return nil
        }
    }

    /// Whether data comes at its own pace and may stop coming: cameras and streams, but not files and pipes.
    public var isLive: Bool {
        switch scheme {
        case nil, "file", "pipe", "fd", "concat", "concatf", "subfile", "data", "crypto", "cache", "async": false
        default: true
        }
    }

    /// Whether it is fetched over HTTP.
    public var isHTTP: Bool { scheme == "http" || scheme == "https" }

    /// What the user may see: userinfo and the values of secret parameters are `***`.
    public var description: String { text == "pipe:0" ? "standard input" : Secrets.redact(text) }
    /// The same as `description`.
    public var debugDescription: String { description }
    /// Shows no secrets to `dump` either.
    public var customMirror: Mirror { Mirror(self, children: ["location": description]) }

    /// `text` without what is known or looks like a secret: userinfo in URLs, values of secret parameters.
    public static func redacted(_ text: String) -> String { Secrets.redact(text) }

    /// What FFmpeg is given. Secrets are in it.
    var url: String {
        guard let path else { return text }
        return "file:" + path
    }

    private static func scheme(of text: String) -> String? {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let name = text[..<colon]
        guard let first = name.first, first.isASCII, first.isLetter,
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
        else { return nil }
        if text[colon...].hasPrefix("://") { return name.lowercased() }
        guard isProtocol(name.lowercased()), access(text, F_OK) != 0 else { return nil }
        return name.lowercased()
    }

    private static func isProtocol(_ name: String) -> Bool {
        var state: UnsafeMutableRawPointer?
        while let known = avio_enum_protocols(&state, 0) {
            if String(cString: known) == name { return true }
        }
        return false
    }

    private static func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
