import Imaging
import Kernels
import MediaIO

/// Draws masks: as ids, as class colours, or as colours over the picture they were made from.
///
/// Every pixel takes the class of the mask's pixel that holds its centre (`MaskGeometry.maskPixel`). Tables are kept
/// from frame to frame; nothing is allocated unless the geometry changes. One thread at a time.
public final class MaskPainter {
    /// What the ids mean.
    public let labels: LabelSet
    private let weight: Int
    private let kernels: PaintKernels
    private var layout: (size: ImageSize, geometry: MaskGeometry?, tables: PaintLayout)?
    private var colors: (format: PixelFormat, matrix: Int, tables: ClassColors)?
    private var row: [UInt8] = []
    private var halfRow: [UInt8] = []

    /// A painter of `labels`; `opacity` is that of the colour over the picture, 0 (invisible) … 1 (opaque).
    public init(labels: LabelSet, opacity: Double = 0.5, kernels: PaintKernels = .best) {
        self.labels = labels
        weight = Int((min(max(opacity, 0), 1) * 256).rounded())
        self.kernels = kernels
    }

    /// Draws ids on the first plane (`gray` or `pal8`) of a picture of `size`; 255 where the mask says nothing.
    ///
    /// The picture shows the whole source, or the mask alone where `maskOnly`.
    public func drawIDs(of mask: Mask, maskOnly: Bool = false, on planes: [PlaneRows], size: ImageSize) {
        Self.check(planes, size: size, bytesAPixel: 1)
        let layout = self.layout(for: mask, size: size, maskOnly: maskOnly)
        forEachRow(of: mask, layout) { y, ids in
            planes[0][y].copyMemory(from: ids)
        }
    }

    /// Draws the class colours on a picture of `size`: `yuv444p`, `rgb24` or `bgr0`; black where the mask says nothing.
    ///
    /// The picture shows the whole source, or the mask alone where `maskOnly`. `matrix` is H.273's of Y'CbCr: 1 (BT.709),
    /// 5 or 6 (BT.601), 9 (BT.2020); limited range.
    public func drawColors(
        of mask: Mask, maskOnly: Bool = false, on planes: [PlaneRows], format: PixelFormat, matrix: Int = 6,
        size: ImageSize
    ) {
        let layout = self.layout(for: mask, size: size, maskOnly: maskOnly)
        let colors = self.colors(for: format, matrix: matrix)
        switch format.rawValue {
        case "rgb24":
            Self.check(planes, size: size, bytesAPixel: 3)
            forEachRow(of: mask, layout) { y, ids in
                Self.fillPacked(planes[0][y], ids: ids, table: colors.packed)
            }
        case "bgr0":
            Self.check(planes, size: size, bytesAPixel: 4)
            forEachRow(of: mask, layout) { y, ids in
                // The row is bytes, not words, and need not be aligned to words.
                let out = planes[0][y]
                for x in 0..<ids.count {
                    out.storeBytes(of: colors.words[Int(ids[x])], toByteOffset: 4 * x, as: UInt32.self)
                }
            }
        default:
            precondition(format == .yuv444p && planes.count == 3, "no way to draw colours on \(format)")
            for plane in planes { Self.check([plane], size: size, bytesAPixel: 1) }
            forEachRow(of: mask, layout) { y, ids in
                for (plane, table) in zip(planes, colors.planes) {
                    kernels.lookUp(ids, in: table, count: colors.count, into: plane[y])
                }
            }
        }
    }

    /// Draws `source` (of `size` and `format`: `yuv420p`, `yuv444p` or `rgb24`) with the class colours over it; where the
    /// mask says nothing, the picture as it is. `planes` may be `source`.
    public func drawOverlay(
        of mask: Mask, over source: [PlaneRows], on planes: [PlaneRows], format: PixelFormat, matrix: Int = 6,
        size: ImageSize
    ) {
        let layout = self.layout(for: mask, size: size, maskOnly: false)
        let colors = self.colors(for: format, matrix: matrix)
        if format == .rgb24 {
            Self.check(planes, size: size, bytesAPixel: 3)
            Self.check(source, size: size, bytesAPixel: 3)
            forEachRow(of: mask, layout) { y, ids in
                kernels.blendPacked(
                    UnsafeRawBufferPointer(source[0][y]), ids: ids, table: colors.packed, count: colors.count,
                    weight: weight, into: planes[0][y])
            }
            return
        }
        precondition(
            (format == .yuv420p || format == .yuv444p) && planes.count == 3 && source.count == 3,
            "no way to draw an overlay on \(format)")
        let isHalved = format == .yuv420p
        Self.check([planes[0]], size: size, bytesAPixel: 1)
        Self.check([source[0]], size: size, bytesAPixel: 1)
        let blend = { [kernels, weight] (plane: Int, y: Int, ids: UnsafeRawBufferPointer) in
            kernels.blend(
                UnsafeRawBufferPointer(source[plane][y]), ids: ids, table: colors.planes[plane], count: colors.count,
                weight: weight, into: planes[plane][y])
        }
        forEachRow(of: mask, layout) { y, ids in
            blend(0, y, ids)
            if !isHalved {
                blend(1, y, ids)
                blend(2, y, ids)
            } else if y % 2 == 0 {
                withHalfRow(y, of: mask, layout) { ids in
                    blend(1, y / 2, ids)
                    blend(2, y / 2, ids)
                }
            }
        }
    }

