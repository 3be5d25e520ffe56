import Imaging
import MediaIO

/// Draws a mask in one style on whatever picture an output wants. One thread at a time.
final class FramePainter {
    private let style: OutputStyle
    private let matrix: Int
    private let painter: MaskPainter
    private let converter = PictureConverter()

    /// A painter in `style`; `matrix` is that of the Y'CbCr it draws on.
    init(style: OutputStyle, labels: LabelSet, opacity: Double, matrix: Int) {
        self.style = style
        self.matrix = matrix
        painter = MaskPainter(labels: labels, opacity: opacity, matrix: matrix)
    }

    /// Draws `mask`, made from `source`, as a `picture` in `format` on `planes`.
    func draw(
        _ mask: Mask, of source: Picture, as picture: OutputPicture, on planes: [PlaneRows], format: PixelFormat
    ) throws {
        switch style {
        case .ids:
            painter.drawIDs(of: mask, maskOnly: picture.maskOnly, on: planes, size: picture.size)
        case .mask:
            painter.drawColors(
                of: mask, maskOnly: picture.maskOnly, on: planes, format: format, size: picture.size)
        case .overlay:
            let fitting = try converter.convert(source, to: picture.size, format: format, matrix: matrix)
            fitting.withPlanes { _ in
                painter.drawOverlay(
                    of: mask, over: PlaneRows.of(fitting), on: planes, format: format, size: picture.size)
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
