import Glibc
import Imaging

/// A text with references to secrets, `rtsp://${credential:cam_user}:${env:CAM_PASS}@host/`, which are looked up
/// when they are needed: a configuration need not hold them, and one that changes is used at the next connection.
public struct SecretReferences: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// A reference that is not written rightly, or whose secret is not there. Names, never values.
    public enum Failure: Error, Hashable, CustomStringConvertible {
        /// `${` without its `}`.
        case unfinished
        /// What stands in the braces is neither `env:NAME` nor `credential:NAME`.
        case unknown
        /// The name cannot be one.
        case badName(String)
        /// The environment has no such variable.
        case noVariable(String)
        /// The service has no such credential.
        case noCredential(String, directory: String?)
        /// The credential cannot be read.
        case unreadable(String, code: Int32)

        /// One sentence for people.
        public var description: String {
            switch self {
            case .unfinished: "a ${ has no }; references are written ${env:NAME} or ${credential:NAME}"
            case .unknown:
                "a ${…} is no reference; secrets are written ${env:NAME} or ${credential:NAME}, and in a URL a $ that "
                    + "belongs to a password is %24"
            case .badName(let kind): "the name in ${\(kind):…} may have letters, digits, - _ and . only"
            case .noVariable(let name): "the environment variable \(name) is not set"
            case .noCredential(let name, let directory?):
                "there is no credential \(name) in \(directory); add LoadCredential=\(name):PATH to the unit"
            case .noCredential(let name, nil):
                "the credential \(name) is asked for, but this service has no credentials; "
                    + "add LoadCredential=\(name):PATH to the unit"
            case .unreadable(let name, let code):
                "the credential \(name) cannot be read: \(String(cString: strerror(code)))"
            }
        }
    }

    private enum Part: Hashable {
        case text(String)
        case variable(String)
        case credential(String)
    }

    private let parts: [Part]
    private let isURL: Bool

    /// Whether `text` refers to a secret: a file's name may have a `${` in it that means nothing.
    public static func hasReference(_ text: String) -> Bool {
        text.contains("${env:") || text.contains("${credential:")
    }

    /// Reads `text`. Throws where a reference in it is not written rightly.
    public init(_ text: String) throws(Failure) {
        var parts: [Part] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            if start.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<start.lowerBound]))) }
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { throw .unfinished }
            let inner = rest[start.upperBound..<end]
            let pair = inner.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let kind = String(pair.first ?? "")
            guard kind == "env" || kind == "credential" else { throw .unknown }
            let name = pair.count == 2 ? String(pair[1]) : ""
            let isName = name.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == ".")
            }
            guard isName, !name.isEmpty, name != ".", name != ".." else { throw .badName(kind) }
            parts.append(kind == "env" ? .variable(name) : .credential(name))
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty || parts.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
        isURL = text.contains("://")
    }

    /// What is wrong with the URL's user name and password, the references aside; nil where nothing is.
    public var userInformationProblem: String? {
        // A reference is percent-encoded where it is put in.
        let text = parts.map { if case .text(let text) = $0 { text } else { "x" } }.joined()
        return MediaLocation(text).userInformationProblem
    }

    /// As the user may see it.
    public var description: String {
        let text = parts.map { part in
            switch part {
            case .text(let text): text
            case .variable(let name): "${env:\(name)}"
            case .credential(let name): "${credential:\(name)}"
            }
        }
        return MediaLocation.shown(text.joined())
    }
    /// Shows no secrets to `dump` either.
    public var customMirror: Mirror { Mirror(self, children: ["text": description]) }

    /// Whether there is a reference in it.
    public var isEmpty: Bool { !parts.contains { if case .text = $0 { false } else { true } } }

    /// The text with its secrets; inside a URL they are percent-encoded. From now on every one of them is hidden
    /// wherever this program writes it. Throws where one is missing.
    ///
    /// `environment` answers the value of a variable, by default this process's.
    public func resolved(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
    ) throws(Failure) -> String {
        var result = ""
        for part in parts {
            let secret: String
            switch part {
            case .text(let text):
                result += text
                continue
            case .variable(let name):
                guard let value = environment(name), !value.isEmpty else { throw .noVariable(name) }
                secret = value
            case .credential(let name):
                secret = try Self.credential(name, directory: environment("CREDENTIALS_DIRECTORY"))
            }
            let written = isURL ? PercentEncoding.encoded(secret) : secret
            Secrets.remember(secret)
            Secrets.remember(written)
            result += written
        }
        return result
    }

    private static func credential(_ name: String, directory: String?) throws(Failure) -> String {
        guard let directory, !directory.isEmpty else { throw .noCredential(name, directory: nil) }
        let descriptor = open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .noCredential(name, directory: directory) : .unreadable(name, code: errno)
        }
        defer { close(descriptor) }
        // systemd allows a megabyte in all; no password has more than this.
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .unreadable(name, code: errno) }
        var text = String(decoding: bytes[..<count], as: UTF8.self)[...]
        while let last = text.last, last.isNewline { text.removeLast() }
        guard !text.isEmpty else { throw .noCredential(name, directory: directory) }
        return String(text)
    }
}