    // MARK: - Rows of ids

    /// Calls `body` with every row of the picture in ids, as wide as the picture.
    private func forEachRow(
        of mask: Mask, _ layout: PaintLayout, _ body: (Int, UnsafeRawBufferPointer) -> Void
    ) {
        if row.count != layout.columns.count { row = [UInt8](repeating: 0, count: layout.columns.count) }
        mask.classes.withUnsafeBytes { ids in
            row.withUnsafeMutableBytes { row in
                // nil: nothing expanded yet; .some(nil): a row that the mask does not show.
                var expanded: Int??
                for y in 0..<layout.size.height {
                    if expanded != .some(layout.rows[y]) {
                        expand(layout.rows[y], of: ids, width: mask.classes.size.width, layout.columns, into: row)
                        expanded = .some(layout.rows[y])
                    }
                    body(y, UnsafeRawBufferPointer(row))
                }
            }
        }
    }

    private func withHalfRow(
        _ y: Int, of mask: Mask, _ layout: PaintLayout, _ body: (UnsafeRawBufferPointer) -> Void
    ) {
        let columns = layout.halfColumns
        if halfRow.count != columns.count { halfRow = [UInt8](repeating: 0, count: columns.count) }
        halfRow.withUnsafeMutableBytes { row in
            mask.classes.withUnsafeBytes { ids in
                expand(layout.rows[y], of: ids, width: mask.classes.size.width, columns, into: row)
            }
            body(UnsafeRawBufferPointer(row))
        }
    }

    /// One row of the mask spread over the picture's columns; all "no answer" where `maskRow` is nil.
    private func expand(
        _ maskRow: Int?, of ids: UnsafeRawBufferPointer, width: Int, _ columns: PaintLayout.Columns,
        into row: UnsafeMutableRawBufferPointer
    ) {
        let shown = maskRow == nil ? 0..<0 : columns.shown
        UnsafeMutableRawBufferPointer(rebasing: row[..<shown.lowerBound]).fill(ClassMap.noAnswer)
        UnsafeMutableRawBufferPointer(rebasing: row[shown.upperBound...]).fill(ClassMap.noAnswer)
        guard let maskRow, !shown.isEmpty else { return }
        kernels.expand(
            UnsafeRawBufferPointer(rebasing: ids[maskRow * width..<(maskRow + 1) * width]), columns: columns.source,
            into: UnsafeMutableRawBufferPointer(rebasing: row[shown]))
    }

    private static func fillPacked(
        _ out: UnsafeMutableRawBufferPointer, ids: UnsafeRawBufferPointer, table: [UInt8]
    ) {
        for x in 0..<ids.count {
            let color = 3 * Int(ids[x])
            out[3 * x] = table[color]
            out[3 * x + 1] = table[color + 1]
            out[3 * x + 2] = table[color + 2]
        }
    }

    // MARK: - Tables

    private func layout(for mask: Mask, size: ImageSize, maskOnly: Bool) -> PaintLayout {
        precondition(mask.classes.size == mask.geometry.mask, "a mask of another size than its geometry says")
        precondition(!maskOnly || size == mask.classes.size, "a picture of another size than the mask")
        let geometry = maskOnly ? nil : mask.geometry
        if let layout, layout.size == size, layout.geometry == geometry { return layout.tables }
        let tables =
            geometry.map { PaintLayout(size: size, geometry: $0) } ?? PaintLayout(mask: mask.classes.size)
        layout = (size, geometry, tables)
        return tables
    }

    private func colors(for format: PixelFormat, matrix: Int) -> ClassColors {
        if let colors, colors.format == format, colors.matrix == matrix { return colors.tables }
        let tables = ClassColors(labels: labels, format: format, matrix: matrix)
        colors = (format, matrix, tables)
        return tables
    }

    private static func check(_ planes: [PlaneRows], size: ImageSize, bytesAPixel: Int) {
        precondition(
            planes.first.map { $0.rows >= size.height && $0.rowBytes >= size.width * bytesAPixel } ?? false,
            "a plane smaller than the picture")
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func fill(_ byte: UInt8) {
        if count > 0 { initializeMemory(as: UInt8.self, repeating: byte) }
    }
}
