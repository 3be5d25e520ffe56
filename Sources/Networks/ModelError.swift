/// A model file that cannot be used: which file, which tensor or key, what was expected and what was found.
public struct ModelError: Error, CustomStringConvertible, Sendable {
    /// The file.
    public let path: String
    /// What is wrong, as a clause.
    public let problem: String

    /// An error about the file at `path`.
    public init(path: String, _ problem: String) {
        self.path = path
        self.problem = problem
    }

    /// One sentence for people.
    public var description: String { "model \(path): \(problem)" }
}
