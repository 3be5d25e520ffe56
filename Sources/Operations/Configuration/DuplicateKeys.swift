import Yams

/// Keys that are given twice.
///
/// Yams gives up at the first section that has one and does not say where the key is. So the second one is found in
/// the text and marked, and the file is read again: then it is one problem among the others, at its own place.
enum DuplicateKeys {
    /// A character of the private use area, which no key has.
    private static let marker: Character = "\u{F8FF}"

    /// Whether `key` was marked as given twice.
    static func isRenamed(_ key: String) -> Bool { key.last == marker }

    /// The key as the file has it.
    static func original(_ key: String) -> String { String(key.prefix { $0 != marker }) }

    /// `yaml` with the later ones of `duplicates` marked, in the section that starts at `mark`; nil where they are not
    /// found, as in a section written `{like: this}`.
    static func renamed(_ duplicates: [String], in yaml: String, from mark: Mark) -> String? {
        var lines = yaml.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var seen: Set<String> = []
        var isFound = false
        for index in lines.indices.dropFirst(mark.line - 1) {
            let line = lines[index]
            let content = line.drop { $0 == " " || $0 == "-" }
            guard !content.isEmpty, content.first != "#" else { continue }
            let column = line.count - content.count + 1
            if column < mark.column { break }
            guard column == mark.column, index == mark.line - 1 || !line.drop(while: { $0 == " " }).hasPrefix("-")
            else {
                if column == mark.column { break }
                continue
            }
            guard let key = duplicates.first(where: { content.hasPrefix($0 + ":") }) else { continue }
            if !seen.insert(key).inserted {
                let end = content.index(content.startIndex, offsetBy: key.count)
                lines[index] = line.prefix(column - 1) + key + String(marker) + content[end...]
                isFound = true
            }
        }
        return isFound ? lines.joined(separator: "\n") : nil
    }
}
