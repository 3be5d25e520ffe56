import MediaIO
import Yams

/// A YAML document as plain sections, lists and words: merge keys are merged; tags, curly quotes and what else would be
/// taken for something else than meant are noted.
struct YAMLDocument {
    /// More nodes than this, counted with all repetitions by aliases, are no configuration.
    private static let mostNodes = 100_000

    private let text: YAMLText
    private let notes: SettingReader.Notes
    private var nodes = 0

    /// Reads `yaml`. Nil where it is no YAML, which is noted.
    static func compose(_ yaml: String, notes: SettingReader.Notes) -> Node? {
        let plain = ConfigurationText.plain(yaml)
        let text = YAMLText(plain)
        for mistake in text.falseBlanks { notes.add(line: mistake.line, column: mistake.column, mistake.message) }
        if let mistake = text.keyWithAlias { notes.add(line: mistake.line, column: mistake.column, mistake.message) }
        guard notes.problems.isEmpty, let node = parse(plain, text: text, notes: notes) else { return nil }
        var document = YAMLDocument(text: text, notes: notes)
        guard let result = document.resolved(node) else {
            notes.add(node, "", "more than \(mostNodes) values, with those repeated by aliases; expected fewer")
            return nil
        }
        return result
    }

    private init(text: YAMLText, notes: SettingReader.Notes) {
        self.text = text
        self.notes = notes
    }

    private static func parse(_ yaml: String, text: YAMLText, notes: SettingReader.Notes) -> Node? {
        var yaml = yaml
        for _ in 0..<100 {
            do {
                guard let node = try Yams.compose(yaml: yaml) else {
                    notes.add(nil, "", "empty; expected at least cameras")
                    return nil
                }
                return node
            } catch YamlError.duplicatedKeysInMapping(let duplicates, let context) {
                if let renamed = DuplicateKeys.renamed(duplicates, in: yaml, from: context.mark) {
                    yaml = renamed
                    continue
                }
                let keys = duplicates.sorted().map(SourceText.shown)
                note(context.mark, "given twice: \(keys.joined(separator: ", "))", notes)
            } catch YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
                YamlError.composer(_, let problem, let mark, _)
            {
                note(mark, "not YAML: \(problem)\(hint(problem, at: mark, in: text))", notes)
            } catch YamlError.reader(let problem, let offset, _, _) {
                noteUnreadable(problem, offset, yaml, notes)
            } catch {
                // Its own description has the line with all that stands in it.
                notes.add(nil, "", "not YAML")
            }
            return nil
        }
        notes.add(nil, "", "too many keys are given twice")
        return nil
    }

    private static func noteUnreadable(
        _ problem: String, _ offset: Int?, _ yaml: String, _ notes: SettingReader.Notes
    ) {
        guard let offset else { return notes.add(nil, "", "not YAML: \(problem)") }
        let before = yaml.prefix(offset)
        let line = before.reduce(1) { $1 == "\n" ? $0 + 1 : $0 }
        let column = before.reversed().prefix { $0 != "\n" }.count + 1
        notes.add(line: line, column: column, "not YAML: \(problem)")
    }

    private static func hint(_ problem: String, at mark: Mark, in text: YAMLText) -> String {
        if text.isTab(at: mark) { return "; YAML indents with spaces, and this is a tab" }
        if problem.contains("another document") { return "; a configuration is one document: remove the ---" }
        if problem.contains("undefined alias") {
            return "; no & before it has this name. Put a text with a * in quotes"
        }
        if problem.contains("mapping values are not allowed") {
            return "; put a value with a colon and a blank in quotes, or look at how far the lines are indented"
        }
        if problem.contains("cannot start any token") { return "; put a value that begins with this sign in quotes" }
        if problem.contains("unknown escape character") { return "; in \" write \\\\ for \\, or use '" }
        return ""
    }

    private static func note(_ mark: Mark, _ message: String, _ notes: SettingReader.Notes) {
        notes.add(line: mark.line, column: mark.column, message)
    }

    /// `node` with its merge keys merged. Nil where there are too many nodes.
    private mutating func resolved(_ node: Node) -> Node? {
        nodes += 1
        guard nodes <= Self.mostNodes else { return nil }
        checkTag(of: node)
        switch node {
        case .scalar(let scalar):
            check(scalar, node)
            return node
        case .sequence(var sequence):
            for index in sequence.indices {
                guard let member = resolved(sequence[index]) else { return nil }
                sequence[index] = member
            }
            return .sequence(sequence)
        case .mapping(let mapping): return resolved(mapping)
        case .alias: return node
        }
    }

    private mutating func resolved(_ mapping: Node.Mapping) -> Node? {
        var own: [(Node, Node)] = []
        var merged: [(Node, Node)] = []
        for (key, value) in mapping {
            guard let value = resolved(value) else { return nil }
            guard case .scalar(let scalar) = key, scalar.string == "<<", scalar.style == .plain else {
                guard let key = resolved(key) else { return nil }
                own.append((key, value))
                continue
            }
            let sources = if case .sequence(let members) = value { Array(members) } else { [value] }
            for source in sources {
                guard case .mapping(let section) = source else {
                    notes.add(key, "<<", "expected an alias of a section of keys, such as *base, or a list of them")
                    continue
                }
                merged += section.map { ($0.key, $0.value) }
            }
        }
        var names = Set(own.compactMap(\.0.scalar?.string))
        for (key, value) in merged {
            // What a section has itself, and what an earlier one in the list has, goes before.
            guard let name = key.scalar?.string, names.insert(name).inserted else { continue }
            own.append((key, value))
        }
        return .mapping(Node.Mapping(own, .implicit, mapping.style, mapping.mark))
    }

    private static let knownTags: Set<String> = [
        "", "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
        "tag:yaml.org,2002:null", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map",
    ]

    private func checkTag(of node: Node) {
        let tag = node.tag.rawValue
        guard !Self.knownTags.contains(tag) else { return }
        let isSecret = ["secret", "vault", "env", "pass", "cred"].contains { tag.lowercased().contains($0) }
        notes.add(
            node, "",
            "the tag \(MediaLocation.isURL(tag) ? MediaLocation.shown(tag) : tag) is unknown here"
                + (isSecret
                    ? "; a secret is written ${env:NAME} or ${credential:NAME}, within the value"
                    : "; remove it, or put a value that begins with ! in quotes"))
    }

    private static let curlyQuotes: Set<Character> = ["“", "”", "„", "‟", "‘", "’", "‚", "‛", "«", "»", "＂", "＇"]

    private func check(_ scalar: Node.Scalar, _ node: Node) {
        // Their quotes end others' tries at words.
        guard scalar.style == .plain else { return }
        let ends = [scalar.string.first, scalar.string.last].compactMap { $0 }
        if let quote = ends.first(where: Self.curlyQuotes.contains) {
            notes.add(node, "", "\(quote) is no quotation mark to YAML; write \" or '")
        }
        if scalar.string.contains("：") { notes.add(node, "", "： is no colon to YAML; write : and a blank") }
        if scalar.string.contains("://"), let mark = scalar.mark, text.hasURLInComment(at: mark) {
            notes.add(
                node, "",
                "a # behind a blank begins a comment, and this one may be the end of the URL: put the URL in quotes, and "
                    + "write # as %23 and a blank as %20 in its password")
        }
    }
}
