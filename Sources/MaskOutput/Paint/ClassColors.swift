import Imaging

/// The colours of the classes as the numbers of a pixel format: for each plane a table of 256 entries.
struct ClassColors {
    /// Ids below it are classes; all others have the colour of 255.
    let count: Int
    /// A table a plane, in the format's order of planes.
    let planes: [[UInt8]]
    /// Three bytes an id: red, green, blue.
    let packed: [UInt8]
    /// Blue, green, red, 0 in memory.
    let words: [UInt32]

    /// The tables for planes of `format`; `matrix` (H.273) is that of Y'CbCr formats, limited range.
    init(labels: LabelSet, format: PixelFormat, matrix: Int) {
        let colors = (0..<256).map { labels.color(of: UInt8($0)) }
        count = labels.count
        packed = colors.flatMap { [$0.red, $0.green, $0.blue] }
        words = colors.map { (UInt32($0.red) << 16 | UInt32($0.green) << 8 | UInt32($0.blue)).littleEndian }
        if format.rawValue.hasPrefix("yuv") {
            let values = colors.map { Self.luma($0, matrix: matrix) }
            planes = [values.map(\.0), values.map(\.1), values.map(\.2)]
        } else {
            planes = []
        }
    }

    /// The weights of red and blue in luma, by H.273's matrix code point; BT.601's for those not listed.
    private static func weights(of matrix: Int) -> (red: Double, blue: Double) {
        switch matrix {
        case 1: (0.2126, 0.0722)
        case 4: (0.30, 0.11)
        case 7: (0.212, 0.087)
        case 9, 10: (0.2627, 0.0593)
        default: (0.299, 0.114)
        }
    }

    /// Y', Cb and Cr of a colour in limited range.
    static func luma(_ color: RGB, matrix: Int) -> (UInt8, UInt8, UInt8) {
        let (red, blue) = weights(of: matrix)
        let (r, g, b) = (Double(color.red) / 255, Double(color.green) / 255, Double(color.blue) / 255)
        let y = red * r + (1 - red - blue) * g + blue * b
        let cb = (b - y) / (2 * (1 - blue))
        let cr = (r - y) / (2 * (1 - red))
        return (UInt8((16 + 219 * y).rounded()), UInt8((128 + 224 * cb).rounded()), UInt8((128 + 224 * cr).rounded()))
    }
}
