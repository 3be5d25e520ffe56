import CFFmpeg
import Imaging

/// A video file being written: draw on a `canvas`, `write` it, `finish`.
///
/// The file appears under its name only when `finish` has returned; before that, and after `abandon`, nothing is there.
/// One thread at a time. The file name's extension picks the container and the encoder:
///
/// | extension       | picture            | colors                 | ids       | time stamps                  |
/// |-----------------|--------------------|------------------------|-----------|------------------------------|
/// | `mp4 m4v mov`   | H.264 4:2:0        | H.264 4:4:4, lossless  | refused   | exact                        |
/// | `mkv`           | H.264 4:2:0        | FFV1 RGB               | FFV1 grey | to the nearest millisecond   |
/// | `nut`           | H.264 4:2:0        | FFV1 RGB               | FFV1 grey | exact                        |
/// | `webm`          | VP9 4:2:0          | VP9 4:4:4, lossless    | refused   | to the nearest millisecond   |
/// | `avi`           | H.264 4:2:0        | FFV1 RGB               | FFV1 grey | to the nearest frame         |
/// | `framemd5`      | MD5 of Y'CbCr      | MD5 of RGB             | MD5       | exact                        |
///
/// An odd height or width cannot be had in 4:2:0: such pictures are stored in 4:4:4. Lossless H.264 and VP9 keep
/// every Y'CbCr value, so a colour comes back within the rounding of the conversion (±2 a channel).
public final class VideoWriter {
    /// What must be known before the first frame.
    public struct Settings: Sendable {
        /// Rows and pixels in a row of every frame.
        public var size: ImageSize
        /// What the frames are.
        public var content: VideoContent
        /// The unit of the source's time stamps, which the file keeps where its container can.
        public var timeBase: Rational
        /// Frames a second as announced; nil where unknown.
        public var frameRate: Rational?
        /// The shape of a pixel, width : height.
        public var pixelAspect: Rational
        /// What the numbers written mean; Y'CbCr is in limited range always.
        public var color: ColorDescription
        /// How many threads the encoder may use.
        public var threads: Int
        /// H.264's constant rate factor for `picture` content, 0 (best) … 51.
        public var quality: Int
        /// Whether frames keep the source's time stamps. Otherwise the file starts at 0 and leaves out the jumps of the
        /// source's clock (`PresentationTimes`).
        public var keepsExactTimes: Bool
        /// Where the file lies until it is finished, in the same folder, if it is to be playable before that: `flush`
        /// brings it so far, and it stays there if the process dies. Nil: under a hidden name, removed when that happens.
        public var unfinishedPath: String?

        /// Settings for frames of `size`.
        public init(
            size: ImageSize, content: VideoContent, timeBase: Rational, frameRate: Rational? = nil,
            pixelAspect: Rational = Rational(1, 1),
            color: ColorDescription = ColorDescription(matrix: 1, isFullRange: false), threads: Int = 2,
            quality: Int = 20,
            keepsExactTimes: Bool = false, unfinishedPath: String? = nil
        ) {
            self.keepsExactTimes = keepsExactTimes
            self.unfinishedPath = unfinishedPath
            self.size = size
            self.content = content
            self.timeBase = timeBase
            self.frameRate = frameRate
            self.pixelAspect = pixelAspect
            self.color = color
            self.threads = threads
            self.quality = quality
        }
    }

    /// File name extensions that can be written, lower case.
    public static var extensions: [String] { VideoFormat.extensions }

    /// The file.
    public var path: String { file.path }
    /// The pixel format of a canvas.
    public var pixelFormat: PixelFormat { format.pixelFormat }
    /// Frames written so far.
    public private(set) var frameCount = 0
    /// Bytes that `flush` or `finish` brought to the disk.
    public private(set) var durableBytes: Int64 = 0
    /// What the times of the frames written so far differ in from those that came.
    public var clockCorrections: ClockCorrections { times.corrections }
    /// Frames whose time stamp could not be kept: it did not rise, or the clock had jumped.
    public var adjustedTimes: Int { times.corrections.nudges + times.corrections.jumps }

    private let settings: Settings
    private let format: VideoFormat
    private let file: PartialFile
    private let io: FileIOContext
    private let encoder: VideoEncoder
    private var muxer: UnsafeMutablePointer<AVFormatContext>?
    private var times: PresentationTimes
    private var durations: [Int64: Int64] = [:]
    /// The last packet, where what comes after it must be known first: the time of an MP4 fragment is the sum of the
    /// durations before it.
    private var held: UnsafeMutablePointer<AVPacket>?
    private var canvases: [Canvas] = []
    private var isOpen = true

    /// Whether a file of the name `path` can hold `content`, and exact times where they are wanted; throws what `init`
    /// would. Touches nothing.
    public static func checkName(
        path: String, content: VideoContent, keepsExactTimes: Bool = false
    ) throws(EncodeError) {
        let even = ImageSize(height: 2, width: 2)
        let format = try VideoFormat.of(path: path, content: content, size: even, quality: 20)
        if keepsExactTimes, format.countsFrames { throw holdsNoTimes(path) }
        guard avcodec_find_encoder_by_name(format.encoder) != nil else {
            throw .noEncoder(name: format.encoder, path: path)
        }
    }

