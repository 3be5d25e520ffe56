import Imaging
import MediaIO

/// Writes a YUV4MPEG2 stream: to standard output for a program behind a pipe, or to a `.y4m` file.
///
/// `overlay` is C420 (C444 for odd sizes) with the source's own matrix, as `ffmpeg -f yuv4mpegpipe` writes it; `mask` is
/// C444 in BT.601, which readers assume; `ids` is Cmono, a byte a pixel. Each frame's line carries the facts of `wire.md`.
/// The stream has the size of its first frame. One queue calls it.
public final class Y4MSink: MaskSink, @unchecked Sendable {
    /// Where the stream goes.
    public enum Target: Equatable, Sendable {
        /// An open descriptor, which is left open: 1 is standard output.
        case descriptor(Int32)
        /// A file, which appears when it is whole.
        case file(String)
    }

    /// `Y4M to standard output`.
    public let summary: String
    private let target: Target
    private let style: OutputStyle
    private let options: OutputOptions
    private let clock: any FrameClock
    private var labels: LabelSet?
    private var stream: StreamInfo?
    private var file: PartialFile?
    private var descriptor: DescriptorWriter?
    private var output: Output?

    private struct Output {
        let painter: FramePainter
        let picture: OutputPicture
        let bytes: FrameBytes
    }

    /// A stream to `target`.
    public init(
        target: Target, style: OutputStyle, options: OutputOptions = OutputOptions(),
        clock: any FrameClock = SystemClock()
    ) {
        self.target = target
        self.style = style
        self.options = options
        self.clock = clock
        switch target {
        case .descriptor(1): summary = "Y4M on standard output"
        case .descriptor(let number): summary = "Y4M on descriptor \(number)"
        case .file(let path): summary = "Y4M \(path)"
        }
    }

    /// Opens the file. The header follows with the first frame, whose size it tells.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        switch target {
        case .descriptor(let number): descriptor = DescriptorWriter(descriptor: number, output: summary)
        case .file(let path): file = try PartialFile(path: path)
        }
        stream = info
        self.labels = labels
    }

    /// Writes one frame; waits while a pipe is full.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        let output = try self.output ?? open(for: mask, of: frame)
        self.output = output
        try output.bytes.withPlanes { planes in
            try output.painter.draw(
                mask, of: frame.picture, as: output.picture, on: planes, format: output.bytes.format, matrix: 6)
        }
        let age = clock.monotonicNanoseconds.subtractingReportingOverflow(mask.stamp.capture.monotonicNanoseconds)
        let line = Y4MText.frameLine(
            Y4MText.Facts(
                sequence: mask.stamp.sequence, captured: mask.stamp.capture.epochNanoseconds,
                latency: age.overflow ? 0 : age.partialValue / 1000, dropped: UInt64(max(0, dropped)),
                flags: mask.flags.rawValue))
        try line.withUnsafeBytes(put)
        try output.bytes.withUnsafeBytes(put)
    }

    private func open(for mask: Mask, of frame: Frame) throws -> Output {
        guard let stream, let labels else { throw OutputError.outOfOrder(output: summary) }
        let picture = OutputPicture(of: mask, from: frame.picture, style: style, resolution: options.resolution)
        let isEven = picture.size.height % 2 == 0 && picture.size.width % 2 == 0
        let format: PixelFormat = style == .ids ? .gray : style == .overlay && isEven ? .yuv420p : .yuv444p
        guard let layout = Y4MText.Layout(format) else { throw OutputError.outOfOrder(output: summary) }
        let header = Y4MText.header(
            size: picture.size, frameRate: stream.frameRate, pixelAspect: picture.pixelAspect, layout: layout)
        try header.withUnsafeBytes(put)
        return Output(
            painter: FramePainter(style: style, labels: labels, opacity: options.opacity), picture: picture,
            bytes: FrameBytes(size: picture.size, format: format))
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws {
        try descriptor?.write(bytes)
        try file?.write(bytes)
    }

    /// Gives the file its name.
    public func finish() throws {
        guard stream != nil else { throw OutputError.outOfOrder(output: summary) }
        if case .file(let path) = target, output == nil {
            abandon()
            throw EncodeError.nothingWritten(path: path)
        }
        try file?.commit()
        descriptor = nil
    }

    /// Removes what is half written.
    public func abandon() {
        file?.abandon()
        descriptor = nil
    }
}
