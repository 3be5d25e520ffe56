import Imaging

/// For every row and column of a painted picture, the mask's row and column that it shows: computed once a geometry.
struct PaintLayout {
    /// The painted picture's size.
    let size: ImageSize
    /// The mask's row for each row of the picture; nil where the mask does not show it.
    let rows: [Int?]
    /// Columns, for planes as wide as the picture.
    let columns: Columns
    /// Columns, for chroma planes half as wide: each takes the class of its left pixel.
    let halfColumns: Columns

    /// Which columns of the picture the mask shows, and the mask's column for each of these.
    struct Columns {
        /// All columns of the plane.
        let count: Int
        /// The columns that the mask shows.
        let shown: Range<Int>
        /// The mask's column for each of `shown`.
        let source: ArraySlice<UInt32>
    }

    /// A picture of the mask itself.
    init(mask size: ImageSize) {
        self.init(size: size, rows: (0..<size.height).map { $0 }, columns: (0..<size.width).map { $0 })
    }

    /// A picture of `size` of all that the source shows; `MaskGeometry.maskPixel` where `size` is the source's own.
    init(size: ImageSize, geometry: MaskGeometry) {
        self.init(
            size: size,
            rows: Self.positions(
                size.height, source: geometry.source.height, mask: geometry.mask.height, scale: geometry.scaleY,
                offset: geometry.offsetY),
            columns: Self.positions(
                size.width, source: geometry.source.width, mask: geometry.mask.width, scale: geometry.scaleX,
                offset: geometry.offsetX))
    }

    private init(size: ImageSize, rows: [Int?], columns: [Int?]) {
        self.size = size
        self.rows = rows
        self.columns = Columns(columns)
        halfColumns = Columns(stride(from: 0, to: columns.count, by: 2).map { columns[$0] })
    }

    private static func positions(_ count: Int, source: Int, mask: Int, scale: Double, offset: Double) -> [Int?] {
        let step = Double(source) / Double(count)
        return (0..<count).map { index in
            let position = ((Double(index) + 0.5) * step - offset) / scale
            return position >= 0 && position < Double(mask) ? Int(position) : nil
        }
    }
}

extension PaintLayout.Columns {
    fileprivate init(_ columns: [Int?]) {
        count = columns.count
        let first = columns.firstIndex { $0 != nil } ?? 0
        let last = columns.lastIndex { $0 != nil } ?? -1
        shown = first..<max(first, last + 1)
        source = columns.compactMap { $0 }.map(UInt32.init)[...]
    }
}
