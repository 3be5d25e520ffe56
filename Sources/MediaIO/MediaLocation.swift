import CFFmpeg
import Glibc
import Imaging

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
        Secrets.remember(in: text)
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
    public var description: String {
        text == "pipe:0" ? "standard input" : PathBytes.shown(Secrets.redact(location: text))
    }
    /// The same as `description`.
    public var debugDescription: String { description }
    /// Shows no secrets to `dump` either.
    public var customMirror: Mirror { Mirror(self, children: ["location": description]) }

    /// `text` without what is known or looks like a secret: userinfo in URLs, values of secret parameters.
    public static func redacted(_ text: String) -> String { Secrets.redact(message: text) }

    /// `text`, which is one path or URL and nothing else, without what is known or looks like a secret: what `description`
    /// says of it. It is hidden in all other texts from now on.
    public static func shown(_ text: String) -> String { MediaLocation(text).description }

    /// Whether `text` may be a location that has secrets in it.
    public static func isURL(_ text: String) -> Bool { text.contains("://") || text.contains("@") }

    /// What is wrong with the user name and password of a URL that another host would be read from than the one meant, and
    /// what to do; nil where nothing is.
    public var userInformationProblem: String? {
        guard let user = UserInformation(location: text), user.isMisread else { return nil }
        return [Self.misread, user.hint].compactMap { $0 }.joined(separator: "; ")
    }

    private static let misread = "the password in this URL has a sign that ends the host's name"

    /// Throws where FFmpeg would read another host than the one meant.
    func checkUserInformation() throws(MediaError) {
        guard let user = UserInformation(location: text), user.isMisread else { return }
        throw MediaError(.invalidArgument, "open", description, reason: Self.misread, hint: user.hint)
    }

    /// What may help where this cannot be opened; nil where nothing is wrong with its user name and password.
    var userInformationHint: String? { UserInformation(location: text)?.hint }

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
}
