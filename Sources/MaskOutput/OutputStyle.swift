import MediaIO

/// What is shown of a mask.
public enum OutputStyle: String, CaseIterable, Sendable {
    /// The source's picture with the class colours over it.
    case overlay
    /// The class colours.
    case mask
    /// The class ids themselves, a byte a pixel; 255 means no answer.
    case ids

    var content: VideoContent {
        switch self {
        case .overlay: .picture
        case .mask: .colors
        case .ids: .ids
        }
    }
}

/// At which size `mask` and `ids` are written; an overlay always has the source's.
public enum OutputResolution: String, CaseIterable, Sendable {
    /// A class for every pixel of the source.
    case source
    /// The network's own pixels.
    case mask
}

/// Choices for sinks that paint or encode.
public struct OutputOptions: Sendable {
    /// How strongly the colour covers the picture in an overlay, 0…1.
    public var opacity = 0.5
    /// The size of `mask` and `ids`.
    public var resolution = OutputResolution.source
    /// Threads an encoder may use.
    public var threads = 2
    /// H.264's constant rate factor of overlays, 0 (best) … 51.
    public var quality = 20
    /// Whether a video keeps the input's time stamps instead of its pace from 0 on (`ClockCorrections`).
    public var keepsExactTimes = false

    /// The defaults.
    public init() {}
}
