import Imaging
import MediaIO

/// A picture in one block of bytes, plane after plane, rows without padding: what follows a frame's line in Y4M.
final class FrameBytes: @unchecked Sendable {
    let size: ImageSize
    let format: PixelFormat
    private let bytes: UnsafeMutableRawBufferPointer

    /// A picture of zeros in `gray`, `yuv420p` or `yuv444p`.
    init(size: ImageSize, format: PixelFormat) {
        self.size = size
        self.format = format
        let shapes = Self.planeShapes(size: size, format: format)
        bytes = .allocate(byteCount: shapes.reduce(0) { $0 + $1.area }, alignment: 64)
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
        case .gray: return [size]
        case .yuv420p: return [size, half, half]
        default: return [size, size, size]
        }
    }
}
