import Imaging

/// What a painted picture of a mask is like: its size and its pixels' shape.
struct OutputPicture: Equatable {
    /// Rows and pixels in a row.
    let size: ImageSize
    /// The shape of a pixel, width : height.
    let pixelAspect: Rational
    /// Whether it shows the mask alone, at the mask's size.
    let maskOnly: Bool

    /// The picture that `style` and `resolution` ask for, of `mask` and the picture it was made from.
    init(of mask: Mask, from picture: Picture, style: OutputStyle, resolution: OutputResolution) {
        maskOnly = style != .overlay && resolution == .mask
        if maskOnly {
            size = mask.classes.size
            pixelAspect = Self.maskPixelAspect(mask.geometry, source: picture.pixelAspect)
        } else {
            size = style == .overlay ? picture.size : mask.geometry.source
            pixelAspect = picture.pixelAspect
        }
    }

    /// The shape of a mask's pixel when the source's pixels have the shape `source`.
    static func maskPixelAspect(_ geometry: MaskGeometry, source: Rational) -> Rational {
        let (shown, content) = (geometry.visible.size, geometry.content.size)
        let width = source.numerator * shown.width * content.height
        let height = source.denominator * shown.height * content.width
        let divisor = greatestCommonDivisor(width, height)
        guard divisor > 0 else { return Rational(1, 1) }
        let aspect = Rational(width / divisor, height / divisor)
        // Beyond FFmpeg's 32 bits there is no exact answer; square is the one that every reader takes.
        return max(aspect.numerator, aspect.denominator) <= 1 << 30 ? aspect : Rational(1, 1)
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (abs(a), abs(b))
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
