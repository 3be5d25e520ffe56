import Imaging
import MediaIO

/// One mask as a PNG in memory, for whoever asks to see what a camera sees.
public struct MaskSnapshot: Sendable {
    /// What it shows.
    public enum Style: String, CaseIterable, Sendable {
        /// The source's picture with the class colours over it.
        case overlay
        /// The class colours.
        case mask
        /// A palette PNG: a pixel's value is its class id.
        case ids
        /// The source's picture.
        case picture
    }

    /// The size of the picture: the source's, for `ids` and `mask` the mask's own.
    public let size: ImageSize
    /// The bytes of the PNG.
    public let png: [UInt8]

    /// Paints and encodes `mask`, made from `picture`.
    public init(of mask: Mask, picture: Picture, style: Style) throws {
        let outputStyle: OutputStyle =
            switch style {
            case .overlay, .picture: .overlay
            case .mask: .mask
            case .ids: .ids
            }
        let output = OutputPicture(of: mask, from: picture, style: outputStyle, resolution: .mask)
        let painter = FramePainter(style: outputStyle, labels: mask.labels, opacity: style == .picture ? 0 : 0.5)
        let encoder = ImageEncoder(format: style == .ids ? .pal8 : .rgb24)
        let canvas = try encoder.canvas(size: output.size)
        canvas.setPalette(mask.labels.palette)
        try painter.draw(mask, of: picture, as: output, on: canvas.planes, format: canvas.format, matrix: 0)
        size = output.size
        png = try encoder.encode(canvas, pixelAspect: output.pixelAspect)
    }
}
