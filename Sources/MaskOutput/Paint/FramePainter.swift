import Imaging
import MediaIO

/// Draws a mask in one style on whatever picture an output wants. One thread at a time.
final class FramePainter {
    private let style: OutputStyle
    private let painter: MaskPainter
    private let scaler = Scaler()

    /// A painter in `style`.
    init(style: OutputStyle, labels: LabelSet, opacity: Double) {
        self.style = style
        painter = MaskPainter(labels: labels, opacity: opacity)
    }

    /// The colours of the Y'CbCr that frames like `source` are drawn in: the source's own for an overlay (where it does not
    /// tell, and for flat colours, the usual ones: BT.709 from 720 rows up, BT.601 below; BT.709 where it was of a high
    /// dynamic range).
    func color(for source: Picture, as picture: OutputPicture) throws -> ColorDescription {
        guard style == .overlay else {
            return ColorDescription(matrix: picture.size.height >= 720 ? 1 : 6, isFullRange: false)
        }
        return try scaler.convert(source, to: picture.size, format: .yuv444p).color
    }

    /// Draws `mask`, made from `source`, as a `picture` in `format` on `planes`; `matrix` is for flat colours.
    func draw(
        _ mask: Mask, of source: Picture, as picture: OutputPicture, on planes: [PlaneRows], format: PixelFormat,
        matrix: Int
    ) throws {
        switch style {
        case .ids:
            painter.drawIDs(of: mask, maskOnly: picture.maskOnly, on: planes, size: picture.size)
        case .mask:
            painter.drawColors(
                of: mask, maskOnly: picture.maskOnly, on: planes, format: format, matrix: matrix, size: picture.size)
        case .overlay:
            let fitting = try scaler.convert(source, to: picture.size, format: format)
            fitting.withPlanes { _ in
                painter.drawOverlay(
                    of: mask, over: PlaneRows.of(fitting), on: planes, format: format, matrix: fitting.color.matrix,
                    size: picture.size)
            }
        }
    }
}

extension PlaneRows {
    /// The planes of an 8-bit `yuv420p`, `yuv444p` or `rgb24` picture. The picture must outlive them.
    static func of(_ picture: Picture) -> [PlaneRows] {
        let size = picture.codedSize
        let isHalved = picture.format == .yuv420p
        return picture.planes.enumerated().map { index, plane in
            let chroma = isHalved && index > 0
            return PlaneRows(
                base: plane.base, stride: plane.stride, rows: chroma ? (size.height + 1) / 2 : size.height,
                rowBytes: picture.format == .rgb24
                    ? 3 * size.width : chroma ? (size.width + 1) / 2 : size.width)
        }
    }
}