    /// Whether `path` can hold `content` and can be written; throws what `init` would, and leaves nothing behind.
    public static func check(path: String, content: VideoContent) throws(EncodeError) {
        try checkName(path: path, content: content)
        try PartialFile(path: path).abandon()
    }

    /// Opens encoder and container and writes the header to the temporary file.
    public init(path: String, settings: Settings) throws(EncodeError) {
        self.settings = settings
        let usual = try VideoFormat.of(
            path: path, content: settings.content, size: settings.size, quality: settings.quality)
        format = settings.unfinishedPath == nil ? usual : usual.withoutDelay(frameRate: settings.frameRate)
        if let side = format.longestSide, max(settings.size.height, settings.size.width) > side {
            throw .unsuitable(
                path: path,
                reason: "its frames would be \(settings.size) and \(format.encoder) takes up to \(side) a side",
                advice: "write PNGs into a folder, or ids to a .mkv file")
        }
        var timeBase = settings.timeBase
        if AVRational(timeBase).num <= 0 { timeBase = Rational(1, 90_000) }
        if format.countsFrames {
            guard let rate = settings.frameRate, rate.isPositive else {
                throw .unsuitable(
                    path: path, reason: "AVI needs a frame rate and the source announces none",
                    advice: "write .mkv or .mp4"
                )
            }
            guard !settings.keepsExactTimes else { throw Self.holdsNoTimes(path) }
            timeBase = Rational(rate.denominator, rate.numerator)
        }
        // Its steps have 32 bits: with ticks of a nanosecond none could be longer than two seconds.
        if format.hasShortSteps, timeBase.value < 1e-6 { timeBase = Rational(1, 1_000_000) }
        times = PresentationTimes(
            timeBase: timeBase, frameRate: settings.frameRate, isExact: settings.keepsExactTimes)
        if let unfinished = settings.unfinishedPath {
            file = try PartialFile(path: path, unfinishedPath: unfinished)
        } else {
            file = try PartialFile(path: path)
        }
        io = try FileIOContext(file: file)
        guard avformat_alloc_output_context2(&muxer, nil, format.muxer, nil) >= 0, let muxer else {
            throw .unsuitable(
                path: path, reason: "this FFmpeg has no muxer \(format.muxer)", advice: "choose another extension")
        }
        muxer.pointee.pb = io.context
        muxer.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
        do throws(EncodeError) {
            encoder = try VideoEncoder(
                format: format,
                settings: VideoEncoder.Settings(
                    size: settings.size, timeBase: timeBase, frameRate: settings.frameRate,
                    pixelAspect: settings.pixelAspect, color: settings.color, threads: settings.threads,
                    hasGlobalHeader: muxer.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0), path: path)
            try Self.writeHeader(
                muxer, encoder: encoder, settings: settings, timeBase: timeBase, io: io,
                options: settings.unfinishedPath == nil ? [:] : format.recoverableMuxing)
        } catch {
            avformat_free_context(muxer)
            file.abandon()
            throw error
        }
        if format.hasShortSteps, let tick = muxer.pointee.streams[0]?.pointee.time_base {
            // The muxer counts in ticks of its own, which are no longer than ours.
            times.longestStep = PresentationTimes.rescale(
                Int64(Int32.max) - 1, from: Rational(Int(tick.num), Int(tick.den)), to: timeBase)
        }
    }

    private static func holdsNoTimes(_ path: String) -> EncodeError {
        .unsuitable(
            path: path, reason: "this kind of file counts frames and cannot hold exact times",
            advice: "write .mkv, .mp4 or .nut")
    }

    deinit {
        if settings.unfinishedPath != nil { _ = salvage() }
        abandon()
    }

    private static func writeHeader(
        _ muxer: UnsafeMutablePointer<AVFormatContext>, encoder: VideoEncoder, settings: Settings, timeBase: Rational,
        io: FileIOContext, options muxing: [String: String]
    ) throws(EncodeError) {
        let path = io.file.path
        guard let stream = avformat_new_stream(muxer, nil) else {
            throw .failed(step: "adding a stream", path: path, code: -12)
        }
        let code = avcodec_parameters_from_context(stream.pointee.codecpar, encoder.context)
        guard code >= 0 else { throw .failed(step: "describing the stream", path: path, code: code) }
        stream.pointee.time_base = AVRational(timeBase)
        if let rate = settings.frameRate, rate.isPositive { stream.pointee.avg_frame_rate = AVRational(rate) }
        stream.pointee.sample_aspect_ratio = AVRational(settings.pixelAspect)
        // MP4 keeps the first frame's time in an edit list, in units of the movie's own time scale.
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        if muxer.pointee.oformat.pointee.priv_class != nil {
            av_dict_set_int(&options, "movie_timescale", Int64(timeBase.denominator), 0)
        }
        for (name, value) in muxing { av_dict_set(&options, name, value, 0) }
        let (result, said) = FFmpegLog.collectingErrors { avformat_write_header(muxer, &options) }
        guard result >= 0 || io.file.failure != 0 else {
            throw .failed(step: "writing the header", path: path, code: result, detail: said.last)
        }
        try check(result, "writing the header", io)
    }

