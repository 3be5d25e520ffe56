import Imaging
import MediaIO

/// A picture whose pixels are class ids: a PNG in 8-bit grey, or with a palette, whose colours are for the eye only.
public enum LabelPicture {
    /// The values of the pixels of the PNG at `path` as they are stored: the grey value, or the index into the palette.
    ///
    /// A transparent value, text, profiles and the like do not count, whole or damaged.
    ///
    /// - Throws: `MediaError`: where the file cannot be read or a pixel may be wrong; `.invalidData` where it is no
    ///   PNG, or one of colours, of 16 bits, or of too few bits to be meant as ids.
    public static func read(path: String, maxPixels: Int = 8192 * 8192) throws -> ClassMap {
        let header = try PNGHeader(path: path)
        let isID = header.color == .palette || header.color == .gray && header.bits == 8
        guard isID else { throw refusal(path, header) }
        var options = VideoReader.Options()
        options.decoder.threads = 1
        options.decoder.isStrict = true
        options.demuxer.maxPixels = maxPixels
        options.decoder.maxPixels = maxPixels
        let reader = try VideoReader(MediaLocation(path), options: options)
        defer { reader.demuxer.close() }
        guard let picture = try reader.next()?.frame.picture else {
            throw MediaError(.noVideo, "decode", path, reason: "it holds no picture")
        }
        guard ["gray", "pal8"].contains(picture.format.rawValue) else { throw refusal(path, header, picture.format) }
        let size = picture.codedSize
        guard size == ImageSize(height: header.height, width: header.width), size.area > 0 else {
            throw MediaError(
                .invalidData, "decode", path,
                reason: "its header says \(header.height)x\(header.width), and its picture is \(size)")
        }
        let map = ClassMap(size: size)
        picture.withPlanes { planes in
            guard let plane = planes.first else { return }
            map.withUnsafeMutableBytes { bytes in
                for row in 0..<size.height {
                    let line = UnsafeRawBufferPointer(start: plane.base + row * plane.stride, count: size.width)
                    UnsafeMutableRawBufferPointer(rebasing: bytes[(row * size.width)..<((row + 1) * size.width)])
                        .copyMemory(from: line)
                }
            }
        }
        return map
    }

    private static func refusal(_ path: String, _ header: PNGHeader, _ format: PixelFormat? = nil) -> MediaError {
        let hint =
            switch header.color {
            case .rgb, .rgbWithAlpha: "turn its colours into class ids first: they are not told apart here"
            case .gray where header.bits == 16: "it may number single objects; give the label that has class ids"
            default: "write the ids as 8-bit grey"
            }
        return MediaError(
            .invalidData, "use", "the label \(path)",
            reason:
                "its pixels are \(header.summary)\(format.map { ", decoded as \($0)" } ?? ""); expected class ids, as 8-bit grey or as indices into a palette",
            hint: hint)
    }
}
