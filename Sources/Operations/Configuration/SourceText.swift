import MediaIO
import VideoInput

/// What a user wrote as a camera's source. Printing it never shows passwords or tokens.
public struct SourceText: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let text: String

    /// The source that a user wrote.
    public init(_ text: String) { self.text = text }

    /// What is wrong with the references to secrets in it, or with a password in it; nil where nothing is. Values are not
    /// looked up.
    var problem: String? {
        do {
            return try SecretReferences(text).userInformationProblem
        } catch {
            return "\(error)"
        }
    }
    /// What it means with the secrets it refers to, which are looked up now. Throws where one is missing.
    func resolved() throws -> SourceInput {
        do {
            return SourceInput(try SecretReferences(text).resolved())
        } catch {
            throw MediaError(.notFound, "open", description, reason: "\(error)")
        }
    }
    /// What it means, references to secrets as they are; whether a path is a folder is looked up now.
    public var input: SourceInput { SourceInput(text) }
    /// Whether it is read over RTSP.
    public var isRTSP: Bool { text.lowercased().hasPrefix("rtsp:") || text.lowercased().hasPrefix("rtsps:") }
    /// What may be shown of any text of a configuration: a URL in the wrong place still has its password.
    static func shown(_ text: String) -> String {
        text.contains("://") || text.contains("@") ? MediaLocation.shown(text) : MediaLocation.redacted(text)
    }
    /// As the user may see it.
    public var description: String { input.description }
    /// The same.
    public var debugDescription: String { description }
    /// Shows no secrets to `dump` either.
    public var customMirror: Mirror { Mirror(self, children: ["source": description]) }
}
