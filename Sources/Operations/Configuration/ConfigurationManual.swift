/// The manual of settings: a configuration file that names every key with its default, and works as it is.
///
/// The repository's `config.yaml` is this text; a test keeps them the same.
public enum ConfigurationManual {
    /// The whole file.
    public static var text: String {
        var lines = [
            "# segmentd's settings. Every key is here, with its default; keys left out have theirs. A key that is not",
            "# known is an error: `segmentd check-config FILE` says where, and what was meant. Paths that do not start",
            "# with / count from the directory that segmentd is started in.",
        ]
        append(ConfigurationSettings.all, indent: "", isComment: false, to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static let width = 118

    private static func append(
        _ entries: [SettingEntry], indent: String, isComment: Bool, isItem: Bool = false, to lines: inout [String]
    ) {
        for (index, entry) in entries.enumerated() {
            let isFirstOfItem = isItem && index == 0
            if !isFirstOfItem { lines.append("") }
            let mark = isComment ? "# " : ""
            let before = isFirstOfItem ? indent.dropLast(2) + "- " : Substring(indent)
            switch entry {
            case .setting(let setting):
                comment(setting.documentation, indent: indent, to: &lines)
                comment(accepted(setting), indent: indent, to: &lines)
                lines.append("\(mark)\(before)\(setting.key): \(setting.defaultText ?? setting.example)")
            case .section(let section):
                comment(section.documentation, indent: indent, to: &lines)
                if section.isList, !section.isInManual { comment("Default: none.", indent: indent, to: &lines) }
                let isComment = isComment || !section.isInManual
                lines.append("\(isComment ? "# " : "")\(before)\(section.key):")
                let inner = indent + (section.isList ? "    " : "  ")
                append(section.entries, indent: inner, isComment: isComment, isItem: section.isList, to: &lines)
            }
        }
    }

    private static func accepted(_ setting: any AnySetting) -> String {
        let expectation = setting.expectation.prefix(1).uppercased() + setting.expectation.dropFirst()
        guard let fallback = setting.defaultText else { return "\(expectation). Must be given." }
        return "\(expectation). Default: \(fallback)."
    }

    private static func comment(_ text: String, indent: String, to lines: inout [String]) {
        let start = indent + "#"
        var line = start
        for word in text.split(separator: " ") {
            if line.count + 1 + word.count > width, line != start {
                lines.append(line)
                line = start
            }
            line += " " + word
        }
        lines.append(line)
    }
}
