/// What a source met on its way that is no frame and no error: counts since it was opened.
public struct SourceDiagnostics: Hashable, Sendable {
    /// Packets or frames that could not be decoded.
    public var undecodable = 0
    /// Frames delivered although their decoder marked them as damaged.
    public var corrupt = 0
    /// Of a folder, the names of the first such pictures.
    public var firstCorrupt: [String] = []
    /// Frames refused because their decoder marked them as damaged.
    public var refused = 0
    /// How often a looped source began anew.
    public var loops = 0
    /// What a folder holds beside the pictures that were read: of these, those that could not be read too.
    public var leftOut: [LeftOut] = []
    /// The last failure that did not end the stream, as a sentence.
    public var lastFailure: String?

    /// Nothing met yet.
    public init() {}
}
