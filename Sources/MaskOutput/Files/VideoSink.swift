import Imaging
import MediaIO

/// Writes a video: an overlay, the class colours or the class ids, by the file name's extension (`VideoWriter`).
///
/// Frames keep the source's pace, from 0 on, or its time stamps where the options say so. The video has the size of its first frame; a source that changes size later is
/// brought to it. With the extension `framemd5` it is the checksum sink: a line of time stamp and MD5 a frame, the same
/// that `ffmpeg -f framemd5` prints of the video. One queue calls it.
public final class VideoSink: MaskSink, @unchecked Sendable {
    /// `video drive.mp4`.
    public let summary: String
    private let path: String
    private let style: OutputStyle
    private let options: OutputOptions
    private var stream: StreamInfo?
    private var labels: LabelSet?
    private var output: Output?
    private var lastSequence: UInt64?

    private struct Output {
        let writer: VideoWriter
        let painter: FramePainter
        let picture: OutputPicture
        let matrix: Int
    }

    /// A video at `path`.
    public init(path: String, style: OutputStyle, options: OutputOptions = OutputOptions()) {
        self.path = path
        self.style = style
        self.options = options
        summary = "video \(path)"
    }

    /// What was made of the input's clock.
    public var remarks: [String] {
        output?.writer.clockCorrections.remarks(isExact: options.keepsExactTimes) ?? []
    }

    /// Checks that the file can be written.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        try VideoWriter.check(path: path, content: style.content)
        stream = info
        self.labels = labels
    }

    /// Paints and encodes one frame.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        let output = try self.output ?? open(for: mask, of: frame)
        self.output = output
        let canvas = try output.writer.canvas()
        try output.painter.draw(
            mask, of: frame.picture, as: output.picture, on: canvas.planes, format: canvas.format,
            matrix: output.matrix)
        let sequence = mask.stamp.sequence
        let advance = lastSequence.map { sequence > $0 ? Int(clamping: sequence - $0) : 1 } ?? 1
        lastSequence = sequence
        try output.writer.write(
            canvas, at: mask.stamp.mediaTime, duration: mask.stamp.mediaDuration, advance: advance)
    }

    private func open(for mask: Mask, of frame: Frame) throws -> Output {
        guard let stream, let labels else { throw OutputError.outOfOrder(output: summary) }
        let picture = OutputPicture(
            of: mask, from: frame.picture, style: style, resolution: options.resolution)
        let painter = FramePainter(style: style, labels: labels, opacity: options.opacity)
        let color = try painter.color(for: frame.picture, as: picture)
        let writer = try VideoWriter(
            path: path,
            settings: VideoWriter.Settings(
                size: picture.size, content: style.content, timeBase: stream.timeBase, frameRate: stream.frameRate,
                pixelAspect: picture.pixelAspect, color: color, threads: options.threads, quality: options.quality,
                keepsExactTimes: options.keepsExactTimes))
        return Output(writer: writer, painter: painter, picture: picture, matrix: color.matrix)
    }

    /// Completes the video and gives it its name.
    public func finish() throws {
        guard let output else {
            guard stream != nil else { throw OutputError.outOfOrder(output: summary) }
            throw EncodeError.nothingWritten(path: path)
        }
        try output.writer.finish()
    }

    /// Removes what is half written.
    public func abandon() {
        output?.writer.abandon()
    }
}
