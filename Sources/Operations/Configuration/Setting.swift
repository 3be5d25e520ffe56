import Yams

/// How a setting's value is written and read.
struct SettingFormat<Value: Sendable>: Sendable {
    /// What is accepted, for people: `a whole number from 1 to 256`.
    let expectation: String
    /// The words it can be, where it is one of a few.
    let choices: [String]
    /// The value in a node; or the node that is wrong.
    let read: @Sendable (Node) -> SettingReading<Value>
    /// The value as it is written in a file.
    let write: @Sendable (Value) -> String
}

/// What reading a value came to.
enum SettingReading<Value: Sendable> {
    case value(Value)
    /// This node, the value itself or a member of it, is not what is expected.
    case wrong(Node)
}

/// A key of the configuration file, without its type.
protocol AnySetting: Sendable {
    /// The key.
    var key: String { get }
    /// What it does, one or two sentences; the manual has the same.
    var documentation: String { get }
    /// What is accepted, for people.
    var expectation: String { get }
    /// The value where the key is left out, as it is written in a file; nil where it must be given.
    var defaultText: String? { get }
    /// What the manual gives where there is no default.
    var example: String { get }
}

/// A key of the configuration file: its type, what is accepted, its value where it is left out.
struct Setting<Value: Sendable>: AnySetting {
    let key: String
    let format: SettingFormat<Value>
    /// The value where the key is left out; nil where it must be given.
    let fallback: Value?
    /// Whether its value must not appear in messages.
    let isSecret: Bool
    let example: String
    let documentation: String

    init(
        _ key: String, _ format: SettingFormat<Value>, default fallback: Value?, example: String = "",
        isSecret: Bool = false, _ documentation: String
    ) {
        self.example = example
        self.key = key
        self.format = format
        self.fallback = fallback
        self.isSecret = isSecret
        self.documentation = documentation
    }

    var expectation: String { format.expectation }
    var defaultText: String? { fallback.map { format.write($0) } }
}

/// A key whose value is a section of further keys, or a list of such sections.
struct SettingSection: Sendable {
    let key: String
    let isList: Bool
    /// Whether the manual has it at work, or only in a comment.
    let isInManual: Bool
    let entries: [SettingEntry]
    let documentation: String

    init(
        _ key: String, isList: Bool = false, isInManual: Bool = true, _ documentation: String, _ entries: [SettingEntry]
    ) {
        self.isInManual = isInManual
        self.key = key
        self.isList = isList
        self.entries = entries
        self.documentation = documentation
    }
}

/// One row of the table of keys.
enum SettingEntry: Sendable {
    case setting(any AnySetting)
    case section(SettingSection)

    var key: String {
        switch self {
        case .setting(let setting): setting.key
        case .section(let section): section.key
        }
    }
}
