import CFFmpeg
import Imaging

/// What a picture looks like at a glance: enough to tell a frozen camera and the flat colour of lost data.
public struct PictureLook: Hashable, Sendable {
    /// A number of every eighth row of every plane: equal pictures have equal numbers.
    public let fingerprint: UInt64
    /// The share of the picture, 0…1, that has exactly the grey or the green which decoders show where data is
    /// missing. 0 for pictures that are not Y'CbCr.
    public let flatShare: Double

    /// A look that was taken otherwise.
    public init(fingerprint: UInt64, flatShare: Double) {
        self.fingerprint = fingerprint
        self.flatShare = flatShare
    }
}

/// Looks at pictures: every eighth row for the fingerprint, a grid of tiles for flatness. About 0.1 ms for 1920×1080.
///
/// A decoder that lacks the picture it needs takes one of luma and chroma 128 (grey) or of zeros (green) in its place.
/// A tile counts as flat where all of its samples are that: luma within one step of 128 and chroma exactly 128, or
/// chroma exactly 0 and luma nearly so. No lens and sensor give either: night is dark, snow and fog are brighter or
/// have noise, and where chroma is exactly neutral (a night camera's) luma varies.
public struct PictureSampler: Sendable {
    /// Tiles across and down, and samples in each.
    private static let columns = 32
    private static let rows = 18
    private static let samples = 4

    private var format: PixelFormat?
    private var layout: Layout?

    /// How the components of one format lie in memory.
    private struct Layout: Sendable {
        struct Component: Sendable {
            let plane: Int
            let step: Int
            let offset: Int
            let shift: Int
        }
        let components: [Component]
        let bytesPerSample: Int
        let depth: Int
        let chromaShiftX: Int
        let chromaShiftY: Int
        let isLuminance: Bool
    }

    /// A sampler of pictures of any format.
    public init() {}

    /// A look at `picture`; nil where its format cannot be looked at.
    public mutating func look(at picture: Picture) -> PictureLook? {
        if picture.format != format {
            format = picture.format
            layout = Self.layout(of: picture.format)
        }
        guard let layout, picture.codedSize.area > 0 else { return nil }
        return picture.withPlanes { planes in
            guard layout.components.allSatisfy({ planes.indices.contains($0.plane) }) else { return nil }
            let size = picture.codedSize
            let hash = Self.fingerprint(planes, size: size, layout: layout)
            let share = layout.isLuminance ? Self.flatShare(planes, size: size, layout: layout) : 0
            return PictureLook(fingerprint: hash, flatShare: share)
        }
    }

    private static func layout(of format: PixelFormat) -> Layout? {
        guard let number = try? format.avFormat(), let descriptor = number.descriptor,
            descriptor.flags & UInt64(AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL) == 0
        else { return nil }
        let components = withUnsafeBytes(of: descriptor.comp) { raw in
            Array(raw.assumingMemoryBound(to: AVComponentDescriptor.self).prefix(Int(descriptor.nb_components)))
        }
        guard !components.isEmpty else { return nil }
        let depth = Int(components[0].depth)
        let isBigEndian = descriptor.flags & UInt64(AV_PIX_FMT_FLAG_BE) != 0
        let isFloat = descriptor.flags & UInt64(AV_PIX_FMT_FLAG_FLOAT) != 0
        let isLuminance =
            !number.isRGB && !number.isIndivisible && components.count >= 3 && (8...16).contains(depth) && !isBigEndian
            && !isFloat
        return Layout(
            components: components.map {
                Layout.Component(
                    plane: Int($0.plane), step: Int($0.step), offset: Int($0.offset), shift: Int($0.shift))
            }, bytesPerSample: depth > 8 ? 2 : 1, depth: depth, chromaShiftX: Int(descriptor.log2_chroma_w),
            chromaShiftY: Int(descriptor.log2_chroma_h), isLuminance: isLuminance)
    }

    private static func shrink(_ length: Int, by shift: Int) -> Int { (length + (1 << shift) - 1) >> shift }

    /// The bytes of a row of a plane that are certain to be pixels, and its rows.
    private static func extent(ofPlane plane: Int, size: ImageSize, layout: Layout) -> (bytes: Int, rows: Int) {
        var bytes = 0
        var isChromaOnly = true
        for (index, component) in layout.components.enumerated() where component.plane == plane {
            let isChroma = index == 1 || index == 2
            bytes = max(bytes, shrink(size.width, by: isChroma ? layout.chromaShiftX : 0) * component.step)
            isChromaOnly = isChromaOnly && isChroma
        }
        let rows = isChromaOnly ? shrink(size.height, by: layout.chromaShiftY) : size.height
        return (bytes, rows)
    }

    private static func fingerprint(_ planes: [Picture.Plane], size: ImageSize, layout: Layout) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for plane in Set(layout.components.map(\.plane)).sorted() {
            let (wanted, rows) = extent(ofPlane: plane, size: size, layout: layout)
            let bytes = min(wanted, planes[plane].stride)
            guard bytes > 0 else { continue }
            for row in stride(from: 0, to: rows, by: 8) {
                let line = UnsafeRawBufferPointer(start: planes[plane].base + row * planes[plane].stride, count: bytes)
                var at = 0
                while at + 8 <= bytes {
                    hash = (hash ^ line.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0xFF51_AFD7_ED55_8CCD
                    hash ^= hash >> 32
                    at += 8
                }
                while at < bytes {
                    hash = (hash ^ UInt64(line[at])) &* 0xFF51_AFD7_ED55_8CCD
                    at += 1
                }
            }
        }
        return hash
    }

    private static func flatShare(_ planes: [Picture.Plane], size: ImageSize, layout: Layout) -> Double {
        let across = min(columns, max(size.width / 8, 1))
        let down = min(rows, max(size.height / 8, 1))
        let rounding = layout.depth - 8
        /// The component at a picture's pixel, as of 8 bits; exact says whether what is cut off is 0.
        func sample(_ index: Int, _ y: Int, _ x: Int) -> Int {
            let component = layout.components[index]
            let isChroma = index > 0
            let row = isChroma ? y >> layout.chromaShiftY : y
            let column = isChroma ? x >> layout.chromaShiftX : x
            let place = planes[component.plane].base + row * planes[component.plane].stride
            let byte = column * component.step + component.offset
            guard layout.bytesPerSample == 2 else { return Int(place.load(fromByteOffset: byte, as: UInt8.self)) }
            return Int(place.loadUnaligned(fromByteOffset: byte, as: UInt16.self) >> component.shift) >> rounding
        }
        /// Whether every sample of a tile is the grey, or every one the green.
        func isFlat(_ top: Int, _ left: Int, _ height: Int, _ width: Int) -> Bool {
            var isGray = true
            var isGreen = true
            for i in 0..<samples {
                for j in 0..<samples {
                    let y = top + (2 * i + 1) * height / (2 * samples)
                    let x = left + (2 * j + 1) * width / (2 * samples)
                    let luma = sample(0, y, x)
                    let first = sample(1, y, x)
                    let second = sample(2, y, x)
                    isGray = isGray && (127...129).contains(luma) && first == 128 && second == 128
                    isGreen = isGreen && luma <= 2 && first == 0 && second == 0
                    if !isGray, !isGreen { return false }
                }
            }
            return true
        }
        var flat = 0
        for row in 0..<down {
            let top = row * size.height / down
            let height = (row + 1) * size.height / down - top
            for column in 0..<across {
                let left = column * size.width / across
                let width = (column + 1) * size.width / across - left
                if isFlat(top, left, height, width) { flat += 1 }
            }
        }
        return Double(flat) / Double(down * across)
    }
}
