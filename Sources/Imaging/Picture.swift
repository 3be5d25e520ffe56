/// A pixel format by FFmpeg's name for it (`yuv420p`, `gbrp`, `yuv420p10le`, …).
public struct PixelFormat: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// FFmpeg's name, as `av_get_pix_fmt_name` gives it.
    public let rawValue: String

    /// The format FFmpeg calls `rawValue`.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// FFmpeg's name.
    public var description: String { rawValue }

    /// Packed 8-bit red, green, blue.
    public static let rgb24 = PixelFormat(rawValue: "rgb24")
    /// 8-bit grey.
    public static let gray = PixelFormat(rawValue: "gray")
    /// 8-bit planar Y'CbCr, chroma halved in both directions, limited range.
    public static let yuv420p = PixelFormat(rawValue: "yuv420p")
    /// 8-bit planar Y'CbCr without chroma subsampling, limited range.
    public static let yuv444p = PixelFormat(rawValue: "yuv444p")
    /// 8-bit planar, in the order green, blue, red.
    public static let gbrp = PixelFormat(rawValue: "gbrp")
}

/// How a picture's numbers become colours: code points of ITU-T H.273, which are also FFmpeg's `AVCOL_*` values.
public struct ColorDescription: Hashable, Sendable {
    /// Matrix coefficients (1 BT.709, 5 and 6 BT.601, 9 BT.2020 …; 2 unspecified).
    public let matrix: Int
    /// Whether Y'CbCr uses the full 0…255 range rather than 16…235.
    public let isFullRange: Bool
    /// Colour primaries (1 BT.709, 9 BT.2020, 12 P3 …; 2 unspecified).
    public let primaries: Int
    /// Transfer characteristics (1 BT.709, 16 PQ, 18 HLG …; 2 unspecified).
    public let transfer: Int

    /// A colour description from H.273's code points and the range flag.
    public init(matrix: Int, isFullRange: Bool, primaries: Int = 2, transfer: Int = 2) {
        self.matrix = matrix
        self.isFullRange = isFullRange
        self.primaries = primaries
        self.transfer = transfer
    }

    /// Whether the numbers are of a high dynamic range, PQ or HLG: they look washed out where they are taken for SDR.
    public var isHDR: Bool { transfer == 16 || transfer == 18 }

    /// Nothing is said; the usual guess is BT.709 from 720 rows up and BT.601 below, limited range.
    public static let unspecified = ColorDescription(matrix: 2, isFullRange: false)
}

/// How a stored picture is turned before it is shown: mirrored left to right first, then rotated clockwise.
public struct Orientation: Hashable, Sendable {
    /// Degrees clockwise.
    public enum Rotation: Int, Sendable, CaseIterable {
        case none = 0
        case quarter = 90
        case half = 180
        case threeQuarters = 270
    }

    /// The clockwise rotation, after mirroring.
    public let rotation: Rotation
    /// Whether left and right are exchanged before rotating.
    public let isMirrored: Bool

    /// An orientation; upright by default.
    public init(rotation: Rotation = .none, isMirrored: Bool = false) {
        self.rotation = rotation
        self.isMirrored = isMirrored
    }

    /// Shown as stored.
    public static let upright = Orientation()

    /// Whether height and width change places.
    public var swapsSides: Bool { rotation == .quarter || rotation == .threeQuarters }
}

/// A decoded picture in memory: planes that somebody else owns, and all that is needed to read them rightly.
///
/// The pixels do not change while the picture lives. `owner` (an `AVFrame`, a buffer) keeps them alive. FFmpeg's SIMD
/// code reads past the ends of rows: 64 bytes after the last row of a plane must be readable too.
public final class Picture: @unchecked Sendable {
    /// A plane's first row and the distance between rows.
    public struct Plane {
        /// The first byte of the first row.
        public let base: UnsafeMutableRawPointer
        /// Bytes from one row to the next; at least the bytes of a row.
        public let stride: Int

        /// A plane that starts at `base`, its rows `stride` bytes apart.
        public init(base: UnsafeMutableRawPointer, stride: Int) {
            self.base = base
            self.stride = stride
        }
    }

    /// The size as stored, before `orientation` turns it.
    public let codedSize: ImageSize
    /// The pixel format.
    public let format: PixelFormat
    /// The planes in FFmpeg's order for `format`, four at most.
    public let planes: [Plane]
    /// The shape of a stored pixel, width : height; `0:1` or `0:0` where it is not known (then taken as square).
    public let sampleAspectRatio: Rational
    /// How the picture is turned for showing.
    public let orientation: Orientation
    /// How its numbers become colours.
    public let color: ColorDescription
    private let owner: AnyObject

    /// A picture over memory that `owner` keeps alive and unchanged.
    public init(
        codedSize: ImageSize, format: PixelFormat, planes: [Plane], sampleAspectRatio: Rational = Rational(1, 1),
        orientation: Orientation = .upright, color: ColorDescription = .unspecified, owner: AnyObject
    ) {
        self.codedSize = codedSize
        self.format = format
        self.planes = planes
        self.sampleAspectRatio = sampleAspectRatio
        self.orientation = orientation
        self.color = color
        self.owner = owner
    }

    /// The size as a viewer sees it, in stored pixels: turned, not corrected for pixel aspect.
    public var size: ImageSize { orientation.swapsSides ? codedSize.transposed : codedSize }

    /// The shape of a pixel as seen after turning, width : height; 1:1 where it is not known.
    public var pixelAspect: Rational {
        guard sampleAspectRatio.isPositive else { return Rational(1, 1) }
        return orientation.swapsSides
            ? Rational(sampleAspectRatio.denominator, sampleAspectRatio.numerator) : sampleAspectRatio
    }

    /// Runs `body` while the memory behind `planes` is certain to be alive.
    public func withPlanes<Result, Failure: Error>(_ body: ([Plane]) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        defer { withExtendedLifetime(owner) {} }
        return try body(planes)
    }
}
