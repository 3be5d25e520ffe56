import Imaging

/// A file that holds a picture, looked at without FFmpeg: how it is turned, and what its pixels are made of.
enum StillFile {
    private static let largest = 1 << 30

    /// How the picture at `path` is turned, by EXIF in PNG and JPEG and by TIFF's own tag; nil where the file says
    /// nothing, cannot be read, or is of another kind. FFmpeg 5.1 tells it of JPEG and WebP only.
    static func orientation(path: String) -> Orientation? {
        guard let file = try? FileBytes(path: path), let head = try? file.bytes(at: 0, count: 8) else { return nil }
        if head == PNGChunks.signature { return try? PNGChunks.orientation(of: file) }
        if head.starts(with: [0xFF, 0xD8, 0xFF]) {
            return (try? file.bytes(at: 0, count: 1 << 18)).flatMap { JPEGSegments.orientation(of: $0) }
        }
        if head.starts(with: Array("II*\0".utf8)) || head.starts(with: Array("MM\0*".utf8)) {
            return try? EXIFOrientation.read { (place, count) throws(MediaError) in
                try file.bytes(at: place, count: count)
            }
        }
        return nil
    }

    /// What the pixels of the PNG or JPEG at `path` are made of, as a file of that kind with nothing else in it, and the
    /// demuxer for it; nil for other kinds.
    ///
    /// - Throws: `MediaError` where the file cannot be read, or is damaged there.
    static func pixels(path: String) throws(MediaError) -> (bytes: [UInt8], format: String)? {
        let file = try FileBytes(path: path)
        let head = try file.bytes(at: 0, count: 8)
        let isPNG = head == PNGChunks.signature
        guard isPNG || head.starts(with: [0xFF, 0xD8, 0xFF]) else { return nil }
        guard file.count <= largest else {
            throw MediaError(.tooLarge, "read", path, reason: "the picture's file has \(file.count) bytes")
        }
        let bytes = try file.bytes(at: 0, count: file.count)
        if isPNG { return (try PNGChunks.pixels(of: bytes, path: path), "png_pipe") }
        guard let pixels = JPEGSegments.pixels(of: bytes) else {
            throw MediaError(
                .invalidData, "decode", path, reason: "it begins as a JPEG file does, and holds no picture",
                hint: "the file was cut off; make it anew")
        }
        return (pixels, "jpeg_pipe")
    }
}
