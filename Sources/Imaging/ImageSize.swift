/// The size of a picture, a mask or a tensor plane, in pixels.
///
/// Written height × width, as the paper does: `768x1024` is 768 rows of 1024 pixels. FFmpeg's
/// width × height appears only where FFmpeg's own option is meant (`init(videoSize:)`).
public struct ImageSize: Hashable, Sendable, CustomStringConvertible {
    /// Rows.
    public let height: Int
    /// Pixels in a row.
    public let width: Int

    /// A size of `height` rows of `width` pixels.
    public init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    /// Pixels in all.
    public var area: Int { height * width }

    /// Height and width exchanged, as a quarter turn does.
    public var transposed: ImageSize { ImageSize(height: width, width: height) }

    /// `768x1024`, height first.
    public var description: String { "\(height)x\(width)" }

    /// Parses `768x1024` as height × width; nil unless both are positive numbers.
    public init?(_ text: String) {
        guard let (first, second) = Self.pair(text) else { return nil }
        self.init(height: first, width: second)
    }

    /// Parses FFmpeg's `-video_size` notation, `1280x720`, as width × height; nil unless both are positive numbers.
    public init?(videoSize text: String) {
        guard let (first, second) = Self.pair(text) else { return nil }
        self.init(height: second, width: first)
    }

    private static func pair(_ text: String) -> (Int, Int)? {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }),
            let first = Int(parts[0]), let second = Int(parts[1]),
            (1...1_048_576).contains(first), (1...1_048_576).contains(second)
        else { return nil }
        return (first, second)
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
