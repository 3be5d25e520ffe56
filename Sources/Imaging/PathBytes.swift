/// Paths as strings, without loss.
///
/// On Linux a name is any bytes but `/` and 0, often Latin-1 or cut in the middle of a character; a Swift string is
/// Unicode, and repairs what is not. Here each byte that is no part of UTF-8 becomes one of 128 private characters,
/// U+10FE80…U+10FEFF, and comes back as that byte when the path is used. Bytes that spell one of these characters are
/// taken one by one, so that every name comes back as it was.
public enum PathBytes {
    private static let base: UInt32 = 0x10FE00

    /// The string for a path of `bytes`.
    public static func text(_ bytes: some Collection<UInt8>) -> String {
        // The first three bytes of the private characters.
        let isPlain = bytes.allSatisfy { $0 < 0xF4 }
        if isPlain, let text = String(validating: bytes, as: UTF8.self) { return text }
        var scalars = String.UnicodeScalarView()
        var rest = Array(bytes)[...]
        while let first = rest.first {
            if let length = length(of: first), let text = String(validating: rest.prefix(length), as: UTF8.self),
                let scalar = text.unicodeScalars.first, byte(of: scalar) == nil
            {
                scalars.append(scalar)
                rest = rest.dropFirst(length)
            } else {
                if let scalar = Unicode.Scalar(base + UInt32(first)) { scalars.append(scalar) }
                rest = rest.dropFirst()
            }
        }
        return String(scalars)
    }

    /// The string for a path that ends with a 0, or at `limit` bytes.
    public static func text(_ bytes: UnsafePointer<CChar>, limit: Int = .max) -> String {
        var count = 0
        while count < limit, bytes[count] != 0 { count += 1 }
        return text(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// The path's bytes.
    public static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if let byte = byte(of: scalar) { bytes.append(byte) } else { bytes += UTF8.encode(scalar) ?? .init() }
        }
        return bytes
    }

    /// A path, or a text with paths in it, as people can see it: `\xE9` for a byte that is no part of UTF-8, and for
    /// control characters `\n`, `\x1B` unless `isText`.
    public static func shown(_ text: String, isText: Bool = false) -> String {
        func isHidden(_ scalar: Unicode.Scalar) -> Bool {
            byte(of: scalar) != nil || !isText && (scalar.value < 0x20 || scalar.value == 0x7F)
        }
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard isHidden(scalar) else {
                shown.append(scalar)
                continue
            }
            let value = byte(of: scalar).map(UInt32.init) ?? scalar.value
            let digits = String(value, radix: 16, uppercase: true)
            let escape = scalar == "\n" ? "\\n" : scalar == "\t" ? "\\t" : "\\x" + (value < 16 ? "0" : "") + digits
            shown.append(contentsOf: escape.unicodeScalars)
        }
        return String(shown)
    }

    /// The byte that a private character stands for.
    private static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        (base + 0x80...base + 0xFF).contains(scalar.value) ? UInt8(scalar.value - base) : nil
    }

    /// The bytes of a character that begins with `first`.
    private static func length(of first: UInt8) -> Int? {
        switch first {
        case 0..<0x80: 1
        case 0xC2..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0..<0xF5: 4
        default: nil
        }
    }
}

extension String {
    /// Runs `body` with the path that this string stands for, as C takes it.
    public func withPath<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        // Without private characters the string's own bytes do; they begin with F4.
        if !utf8.contains(0xF4) { return try withCString(body) }
        let bytes = PathBytes.bytes(self) + [0]
        return try bytes.withUnsafeBytes { raw in
            guard let base = raw.bindMemory(to: CChar.self).baseAddress else { return try "".withCString(body) }
            return try body(base)
        }
    }
}
