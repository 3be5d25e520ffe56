import CFFmpeg
import Imaging

/// Brings pictures of any format and size to the network's input, or to another format and size.
///
/// One per camera and thread. It keeps its swscale contexts and buffers from frame to frame and makes new ones when
/// size, format or colours of the pictures change.
public final class Scaler {
    let cache = ScalerCache()

    /// A scaler that has seen no picture yet.
    public init() {}

    /// Scales `picture`, turned upright, into `target` as `fit` says, and returns the map between both.
    ///
    /// The numbers become 8-bit red, green and blue by the picture's own matrix and range (BT.709 from 720 rows up and
    /// BT.601 below where it does not tell). Letterbox bars are black.
    ///
    /// - Throws: `MediaError`, `.unsupported` for a pixel format or matrix that swscale does not know.
    public func scale(_ picture: Picture, into target: PlanarRGB, fit: Fit) throws -> MaskGeometry {
        let geometry = MaskGeometry(
            mask: target.size, source: picture.size, pixelAspect: picture.pixelAspect, fit: fit)
        try picture.withPlanes { planes in
            try target.withUnsafeMutableBytes { bytes in
                try scale(picture, planes, geometry, into: bytes)
            }
        }
        return geometry
    }

    private func scale(
        _ picture: Picture, _ planes: [Picture.Plane], _ geometry: MaskGeometry,
        into bytes: UnsafeMutableRawBufferPointer
    ) throws {
        let content = geometry.content
        let size = geometry.mask
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count == 3 * size.area,
            content.y >= 0, content.x >= 0, content.y + content.size.height <= size.height,
            content.x + content.size.width <= size.width
        else {
            throw MediaError(.invalidArgument, "scale", "a picture", reason: "\(content) does not fit into \(size)")
        }
        Self.blackenBars(base, size: size, content: content)
        let orientation = picture.orientation
        let stored = orientation.swapsSides ? content.size.transposed : content.size
        let region = Self.stored(geometry.visible, orientation, picture.codedSize)
        if picture.color.isHDR {
            let buffer = try cache.buffer(stored, AV_PIX_FMT_GBRP, step: 1)
            try toneMap(picture, planes, region: region, to: buffer)
            try turn(PlaneSet(buffer), to: base + content.y * size.width + content.x, geometry, orientation)
            return
        }
        let (source, end) = try source(of: picture, planes, region: region)
        let context = try cache.context(
            from: end,
            to: ScalingContext.End(
                size: stored, format: AV_PIX_FMT_GBRP, color: ColorDescription(matrix: 0, isFullRange: true)))
        let first = content.y * size.width + content.x
        let red = base + first
        let green = red + size.area
        let blue = green + size.area
        // swscale writes whole vectors: only rows of whole vectors can be written in place.
        if orientation == .upright, content.size.width % 32 == 0, size.width % 32 == 0, first % 32 == 0 {
            try context.run(source, to: PlaneSet(green: green, blue: blue, red: red, stride: Int32(size.width)))
        } else {
            let buffer = try cache.buffer(stored, AV_PIX_FMT_GBRP, step: 1)
            try context.run(source, to: PlaneSet(buffer))
            try turn(PlaneSet(buffer), to: red, geometry, orientation)
        }
        if end.isLimitedGray {
            for plane in [red, green, blue] { GrayRange.expand(plane, stride: size.width, size: content.size) }
        }
    }

    /// Writes `source`, planes of green, blue and red as stored, upright into the planes of red, green and blue of the
    /// network's input, whose content begins at `first`.
    private func turn(
        _ source: PlaneSet, to first: UnsafeMutablePointer<UInt8>, _ geometry: MaskGeometry, _ orientation: Orientation
    ) throws {
        let (width, area) = (geometry.mask.width, geometry.mask.area)
        for (index, offset) in [area, 2 * area, 0].enumerated() {
            guard let from = source[index] else { throw FrameHolder.outOfMemory() }
            Turning.turn(
                from, to: (first + offset, width), size: geometry.content.size, bytes: 1, orientation: orientation)
        }
    }