    /// A canvas that no encoder holds; its contents are whatever was last drawn.
    public func canvas() throws(EncodeError) -> Canvas {
        if let idle = canvases.first(where: \.isIdle) { return idle }
        let canvas = try Canvas(size: settings.size, format: format.pixelFormat, path: path)
        canvases.append(canvas)
        return canvas
    }

    /// Encodes what is drawn on `canvas` (one that `canvas()` gave), shown from `time` on for `duration` ticks of
    /// that time's base (0: until the next frame). It is the `advance`th frame of the source after the last one that was
    /// written. Returns when it is shown in the file.
    @discardableResult
    public func write(
        _ canvas: Canvas, at time: MediaTime?, duration: Int64 = 0, advance: Int = 1
    ) throws(EncodeError) -> MediaTime {
        guard isOpen else { throw .failed(step: "writing after the end", path: path, code: FF_ERROR_EOF) }
        let place = times.place(time, duration: duration, advance: advance)
        canvas.frame.pointee.pts = place.start
        canvas.frame.pointee.pict_type = AV_PICTURE_TYPE_NONE
        durations[place.start] = place.duration
        try encoder.encode(canvas.frame, send)
        frameCount += 1
        return MediaTime(value: place.start, timeBase: times.timeBase)
    }

    /// Brings all that was written but the last frame to the disk, so that it can be played whatever happens to the rest.
    /// Only for files with an `unfinishedPath`.
    public func flush() throws(EncodeError) {
        guard isOpen else { return }
        try Self.check(av_write_frame(muxer, nil), "writing a frame", io)
        io.flush()
        try Self.check(0, "writing a frame", io)
        try file.synchronize()
        durableBytes = file.length()
    }

    /// Writes what the encoder still holds and the container's end, and gives the file its name. A failure leaves
    /// nothing behind.
    public func finish() throws(EncodeError) {
        guard isOpen else { return }
        do throws(EncodeError) {
            guard frameCount > 0 else { throw .nothingWritten(path: path) }
            try encoder.encode(nil, send)
            try sendHeld()
            try Self.check(av_write_trailer(muxer), "writing the end", io)
            io.flush()
            try Self.check(0, "writing the end", io)
            durableBytes = file.length()
            try file.commit()
            abandon()
        } catch {
            // What was flushed can still be salvaged.
            if settings.unfinishedPath == nil { abandon() }
            throw error
        }
    }

    /// Gives up writing, but keeps what was flushed: the file is cut off there and gets its name. False, and nothing
    /// stays, where nothing was flushed or that fails.
    public func salvage() -> Bool {
        guard isOpen else { return false }
        // The muxer lets go of what it holds only where it may write its end.
        file.isDiscarding = true
        av_write_trailer(muxer)
        let isKept: Bool
        do throws(EncodeError) {
            if durableBytes > 0 { try file.salvage(length: durableBytes) }
            isKept = durableBytes > 0
        } catch {
            isKept = false
        }
        abandon()
        return isKept
    }

    /// Gives up: the temporary file is removed. Harmless after `finish`.
    public func abandon() {
        guard isOpen else { return }
        isOpen = false
        av_packet_free(&held)
        avformat_free_context(muxer)
        muxer = nil
        file.abandon()
    }

    private func send(_ packet: UnsafeMutablePointer<AVPacket>) throws(EncodeError) {
        packet.pointee.duration = durations.removeValue(forKey: packet.pointee.pts) ?? 0
        guard settings.unfinishedPath != nil else { return try mux(packet) }
        if let held { held.pointee.duration = packet.pointee.pts - held.pointee.pts }
        try sendHeld()
        held = av_packet_clone(packet)
        if held == nil { throw .failed(step: "writing a frame", path: path, code: -12) }
    }

    private func sendHeld() throws(EncodeError) {
        guard let packet = held else { return }
        defer { av_packet_free(&held) }
        try mux(packet)
    }

    private func mux(_ packet: UnsafeMutablePointer<AVPacket>) throws(EncodeError) {
        guard let muxer, let stream = muxer.pointee.streams[0] else { return }
        packet.pointee.stream_index = 0
        av_packet_rescale_ts(packet, AVRational(times.timeBase), stream.pointee.time_base)
        try Self.check(av_interleaved_write_frame(muxer, packet), "writing a frame", io)
    }

    /// Throws for a failed step; the file's own error, which says more, goes first.
    private static func check(_ code: Int32, _ step: String, _ io: FileIOContext) throws(EncodeError) {
        if io.file.failure != 0 { throw .cannotWrite(path: io.file.path, errno: io.file.failure) }
        guard code >= 0 else { throw .failed(step: step, path: io.file.path, code: code) }
    }
}
