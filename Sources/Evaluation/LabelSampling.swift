import Imaging

/// A mask's classes at the pixels of a label of the same scene, which may have another size than mask and picture.
///
/// A label's pixel takes the class of the mask's pixel that its centre lies in, reckoned in whole numbers; where the mask
/// does not show that place (cut off, or a bar), `ClassMap.noAnswer`.
struct LabelSampling {
    /// For each row and column of the label that of the mask; nil where it has none.
    private let rows: [Int?]
    private let columns: [Int?]
    private let size: ImageSize

    /// From masks that lie on their pictures by `geometry` to labels of `size`.
    init(_ geometry: MaskGeometry, to size: ImageSize) {
        self.size = size
        let (content, visible) = (geometry.content, geometry.visible)
        rows = Self.axis(
            label: size.height, source: geometry.source.height, first: visible.y, seen: visible.size.height,
            maskFirst: content.y, mask: content.size.height)
        columns = Self.axis(
            label: size.width, source: geometry.source.width, first: visible.x, seen: visible.size.width,
            maskFirst: content.x, mask: content.size.width)
    }

    /// One axis: the picture's pixels from `first` on, `seen` of them, fill `mask` pixels of the mask from `maskFirst` on.
    private static func axis(label: Int, source: Int, first: Int, seen: Int, maskFirst: Int, mask: Int) -> [Int?] {
        (0..<label).map { index in
            // The centre, (index + 1/2) × source / label − first, is scaled by mask / seen.
            let centre = (2 * index + 1) * source - 2 * label * first
            guard centre >= 0, centre < 2 * label * seen else { return nil }
            return maskFirst + centre * mask / (2 * label * seen)
        }
    }

    /// The classes of `mask` at the label's pixels.
    func classes(of mask: ClassMap) -> ClassMap {
        let result = ClassMap(size: size)
        let width = mask.size.width
        mask.withUnsafeBytes { mask in
            result.withUnsafeMutableBytes { result in
                for (y, row) in rows.enumerated() {
                    for (x, column) in columns.enumerated() {
                        let id = row.flatMap { row in column.map { mask[row * width + $0] } }
                        result[y * size.width + x] = id ?? ClassMap.noAnswer
                    }
                }
            }
        }
        return result
    }
}
