import Yams

/// What a configuration's text has that YAML would take for something else than its writer meant.
struct YAMLText {
    /// A mistake and its place.
    struct Mistake {
        /// From 1.
        let line: Int
        /// From 1.
        let column: Int
        /// What is wrong and what to do.
        let message: String
    }

    private let lines: [[UnicodeScalar]]

    init(_ text: String) {
        lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Array.init)
    }

    /// Characters that look like blanks and are none to YAML.
    private static let blanks: [ClosedRange<UInt32>] = [
        0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200F, 0x2028...0x202F, 0x205F...0x2060,
        0x3000...0x3000, 0xFEFF...0xFEFF,
    ]

    /// Blanks that are none, outside of quotes and comments.
    var falseBlanks: [Mistake] {
        lines.enumerated().compactMap { index, line -> Mistake? in
            let content = Self.withoutComment(line)
            let isQuoted = content.contains { $0 == "\"" || $0 == "'" }
            let looked = isQuoted ? content.prefix { $0 != "\"" && $0 != "'" } : content[...]
            guard let column = looked.firstIndex(where: { one in Self.blanks.contains { $0.contains(one.value) } })
            else { return nil }
            let code = String(line[column].value, radix: 16, uppercase: true)
            let name = "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
            return Mistake(
                line: index + 1, column: column + 1,
                message: "\(name) looks like a blank and is none to YAML; write a blank, or put the value in quotes")
        }
    }

    /// Whether the character at `mark` is a tab.
    func isTab(at mark: Mark) -> Bool { character(at: mark) == "\t" }

    private func character(at mark: Mark) -> UnicodeScalar? {
        guard lines.indices.contains(mark.line - 1) else { return nil }
        return lines[mark.line - 1].dropFirst(max(0, mark.column - 1)).first
    }

    /// Whether what is a comment behind the value at `mark` is likely to be the rest of a URL.
    func hasURLInComment(at mark: Mark) -> Bool {
        guard lines.indices.contains(mark.line - 1) else { return false }
        let line = lines[mark.line - 1]
        return line.dropFirst(Self.withoutComment(line).count).contains("@")
    }

    /// Where an alias may be part of a key: comparing keys would follow it, through as many aliases as there are.
    var keyWithAlias: Mistake? {
        let text = lines.map(Self.withoutComment)
        guard text.contains(where: { $0.contains("&") }), text.contains(where: { $0.contains("*") }) else { return nil }
        for (index, line) in text.enumerated() {
            let begin = line.drop { $0 == " " || $0 == "-" || $0 == "\t" }
            var previous: UnicodeScalar = " "
            for (column, scalar) in line.enumerated() where scalar != " " && scalar != "\t" {
                let isExplicit = scalar == "?" && (column == begin.startIndex || previous == "{" || previous == ",")
                let isBehind = scalar == ":" && (previous == "]" || previous == "}")
                if isExplicit || isBehind { return Self.keyMistake(index, column) }
                previous = scalar
            }
            for column in line.indices where line[column] == "*" {
                let name = line[(column + 1)...].prefix { $0 != " " && $0 != "," && $0 != "]" && $0 != "}" }
                let next = line[name.endIndex...].first { $0 != " " }
                if name.last == ":" || next == ":" { return Self.keyMistake(index, column) }
            }
        }
        return nil
    }

    private static func keyMistake(_ line: Int, _ column: Int) -> Mistake {
        Mistake(line: line + 1, column: column + 1, message: "expected a key that is one word")
    }

    /// A # at the start or behind a blank begins a comment, except in quotes.
    private static func withoutComment(_ line: [UnicodeScalar]) -> [UnicodeScalar] {
        var quote: UnicodeScalar?
        var previous: UnicodeScalar = " "
        for (column, scalar) in line.enumerated() {
            if let open = quote {
                if scalar == open { quote = nil }
            } else if scalar == "\"" || scalar == "'", [" ", "[", "{", ",", "\t"].contains(previous) {
                quote = scalar
            } else if scalar == "#", previous == " " || previous == "\t" {
                return Array(line[..<column])
            }
            previous = scalar
        }
        return line
    }
}
