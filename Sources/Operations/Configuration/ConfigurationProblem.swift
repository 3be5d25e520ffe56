/// One thing that is wrong in a configuration file: where, which key, and what was expected.
public struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// The file as the user named it.
    public let file: String
    /// Line from 1; 0 where the whole file is meant.
    public let line: Int
    /// Column from 1, in characters; 0 where the whole file is meant.
    public let column: Int
    /// The key with all it lies in, such as `cameras[0].source`; empty where the whole file is meant.
    public let key: String
    /// What is wrong, and what would be right.
    public let message: String

    /// `config.yaml:12:5: cameras[0].sorce: unknown key; did you mean "source"?`, as compilers write.
    public var description: String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

/// A configuration file that cannot be used, with all that is wrong in it.
public struct ConfigurationError: Error, CustomStringConvertible {
    /// Everything that is wrong, in the order of the file; at least one.
    public let problems: [ConfigurationProblem]

    /// One line a problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
