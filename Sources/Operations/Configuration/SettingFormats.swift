import Imaging
import Networks
import Yams

/// The formats that keys can have.
extension SettingFormat {
    /// A value written as one word, number or text.
    static func scalar(
        _ expectation: String, choices: [String] = [], parse: @escaping @Sendable (String) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) -> SettingFormat {
        SettingFormat(
            expectation: expectation, choices: choices,
            read: { node in
                guard case .scalar(let scalar) = node, !scalar.isNothing, let value = parse(scalar.string) else {
                    return .wrong(node)
                }
                return .value(value)
            },
            write: write)
    }

    /// The same, or `word`, which means that there is no such value.
    func or(_ word: String) -> SettingFormat<Value?> {
        SettingFormat<Value?>(
            expectation: "\(expectation), or \(word)", choices: choices.isEmpty ? [] : choices + [word],
            read: { node in
                if case .scalar(let scalar) = node, scalar.string == word { return .value(nil) }
                switch read(node) {
                case .value(let value): return .value(value)
                case .wrong(let node): return .wrong(node)
                }
            },
            write: { $0.map(write) ?? word })
    }

    /// A list of such values, each at most once.
    func list() -> SettingFormat<[Value]> where Value: Hashable {
        SettingFormat<[Value]>(
            expectation: "a list of \(expectation), each once", choices: choices,
            read: { node in
                guard case .sequence(let members) = node else { return .wrong(node) }
                var values: [Value] = []
                for member in members {
                    guard case .value(let value) = read(member), !values.contains(value) else {
                        return .wrong(member)
                    }
                    values.append(value)
                }
                return .value(values)
            },
            write: { "[" + $0.map(write).joined(separator: ", ") + "]" })
    }
}

extension SettingFormat where Value == String {
    /// Any text that is not empty.
    static func text(_ expectation: String) -> SettingFormat {
        scalar(expectation, parse: { $0.isEmpty || $0.contains("\0") ? nil : $0 }, write: { $0 })
    }

    /// FFmpeg's name of a protocol, format or codec.
    static let identifier = SettingFormat.scalar(
        "a name as FFmpeg lists it",
        parse: { text in
            let isName = text.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" || $0 == ".")
            }
            return isName && (1...64).contains(text.count) ? text : nil
        },
        write: { $0 })

    /// FFmpeg's notation of a picture size.
    static let videoSize = SettingFormat.scalar(
        "a size WIDTHxHEIGHT in pixels, such as 1280x720",
        parse: { ImageSize(videoSize: $0) == nil ? nil : $0 }, write: { $0 })

    /// A name that can be part of a file's name.
    static let name = SettingFormat.scalar(
        "a name of letters, digits, - and _, 64 characters at most",
        parse: { text in
            let isName = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            return isName && (1...64).contains(text.count) ? text : nil
        },
        write: { $0 })
}

extension SettingFormat where Value == Bool {
    /// `true` or `false`, and no other word for them.
    static let flag = SettingFormat.scalar(
        "true or false", choices: ["true", "false"],
        parse: { ["true": true, "false": false][$0] }, write: { "\($0)" })

    /// What another word for true or false means; nil where `word` is none.
    static func meant(by word: String) -> Bool? {
        let words = ["yes": true, "on": true, "y": true, "1": true, "true": true]
        let others = ["no": false, "off": false, "n": false, "0": false, "false": false]
        return words[word.lowercased()] ?? others[word.lowercased()]
    }
}

extension SettingFormat where Value == Int {
    /// A whole number in `range`.
    static func integer(_ range: ClosedRange<Int>, _ unit: String = "") -> SettingFormat {
        let what = unit.isEmpty ? "a whole number" : "a whole number of \(unit)"
        return scalar(
            "\(what) from \(range.lowerBound) to \(range.upperBound)",
            parse: { Int($0).flatMap { range.contains($0) ? $0 : nil } }, write: { "\($0)" })
    }

    /// Permissions of a file, in octal as chmod takes them.
    static let permissions = SettingFormat.scalar(
        "permissions in octal, such as 0660",
        parse: { text in
            guard (3...4).contains(text.count), let mode = Int(text, radix: 8), mode <= 0o777 else { return nil }
            return mode
        },
        write: { mode in
            let digits = String(mode, radix: 8)
            return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        })
}

extension SettingFormat where Value == Double {
    /// A number in `range`.
    static func number(_ range: ClosedRange<Double>, _ unit: String = "") -> SettingFormat {
        let what = unit.isEmpty ? "a number" : "a number of \(unit)"
        return scalar(
            "\(what) from \(plain(range.lowerBound)) to \(plain(range.upperBound))",
            parse: { Double($0).flatMap { range.contains($0) ? $0 : nil } }, write: plain)
    }

    private static func plain(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    }
}

extension SettingFormat where Value == ImageSize {
    /// Height × width in pixels.
    static func size(_ range: ClosedRange<Int>) -> SettingFormat {
        scalar(
            "a size HEIGHTxWIDTH in pixels, multiples of \(Architectures.sizeMultiple) from \(range.lowerBound) to "
                + "\(range.upperBound), such as 768x1024",
            parse: { text in
                ImageSize(text).flatMap { size in
                    range.contains(size.height) && range.contains(size.width) && Architectures.take(size) ? size : nil
                }
            },
            write: { "\($0)" })
    }
}

extension SettingFormat where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the words of `Value`.
    static func choice(_ type: Value.Type = Value.self) -> SettingFormat {
        let words = type.allCases.map(\.rawValue)
        return scalar(
            "one of " + words.joined(separator: ", "), choices: words, parse: { Value(rawValue: $0) },
            write: { $0.rawValue })
    }
}

extension Node.Scalar {
    /// Whether it is what YAML has for no value: nothing at all, ~, or null.
    var isNothing: Bool { string.isEmpty || style == .plain && ["~", "null", "Null", "NULL"].contains(string) }
}
