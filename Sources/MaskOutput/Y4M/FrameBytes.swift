import Imaging
import MediaIO

/// A picture in one block of bytes, plane after plane, rows without padding: what follows a frame's line in Y4M.
final class FrameBytes: @unchecked Sendable {
    let size: ImageSize
    let format: PixelFormat
    private let bytes: UnsafeMutableRawBufferPointer

    /// A picture of zeros in `gray`, `yuv420p` or `yuv444p`; in `pal8`, whose palette of 256 words follows the pixels.
    init(size: ImageSize, format: PixelFormat) {
        self.size = size
        self.format = format
        let shapes = Self.planeShapes(size: size, format: format)
        let palette = format == .pal8 ? Self.paletteBytes : 0
        bytes = .allocate(byteCount: shapes.reduce(0) { $0 + $1.area } + palette, alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// How many bytes a frame has.
    var count: Int { bytes.count }

    /// The planes to draw on. Nobody else may use the bytes meanwhile.
    func withPlanes<Result>(_ body: ([PlaneRows]) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(self) {} }
        guard var base = bytes.baseAddress else { return try body([]) }
        let planes = Self.planeShapes(size: size, format: format).map { shape in
            defer { base += shape.area }
            return PlaneRows(base: base, stride: shape.width, rows: shape.height, rowBytes: shape.width)
        }
        return try body(planes)
    }

    /// Bytes of a palette.
    static let paletteBytes = 1024

    /// The palette of a `pal8` picture to write on; no bytes for other formats.
    func withPalette<Result>(_ body: (UnsafeMutableRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(self) {} }
        let count = format == .pal8 ? Self.paletteBytes : 0
        return try body(UnsafeMutableRawBufferPointer(rebasing: bytes[(bytes.count - count)...]))
    }

    /// Reads all bytes.
    func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(bytes))
    }

    private static func planeShapes(size: ImageSize, format: PixelFormat) -> [ImageSize] {
        let half = ImageSize(height: (size.height + 1) / 2, width: (size.width + 1) / 2)
        switch format {
        case .gray, .pal8: return [size]
        case .yuv420p: return [size, half, half]
        default: return [size, size, size]
        }
    }
}
