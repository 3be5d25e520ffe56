import Glibc

/// A text with references to secrets, `rtsp://${credential:cam_user}:${env:CAM_PASS}@host/`, which are looked up
/// when they are needed: a configuration need not hold them, and one that changes is used at the next connection.
public struct SecretReferences: Hashable, Sendable {
    /// A reference that is not written rightly, or whose secret is not there. Names, never values.
    public enum Failure: Error, Hashable, CustomStringConvertible {
        /// `${` without its `}`.
        case unfinished
        /// What stands in the braces is neither `env:NAME` nor `credential:NAME`.
        case unknown(String)
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
            case .unknown(let kind):
                "${\(kind):…} is no reference; secrets are written ${env:NAME} or ${credential:NAME}"
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

    /// Reads `text`. Throws where a reference in it is not written rightly.
    public init(_ text: String) throws(Failure) {
        var parts: [Part] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            if start.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<start.lowerBound]))) }
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { throw .unfinished }
            let inner = rest[start.upperBound..<end]
            let pair = inner.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let kind = String(pair.first ?? "").prefix(20)
            guard kind == "env" || kind == "credential" else { throw .unknown(String(kind)) }
            let name = pair.count == 2 ? String(pair[1]) : ""
            let isName = name.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == ".")
            }
            guard isName, !name.isEmpty, name != ".", name != ".." else { throw .badName(String(kind)) }
            parts.append(kind == "env" ? .variable(name) : .credential(name))
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty || parts.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
        isURL = text.contains("://")
    }

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
            let written = isURL ? Self.percentEncoded(secret) : secret
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

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            let isPlain =
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || [45, 46, 95, 126].contains(byte)
            if isPlain {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