    /// The planes and description of the part `region` (as stored) of a picture, through a copy without chroma
    /// subsampling where it does not lie on whole chroma samples.
    func source(
        of picture: Picture, _ planes: [Picture.Plane], region: MaskGeometry.Rectangle
    ) throws -> (PlaneSet, ScalingContext.End) {
        let format = try cache.value(of: picture.format)
        let color = picture.color.resolved(for: picture.codedSize)
        if format.canCut(y: region.y, x: region.x) {
            let set = try PlaneSet(planes, format: format, size: picture.codedSize, region: region)
            return (set, ScalingContext.End(size: region.size, format: format, color: color))
        }
        let whole = MaskGeometry.Rectangle(y: 0, x: 0, size: picture.codedSize)
        let cuttable = format.withoutSubsampling
        let cuttableColor = cuttable.isRGB ? ColorDescription(matrix: 0, isFullRange: true) : color
        let context = try cache.context(
            from: ScalingContext.End(size: whole.size, format: format, color: color),
            to: ScalingContext.End(size: whole.size, format: cuttable, color: cuttableColor))
        let buffer = try cache.buffer(whole.size, cuttable, step: 2)
        try context.run(
            PlaneSet(planes, format: format, size: whole.size, region: whole), to: PlaneSet(buffer))
        let cut = try buffer.picture(color: cuttableColor)
        let set = try PlaneSet(cut.planes, format: cuttable, size: whole.size, region: region)
        return (set, ScalingContext.End(size: region.size, format: cuttable, color: cuttableColor))
    }

    /// A rectangle of the upright picture in the picture as stored, `codedSize` pixels.
    static func stored(
        _ seen: MaskGeometry.Rectangle, _ orientation: Orientation, _ codedSize: ImageSize
    ) -> MaskGeometry.Rectangle {
        let size = orientation.swapsSides ? seen.size.transposed : seen.size
        let (y, x): (Int, Int)
        switch orientation.rotation {
        case .none: (y, x) = (seen.y, seen.x)
        case .quarter: (y, x) = (codedSize.height - seen.x - seen.size.width, seen.y)
        case .half:
            (y, x) = (
                codedSize.height - seen.y - seen.size.height, codedSize.width - seen.x - seen.size.width
            )
        case .threeQuarters: (y, x) = (seen.x, codedSize.width - seen.y - seen.size.height)
        }
        let unmirrored = orientation.isMirrored ? codedSize.width - x - size.width : x
        return MaskGeometry.Rectangle(y: y, x: unmirrored, size: size)
    }

    private static func blackenBars(
        _ base: UnsafeMutablePointer<UInt8>, size: ImageSize, content: MaskGeometry.Rectangle
    ) {
        guard content.size != size else { return }
        let below = content.y + content.size.height
        let after = content.x + content.size.width
        for plane in 0..<3 {
            let plane = base + plane * size.area
            plane.update(repeating: 0, count: content.y * size.width)
            (plane + below * size.width).update(repeating: 0, count: (size.height - below) * size.width)
            for row in content.y..<below {
                (plane + row * size.width).update(repeating: 0, count: content.x)
                (plane + row * size.width + after).update(repeating: 0, count: size.width - after)
            }
        }
    }
}

extension ScalingContext.End {
    /// Grey of limited range, which swscale takes for full range.
    var isLimitedGray: Bool { format.isGray && !color.isFullRange }
}

/// Limited-range grey as swscale leaves it, brought to the full range.
enum GrayRange {
    private static let table: [UInt8] = (0...255).map { value in
        UInt8(min(max((Double(value - 16) * 255 / 219).rounded(), 0), 255))
    }

    /// Maps 16…235 to 0…255 in a plane of `size` bytes, rows `stride` apart.
    static func expand(_ plane: UnsafeMutablePointer<UInt8>, stride: Int, size: ImageSize) {
        table.withUnsafeBufferPointer { table in
            for row in 0..<size.height {
                let row = plane + row * stride
                for column in 0..<size.width { row[column] = table[Int(row[column])] }
            }
        }
    }
}

extension AVPixelFormat {
    /// A planar format that holds the same colours and can be cut at any pixel.
    var withoutSubsampling: AVPixelFormat {
        if isGray { return depth > 8 ? AV_PIX_FMT_GRAY16LE : AV_PIX_FMT_GRAY8 }
        let isColorful = isRGB || (descriptor?.flags ?? 0) & UInt64(AV_PIX_FMT_FLAG_BAYER) != 0
        if isColorful { return depth > 8 ? AV_PIX_FMT_GBRP16LE : AV_PIX_FMT_GBRP }
        return depth > 8 ? AV_PIX_FMT_YUV444P16LE : AV_PIX_FMT_YUV444P
    }
}
