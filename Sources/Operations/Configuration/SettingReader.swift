import Yams

/// Reads one section of a configuration file by the table of its keys, and keeps note of all that is wrong.
struct SettingReader {
    /// Collects problems over all sections of one file.
    final class Notes {
        let file: String
        var problems: [ConfigurationProblem] = []

        init(file: String) { self.file = file }

        func add(_ node: Node?, _ key: String, _ message: String) {
            add(line: node?.mark?.line ?? 0, column: node?.mark?.column ?? 0, key: key, message)
        }

        func add(line: Int, column: Int, key: String = "", _ message: String) {
            problems.append(ConfigurationProblem(file: file, line: line, column: column, key: key, message: message))
        }

        /// In the order of the file, each once: what a merge key or an alias repeats is wrong at one place.
        var inOrder: [ConfigurationProblem] {
            var seen: Set<ConfigurationProblem> = []
            return problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }.filter { seen.insert($0).inserted }
        }
    }

    /// Where the section lies: `cameras[0]`; empty at the top.
    let path: String
    let node: Node
    let notes: Notes
    private let values: [String: Node]

    /// The section in `node`, whose keys are those of `entries`; notes every key that is not.
    init(_ node: Node, path: String, entries: [SettingEntry], notes: Notes) {
        self.path = path
        self.node = node
        self.notes = notes
        guard case .mapping(let mapping) = node else {
            notes.add(node, path, "expected keys and values, got \(Self.shown(node))")
            values = [:]
            return
        }
        var values: [String: Node] = [:]
        let known = entries.map(\.key)
        for (keyNode, value) in mapping {
            guard case .scalar(let scalar) = keyNode else {
                notes.add(keyNode, path, "expected a key, got \(Self.shown(keyNode))")
                continue
            }
            let key = scalar.string
            let nearest = NearestName.nearest(to: key, among: known)
            let isRest = nearest == nil && Self.isEmpty(value) && mapping.contains { Self.isURL($0.value) }
            let full = Self.join(path, isRest ? "***" : SourceText.shown(DuplicateKeys.original(key)))
            if DuplicateKeys.isRenamed(key) {
                notes.add(keyNode, full, "given twice; keep one of them")
            } else if known.contains(key) {
                values[key] = value
            } else if isRest {
                notes.add(
                    keyNode, full,
                    "unknown key, and perhaps the rest of a URL with a comma or brace in it; put the URL in quotes")
            } else if let nearest {
                notes.add(keyNode, full, "unknown key; did you mean \"\(nearest)\"?")
            } else {
                notes.add(keyNode, full, "unknown key; the keys here are \(known.sorted().joined(separator: ", "))")
            }
        }
        self.values = values
    }

    /// Whether the file gives `key`.
    func has(_ key: String) -> Bool { values[key] != nil }

    /// The value of a setting: the file's, or its default. Nil where it is missing or wrong, which is noted.
    func value<Value>(_ setting: Setting<Value>) -> Value? {
        guard let node = values[setting.key] else {
            if setting.fallback == nil, case .mapping = self.node {
                notes.add(
                    self.node, Self.join(path, setting.key), "missing; expected \(setting.expectation)")
            }
            return setting.fallback
        }
        switch setting.format.read(node) {
        case .value(let value):
            return value
        case .wrong(let wrong):
            let got = setting.isSecret ? "something else" : Self.shown(wrong)
            var message = "expected \(setting.expectation), got \(got)"
            if case .scalar(let scalar) = wrong, !setting.isSecret,
                let nearest = NearestName.nearest(to: scalar.string, among: setting.format.choices),
                nearest != scalar.string
            {
                message += "; did you mean \"\(nearest)\"?"
            }
            if case .scalar(let scalar) = wrong, let meant = SettingFormat<Bool>.meant(by: scalar.string),
                setting.format.choices == SettingFormat<Bool>.flag.choices
            {
                message += "; write \(meant)"
            }
            notes.add(wrong, Self.join(path, setting.key), message)
            return nil
        }
    }

    /// Notes a problem with the value of `key`, or with the section where the key is left out.
    func note(_ key: String, _ message: String) {
        notes.add(values[key] ?? node, Self.join(path, key), message)
    }

    /// The section behind a key; an empty one where the file leaves it out.
    func section(_ section: SettingSection) -> SettingReader {
        SettingReader(
            values[section.key] ?? Node.mapping(Node.Mapping([])), path: Self.join(path, section.key),
            entries: section.entries, notes: notes)
    }

    /// The sections in the list behind a key; none where the file leaves it out.
    func sections(_ section: SettingSection) -> [SettingReader] {
        guard let node = values[section.key] else { return [] }
        let full = Self.join(path, section.key)
        guard case .sequence(let members) = node else {
            notes.add(node, full, "expected a list, got \(Self.shown(node))")
            return []
        }
        return members.enumerated().map { index, member in
            SettingReader(member, path: "\(full)[\(index)]", entries: section.entries, notes: notes)
        }
    }

    private static func isURL(_ node: Node) -> Bool { node.scalar?.string.contains("://") == true }

    /// Whether nothing stands behind a key.
    private static func isEmpty(_ node: Node) -> Bool { node.scalar?.string.isEmpty == true }

    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    private static func shown(_ node: Node) -> String {
        switch node {
        case .scalar(let scalar):
            if scalar.isNothing { return "nothing" }
            let text = SourceText.shown(scalar.string)
            let short = text.prefix(60)
            return "\"\(short)\(short.count < text.count ? "…" : "")\""
        case .mapping: return "a section of keys"
        case .sequence: return "a list"
        case .alias: return "an alias"
        }
    }
}
