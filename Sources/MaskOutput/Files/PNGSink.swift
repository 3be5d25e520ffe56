import Glibc
import Imaging
import MediaIO

/// Writes a PNG a frame: `frame_000042.png` in a folder, numbered as the source counts its frames, or one picture.
///
/// Style `ids` makes palette PNGs (a pixel's value is its class id, the palette the class colours: one file is both);
/// `mask` and `overlay` make RGB PNGs. Each file of a folder appears when it is whole; those written stay if the run is
/// given up. One picture appears when the run has ended well: an input with more frames than one leaves nothing.
/// Every frame has the size of its own source picture. One queue calls it.
public final class PNGSink: MaskSink, @unchecked Sendable {
    /// Where the pictures go.
    public enum Target: Equatable, Sendable {
        /// A folder, made if it is not there (the folder above it must be).
        case folder(String)
        /// One file, for one picture.
        case file(String)
    }

    /// `PNG folder masks/`.
    public let summary: String
    private let target: Target
    private let style: OutputStyle
    private let options: OutputOptions
    private let encoder: ImageEncoder
    private var painter: FramePainter?
    private var palette: [RGB] = []
    private var single: PartialFile?

    /// A sink that writes to `target`.
    public init(target: Target, style: OutputStyle, options: OutputOptions = OutputOptions()) {
        self.target = target
        self.style = style
        self.options = options
        encoder = ImageEncoder(format: style == .ids ? .pal8 : .rgb24)
        switch target {
        case .folder(let path): summary = "PNG folder \(path)"
        case .file(let path): summary = "picture \(path)"
        }
    }

    /// Makes the folder, or checks that the file can be made.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        switch target {
        case .folder(let path): try Self.prepare(folder: path)
        case .file(let path): try PartialFile(path: path).abandon()
        }
        palette = labels.palette
        painter = FramePainter(style: style, labels: labels, opacity: options.opacity)
    }

    /// Makes sure that the folder can be written to, or made, and makes nothing.
    static func check(folder path: String) throws {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw OutputError.notAFolder(path: path) }
            guard access(path, W_OK | X_OK) == 0 else { throw OutputError.folder(path: path, errno: errno) }
            return
        }
        let name = path.reversed().drop { $0 == "/" }
        let above = String(name.drop { $0 != "/" }.reversed())
        guard access(above.isEmpty ? "." : above, W_OK | X_OK) == 0 else {
            throw OutputError.folder(path: path, errno: errno)
        }
    }

    private static func prepare(folder path: String) throws {
        if mkdir(path, 0o777) != 0 {
            let code = errno
            var status = stat()
            guard code == EEXIST else { throw OutputError.folder(path: path, errno: code) }
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw OutputError.notAFolder(path: path)
            }
        }
        guard access(path, W_OK | X_OK) == 0 else { throw OutputError.folder(path: path, errno: errno) }
        PartialFile.removeLeftovers(in: path, prefix: "frame_")
    }

    /// Writes one picture.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        guard let painter else { throw OutputError.outOfOrder(output: summary) }
        if case .file(let path) = target, single != nil { throw OutputError.moreThanOneFrame(path: path) }
        let picture = OutputPicture(of: mask, from: frame.picture, style: style, resolution: options.resolution)
        let canvas = try encoder.canvas(size: picture.size)
        canvas.setPalette(palette)
        try painter.draw(
            mask, of: frame.picture, as: picture, on: canvas.planes, format: canvas.format, matrix: 0)
        switch target {
        case .folder(let path):
            let digits = String(mask.stamp.sequence)
            let number = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
            let file = path + (path.hasSuffix("/") ? "" : "/") + "frame_\(number).png"
            try encoder.write(canvas, to: file, pixelAspect: picture.pixelAspect)
        case .file(let path):
            single = try encoder.encode(canvas, for: path, pixelAspect: picture.pixelAspect)
        }
    }

    /// Brings the names of the files to the disk.
    public func finish() throws {
        guard painter != nil else { throw OutputError.outOfOrder(output: summary) }
        switch target {
        case .folder(let path): PartialFile.synchronize(folder: path)
        case .file(let path):
            guard let single else { throw EncodeError.nothingWritten(path: path) }
            try single.commit()
        }
    }

    /// The whole pictures of a folder stay; one picture is removed.
    public func abandon() {
        single?.abandon()
    }
}

extension PixelFormat {
    /// 8-bit indices into a palette of 256 colours.
    static let pal8 = PixelFormat(rawValue: "pal8")
}
