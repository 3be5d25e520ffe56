import CFFmpeg
import Imaging

/// A picture to draw in, in memory that an encoder can take without a copy (an `AVFrame`).
///
/// Whoever got it from `VideoWriter.canvas` draws on it and hands it back by writing it; no two threads at once.
public final class Canvas {
    /// Rows and pixels in a row.
    public let size: ImageSize
    /// The pixel format.
    public let format: PixelFormat
    /// The planes in FFmpeg's order for `format`: a base address, a stride, and how many rows and bytes a row are ours.
    public private(set) var planes: [PlaneRows] = []
    let frame: UnsafeMutablePointer<AVFrame>

    /// Unwritten memory for a picture of `size` in `format`.
    init(size: ImageSize, format: PixelFormat, path: String) throws(EncodeError) {
        let pixelFormat = av_get_pix_fmt(format.rawValue)
        guard let descriptor = av_pix_fmt_desc_get(pixelFormat), let frame = av_frame_alloc() else {
            throw .failed(step: "making a \(format) picture", path: path, code: ff_averror(22))
        }
        self.size = size
        self.format = format
        self.frame = frame
        frame.pointee.format = pixelFormat.rawValue
        frame.pointee.width = Int32(size.width)
        frame.pointee.height = Int32(size.height)
        let code = av_frame_get_buffer(frame, 0)
        guard code >= 0 else { throw .failed(step: "making a \(size) \(format) picture", path: path, code: code) }
        let isPaletted = descriptor.pointee.flags & UInt64(AV_PIX_FMT_FLAG_PAL) != 0
        let shift = Int(descriptor.pointee.log2_chroma_h)
        let bases = withUnsafeBytes(of: frame.pointee.data) {
            Array($0.assumingMemoryBound(to: UnsafeMutablePointer<UInt8>?.self).prefix(4))
        }
        let strides = withUnsafeBytes(of: frame.pointee.linesize) {
            Array($0.assumingMemoryBound(to: Int32.self).prefix(4))
        }
        for (index, base) in bases.enumerated() {
            guard let base else { break }
            if isPaletted && index == 1 {
                planes.append(PlaneRows(base: UnsafeMutableRawPointer(base), stride: 1024, rows: 1, rowBytes: 1024))
                break
            }
            let rowBytes = av_image_get_linesize(pixelFormat, frame.pointee.width, Int32(index))
            let rows = index == 1 || index == 2 ? (size.height + (1 << shift) - 1) >> shift : size.height
            planes.append(
                PlaneRows(
                    base: UnsafeMutableRawPointer(base), stride: Int(strides[index]), rows: rows,
                    rowBytes: Int(rowBytes)))
        }
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&frame)
    }

    /// Whether nobody else (an encoder that still looks at it) holds the memory.
    var isIdle: Bool { av_frame_is_writable(frame) != 0 }

    /// Sets the 256 colours of a paletted picture; those that `colors` lacks are black.
    public func setPalette(_ colors: [RGB]) {
        guard format.rawValue == "pal8", planes.count == 2 else { return }
        let row = planes[1][0]
        for index in 0..<256 {
            let color = index < colors.count ? colors[index] : RGB(0, 0, 0)
            let word = 0xff00_0000 | UInt32(color.red) << 16 | UInt32(color.green) << 8 | UInt32(color.blue)
            row.storeBytes(of: word, toByteOffset: 4 * index, as: UInt32.self)
        }
    }
}
