import Foundation
import Imaging
import MaskOutput

/// A folder of its own for one test, removed with everything in it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "segmentd-output-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    var contents: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }
}

/// Memory for a picture that a test makes.
private final class Block {
    let bytes: UnsafeMutablePointer<UInt8>
    init(_ count: Int) {
        bytes = .allocate(capacity: count)
        bytes.initialize(repeating: 0, count: count)
    }
    deinit { bytes.deallocate() }
}

extension Picture {
    /// A picture whose every byte is `value(plane, row, column)`, rows padded by `padding` bytes.
    static func made(
        _ size: ImageSize, _ format: PixelFormat, padding: Int = 0, aspect: Rational = Rational(1, 1),
        orientation: Orientation = .upright, color: ColorDescription = .unspecified,
        _ value: (Int, Int, Int) -> UInt8
    ) -> Picture {
        let half = ImageSize(height: (size.height + 1) / 2, width: (size.width + 1) / 2)
        let shapes: [ImageSize] =
            switch format {
            case .yuv420p: [size, half, half]
            case .yuv444p: [size, size, size]
            case .rgb24: [ImageSize(height: size.height, width: 3 * size.width)]
            default: [size]
            }
        let block = Block(shapes.reduce(0) { $0 + $1.height * ($1.width + padding) })
        var base = block.bytes
        var planes: [Plane] = []
        for (plane, shape) in shapes.enumerated() {
            let stride = shape.width + padding
            for y in 0..<shape.height {
                for x in 0..<shape.width { base[y * stride + x] = value(plane, y, x) }
            }
            planes.append(Plane(base: UnsafeMutableRawPointer(base), stride: stride))
            base += shape.height * stride
        }
        return Picture(
            codedSize: size, format: format, planes: planes, sampleAspectRatio: aspect, orientation: orientation,
            color: color, owner: block)
    }

    /// A byte of the picture.
    func byte(_ plane: Int, _ row: Int, _ column: Int) -> UInt8 {
        withPlanes { $0[plane].base.load(fromByteOffset: row * $0[plane].stride + column, as: UInt8.self) }
    }
}

enum Made {
    /// Eleven classes in CamVid's colours.
    static let labels: LabelSet = {
        let colors: [RGB] = [
            RGB(128, 128, 128), RGB(128, 0, 0), RGB(192, 192, 128), RGB(128, 64, 128), RGB(0, 0, 192),
            RGB(128, 128, 0), RGB(192, 128, 128), RGB(64, 64, 128), RGB(64, 0, 128), RGB(64, 64, 0), RGB(0, 128, 192),
        ]
        guard let labels = LabelSet(names: colors.indices.map { "class \($0)" }, palette: colors) else {
            preconditionFailure("eleven names and eleven colours make a label set")
        }
        return labels
    }()

    /// A class map whose pixels are `id(row, column)`.
    static func classes(_ size: ImageSize, _ id: (Int, Int) -> UInt8) -> ClassMap {
        let map = ClassMap(size: size)
        map.withUnsafeMutableBytes { bytes in
            for y in 0..<size.height { for x in 0..<size.width { bytes[y * size.width + x] = id(y, x) } }
        }
        return map
    }

    /// Blobs of all eleven classes with a few pixels of "no answer", different for every `seed`.
    static func street(_ size: ImageSize, seed: Int = 0) -> ClassMap {
        classes(size) { y, x in
            if (x + y * 3 + seed) % 61 == 0 { return 255 }
            return UInt8((x / 5 + y / 3 + seed) % 11)
        }
    }

    static func stamp(_ sequence: UInt64, pts: Int64? = nil, timeBase: Rational = Rational(1, 30), duration: Int64 = 0)
        -> FrameStamp
    {
        FrameStamp(
            camera: "front", sequence: sequence, mediaTime: pts.map { MediaTime(value: $0, timeBase: timeBase) },
            mediaDuration: duration,
            capture: CaptureTime(
                epochNanoseconds: 1_700_000_000_000_000_000 + Int64(sequence), monotonicNanoseconds: 1, origin: .arrival
            ))
    }

    static func mask(
        _ classes: ClassMap, source: ImageSize? = nil, fit: Fit = .stretch, stamp: FrameStamp = Made.stamp(0)
    ) -> Mask {
        Mask(
            stamp: stamp, classes: classes, labels: labels, model: "made",
            geometry: MaskGeometry(mask: classes.size, source: source ?? classes.size, fit: fit),
            stages: StageTimes())
    }

    static func stream(_ size: ImageSize, rate: Rational? = Rational(30, 1), timeBase: Rational = Rational(1, 30))
        -> StreamInfo
    {
        StreamInfo(size: size, frameRate: rate, timeBase: timeBase, summary: "made")
    }

    /// A grey-to-white ramp in `format`.
    static func ramp(_ size: ImageSize, _ format: PixelFormat = .yuv420p, seed: Int = 0) -> Picture {
        Picture.made(size, format, padding: 7) { plane, y, x in
            plane == 0 ? UInt8(16 + (x + 2 * y + seed) % 220) : UInt8(100 + (x + y + plane * 20) % 60)
        }
    }

    /// Sends `count` frames of `size` through `sink`, from `begin` to `finish`.
    static func run(
        _ sink: any MaskSink, size: ImageSize, maskSize: ImageSize? = nil, times: [Int64], timeBase: Rational,
        rate: Rational? = Rational(30, 1), fit: Fit = .stretch, format: PixelFormat = .yuv420p
    ) throws {
        let maskSize = maskSize ?? size
        try sink.begin(stream: stream(size, rate: rate, timeBase: timeBase), maskSize: maskSize, labels: labels)
        for (index, pts) in times.enumerated() {
            let next = index + 1 < times.count ? times[index + 1] - pts : 1
            let stamp = stamp(UInt64(index), pts: pts, timeBase: timeBase, duration: next)
            let mask = mask(street(maskSize, seed: index), source: size, fit: fit, stamp: stamp)
            try sink.write(
                mask, of: Frame(stamp: stamp, picture: ramp(size, format, seed: index)), dropped: 0)
        }
        try sink.finish()
    }
}
