/// How a source picture is brought to the network's size.
public enum Fit: String, CaseIterable, Sendable {
    /// Each axis scaled by itself to fill the network's size: nothing is lost, proportions change.
    case stretch
    /// Scaled evenly (as seen, pixel aspect included) to fit inside, centred, the rest black.
    case letterbox
    /// Scaled evenly (as seen) to cover, centred, what sticks out cut off.
    case crop
}

/// The exact map between a mask's pixels and those of the source picture as a viewer sees it.
///
/// Positions are continuous, in pixels, (0, 0) the outer corner of the first pixel and (width, height) the outer
/// corner of the last: source = mask × scale + offset, on each axis.
public struct MaskGeometry: Hashable, Sendable {
    /// The mask's size.
    public let mask: ImageSize
    /// The source's size as seen (`Picture.size`: turned upright, not corrected for pixel aspect).
    public let source: ImageSize
    /// How the source was fitted.
    public let fit: Fit
    /// Source pixels a mask pixel, downwards.
    public let scaleY: Double
    /// Source pixels a mask pixel, rightwards.
    public let scaleX: Double
    /// The source row of the mask's upper edge; negative where the mask starts in a letterbox bar.
    public let offsetY: Double
    /// The source column of the mask's left edge; negative where the mask starts in a letterbox bar.
    public let offsetX: Double

    /// The map for a source of `source` pixels, each of shape `pixelAspect` (width : height), fitted to `mask`.
    ///
    /// Bars and cuts lie on whole pixels of the mask or the source, so that `content` and `visible` are exact.
    public init(mask: ImageSize, source: ImageSize, pixelAspect: Rational = Rational(1, 1), fit: Fit) {
        self.mask = mask
        self.source = source
        self.fit = fit
        let aspect = pixelAspect.isPositive ? pixelAspect.value : 1
        let seenWidth = Double(source.width) * aspect
        let seenHeight = Double(source.height)
        switch fit {
        case .stretch:
            scaleY = Double(source.height) / Double(mask.height)
            scaleX = Double(source.width) / Double(mask.width)
            offsetY = 0
            offsetX = 0
        case .letterbox:
            let scale = min(Double(mask.width) / seenWidth, Double(mask.height) / seenHeight)
            let height = Self.clamp((seenHeight * scale).rounded(), 1, mask.height)
            let width = Self.clamp((seenWidth * scale).rounded(), 1, mask.width)
            scaleY = Double(source.height) / Double(height)
            scaleX = Double(source.width) / Double(width)
            offsetY = -Double((mask.height - height) / 2) * scaleY
            offsetX = -Double((mask.width - width) / 2) * scaleX
        case .crop:
            let scale = max(Double(mask.width) / seenWidth, Double(mask.height) / seenHeight)
            let height = Self.clamp((Double(mask.height) / scale).rounded(), 1, source.height)
            let width = Self.clamp((Double(mask.width) / scale / aspect).rounded(), 1, source.width)
            scaleY = Double(height) / Double(mask.height)
            scaleX = Double(width) / Double(mask.width)
            offsetY = Double((source.height - height) / 2)
            offsetX = Double((source.width - width) / 2)
        }
    }

    private static func clamp(_ value: Double, _ low: Int, _ high: Int) -> Int {
        min(max(Int(value), low), high)
    }

    /// A rectangle of whole pixels.
    public struct Rectangle: Hashable, Sendable {
        /// The first row.
        public let y: Int
        /// The first column.
        public let x: Int
        /// Rows and columns.
        public let size: ImageSize

        /// A rectangle whose first pixel is (`x`, `y`).
        public init(y: Int, x: Int, size: ImageSize) {
            self.y = y
            self.x = x
            self.size = size
        }
    }

    /// The part of the mask that shows the source; the rest are letterbox bars.
    public var content: Rectangle {
        guard fit == .letterbox else { return Rectangle(y: 0, x: 0, size: mask) }
        return Rectangle(
            y: Int((-offsetY / scaleY).rounded()), x: Int((-offsetX / scaleX).rounded()),
            size: ImageSize(
                height: Int((Double(source.height) / scaleY).rounded()),
                width: Int((Double(source.width) / scaleX).rounded())))
    }

    /// The part of the source that the mask covers; the rest was cut off.
    public var visible: Rectangle {
        guard fit == .crop else { return Rectangle(y: 0, x: 0, size: source) }
        return Rectangle(
            y: Int(offsetY), x: Int(offsetX),
            size: ImageSize(
                height: Int((Double(mask.height) * scaleY).rounded()),
                width: Int((Double(mask.width) * scaleX).rounded())))
    }

    /// The mask row and column that hold the centre of a source pixel; nil where the mask does not show it.
    public func maskPixel(sourceRow: Int, sourceColumn: Int) -> (row: Int, column: Int)? {
        let y = (Double(sourceRow) + 0.5 - offsetY) / scaleY
        let x = (Double(sourceColumn) + 0.5 - offsetX) / scaleX
        guard y >= 0, x >= 0, y < Double(mask.height), x < Double(mask.width) else { return nil }
        return (Int(y), Int(x))
    }
}
