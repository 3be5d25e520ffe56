import Imaging
import MediaIO

/// One file of a recording and its index, while it is written. Lives on the recording's queue.
///
/// The film of a live camera runs by capture times on the monotonic clock, which does not jump, so that a time without
/// pictures is as long in the film. That of a file, which may be read faster than it plays, keeps the file's pace.
final class RecordedFile {
    let names: RecordingName.File
    let size: ImageSize
    private let writer: VideoWriter
    private let index: RecordingIndex
    private let painter: FramePainter
    private let picture: OutputPicture
    private let matrix: Int
    private let isLive: Bool
    private let origin: UInt64
    private var lastSequence: UInt64?
    private var flushedAt: UInt64
    /// Seconds from its first frame to its last.
    private(set) var seconds = 0.0
    /// Frames in it.
    var frames: Int { writer.frameCount }
    /// Jumps of the input's clock that are not in it.
    var jumps: Int { writer.clockCorrections.jumps }
    /// Bytes on the disk.
    var bytes: Int64 { writer.durableBytes + index.bytes }

    /// A ticks of a second, so that every container holds the times of live sources.
    private static let clock = Rational(1, 90_000)

    /// Begins the file with the frame that `mask` was made of, at `now`.
    init(
        names: RecordingName.File, mask: Mask, frame: Frame, stream: StreamInfo, labels: LabelSet, style: OutputStyle,
        options: OutputOptions, now: UInt64
    ) throws {
        self.names = names
        size = frame.picture.size
        picture = OutputPicture(of: mask, from: frame.picture, style: style, resolution: options.resolution)
        painter = FramePainter(style: style, labels: labels, opacity: options.opacity)
        let color = try painter.color(for: frame.picture, as: picture)
        matrix = color.matrix
        writer = try VideoWriter(
            path: names.finished,
            settings: VideoWriter.Settings(
                size: picture.size, content: style.content, timeBase: Self.clock, frameRate: stream.frameRate,
                pixelAspect: picture.pixelAspect, color: color, threads: options.threads, quality: options.quality,
                keepsExactTimes: stream.isLive, unfinishedPath: names.unfinished))
        do throws(OutputError) {
            index = try RecordingIndex(path: names.index)
        } catch {
            writer.abandon()
            throw error
        }
        isLive = stream.isLive
        origin = frame.stamp.capture.monotonicNanoseconds
        flushedAt = now
    }

    /// Nanoseconds from the first frame's capture to that of `stamp`.
    private func elapsed(_ stamp: FrameStamp) -> UInt64 {
        let captured = stamp.capture.monotonicNanoseconds
        return captured > origin ? captured - origin : 0
    }

    /// How long it is before `frame`, as far as that can be told; a time without pictures counts.
    func seconds(before frame: Frame) -> Double {
        isLive ? max(seconds, Double(elapsed(frame.stamp)) / 1e9) : seconds
    }

    /// Where a frame is in time: its capture, or for a file its place in it.
    private func time(of stamp: FrameStamp) -> MediaTime? {
        guard isLive else { return stamp.mediaTime }
        let nanoseconds = elapsed(stamp)
        return MediaTime(
            value: Int64(clamping: nanoseconds / 100_000 * 9 + nanoseconds % 100_000 * 9 / 100_000),
            timeBase: Self.clock)
    }

    /// Paints and encodes one frame. Returns whether what is written went to the disk, as it does once a second.
    func write(_ mask: Mask, of frame: Frame, dropped: Int, now: UInt64) throws -> Bool {
        let canvas = try writer.canvas()
        try painter.draw(
            mask, of: frame.picture, as: picture, on: canvas.planes, format: canvas.format, matrix: matrix)
        let sequence = mask.stamp.sequence
        let advance = lastSequence.map { sequence > $0 ? Int(clamping: sequence - $0) : 1 } ?? 1
        lastSequence = sequence
        let place = try writer.write(
            canvas, at: time(of: frame.stamp), duration: isLive ? 0 : frame.stamp.mediaDuration, advance: advance)
        seconds = place.seconds
        index.add(mask, seconds: seconds, dropped: dropped)
        guard now < flushedAt || now - flushedAt >= 1_000_000_000 else { return false }
        flushedAt = now
        try writer.flush()
        try index.flush(all: false)
        return true
    }

    /// Completes the file and gives it its name.
    func finish() throws {
        try writer.finish()
        try index.flush(all: true)
        index.close()
    }

    /// Cuts off what is not whole and gives the rest its name; removes a file with nothing in it.
    func salvage() {
        index.close()
        if !writer.salvage() { RecordingFolder.removeIndex(names) }
    }
}
