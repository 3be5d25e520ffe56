import CFFmpeg
import Imaging

/// Encodes pictures as PNG, each by itself: `pal8` (8-bit palette), `gray` or `rgb24`.
///
/// Draw on `canvas(size:)`, then `write` it to a file. One thread at a time.
public final class ImageEncoder {
    /// The pixel format of a canvas.
    public let format: PixelFormat
    private var encoder: VideoEncoder?
    private var canvas: Canvas?
    private var count: Int64 = 0

    /// An encoder of pictures in `format`.
    public init(format: PixelFormat) {
        self.format = format
    }

    /// A canvas of `size`; the same one as long as the size stays.
    public func canvas(size: ImageSize) throws(EncodeError) -> Canvas {
        if let canvas, canvas.size == size, canvas.isIdle { return canvas }
        let fresh = try Canvas(size: size, format: format, path: "a PNG file")
        canvas = fresh
        encoder = nil
        return fresh
    }

    /// Encodes `canvas`: the bytes of a PNG file.
    public func encode(_ canvas: Canvas, pixelAspect: Rational = Rational(1, 1)) throws(EncodeError) -> [UInt8] {
        let encoder = try encoder(for: canvas, pixelAspect: pixelAspect, path: "a PNG picture")
        var bytes: [UInt8] = []
        canvas.frame.pointee.pts = count
        count += 1
        try encoder.encode(canvas.frame) { packet throws(EncodeError) in
            bytes += UnsafeRawBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size))
        }
        return bytes
    }

    private func encoder(for canvas: Canvas, pixelAspect: Rational, path: String) throws(EncodeError) -> VideoEncoder {
        if let encoder { return encoder }
        let fresh = try open(size: canvas.size, pixelAspect: pixelAspect, path: path)
        encoder = fresh
        return fresh
    }

    /// Encodes `canvas` and writes it to `path`, where it appears when it is whole.
    public func write(_ canvas: Canvas, to path: String, pixelAspect: Rational = Rational(1, 1)) throws(EncodeError) {
        // To look for leftovers before each of thousands of pictures would take ever longer: the sink does it once.
        let file = try encode(canvas, for: path, pixelAspect: pixelAspect, clearsLeftovers: false)
        // Thousands of flushes would cost more than the pictures; the sink synchronises the folder at its end.
        try file.commit(durable: false)
    }

    /// Encodes `canvas` into a file that appears at `path` when the caller commits it.
    public func encode(
        _ canvas: Canvas, for path: String, pixelAspect: Rational = Rational(1, 1), clearsLeftovers: Bool = true
    ) throws(EncodeError) -> PartialFile {
        let encoder = try encoder(for: canvas, pixelAspect: pixelAspect, path: path)
        let file = try PartialFile(path: path, clearsLeftovers: clearsLeftovers)
        do throws(EncodeError) {
            canvas.frame.pointee.pts = count
            count += 1
            try encoder.encode(canvas.frame) { packet throws(EncodeError) in
                try file.write(UnsafeRawBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size)))
            }
            return file
        } catch {
            file.abandon()
            throw error
        }
    }

    private func open(size: ImageSize, pixelAspect: Rational, path: String) throws(EncodeError) -> VideoEncoder {
        let isPalette = format.rawValue == "pal8"
        // Ids filter badly; pictures need a filter, and level 1 costs them a twentieth of the size of level 3 for
        // two thirds of its time.
        let format = VideoFormat(
            muxer: "image2", encoder: "png", pixelFormat: format,
            options: ["compression_level": isPalette ? "3" : "1", "pred": isPalette ? "none" : "up"])
        return try VideoEncoder(
            format: format,
            settings: VideoEncoder.Settings(
                size: size, timeBase: Rational(1, 25), frameRate: nil, pixelAspect: pixelAspect, color: .unspecified,
                threads: 1,
                hasGlobalHeader: false), path: path)
    }
}
