import CFFmpeg
import Imaging

/// A decoded picture with what its decoder says of it.
public struct DecodedFrame: Sendable {
    /// The pixels.
    public let picture: Picture
    /// When it is shown, in ticks of the stream's time base; nil where nothing tells.
    public let pts: Int64?
    /// How long it is shown, in ticks; 0 where nothing tells.
    public let duration: Int64
    /// Whether it was decoded without others.
    public let isKey: Bool
    /// Whether the decoder or the container knows that data was missing or damaged.
    public let isCorrupt: Bool
    /// The tag of the packet that began it, as given to `send`; 0 where the decoder does not pass it on.
    public let tag: Int64
}

/// How a stream is decoded.
public struct DecoderOptions: Hashable, Sendable {
    /// Decoding threads, 1 or more; those of low delay have one, whatever is asked.
    public var threads: Int = 2
    /// Whether frames come out as soon as they can, as live streams need, rather than when it is fastest in total; and
    /// whether every damage is found: FFmpeg looks for missing parts of H.264 pictures on one thread only.
    public var isLowDelay: Bool = false
    /// The most pixels a picture may have.
    public var maxPixels: Int = 8192 * 8192
    /// Whether a picture counts as undecodable where its data is damaged in the least, instead of coming out with what
    /// is there. With one thread only: others report too late.
    public var isStrict = false

    /// The usual settings.
    public init() {}
}

/// Turns packets of one stream into pictures. One thread uses it.
public final class Decoder {
    private let context: UnsafeMutablePointer<AVCodecContext>
    private let demuxer: Demuxer
    private let isVideoCodec: Bool
    /// How the units of its packets are coded; nil for codecs that have none.
    private let syntax: AccessUnitEnd.Syntax?
    private let framing: EntryPoint.Framing
    private var spare: FrameHolder?
    private let isStrict: Bool
    /// Whether it decodes a picture's own file, of which a decoder tells damage in its log only.
    private let isStill: Bool
    /// Whether the decoder said of the last packet that a still picture is damaged.
    private var isStillDamaged = false
    /// What the decoder complained of since the last packet, where it is strict.
    private var complaints: [String] = []
    /// How many packets or frames could not be decoded so far.
    public private(set) var failures = 0
    /// The last of these failures.
    public private(set) var lastFailure: MediaError?
    /// Whether the decoder said that data was lost since this was last asked.
    private var hasLost = false
    private let isJPEG: Bool
    /// Whether the decoder gave up within the JPEG picture that comes out next.
    private var isUnfinished = false
    /// Whether every frame came out after the end was announced.
    public private(set) var isDrained = false

    /// Frames a second, as the data decoded so far says; nil where it does not, or nothing likely.
    public var frameRate: Rational? {
        let rate = Rational(context.pointee.framerate)
        return rate.isPositive && (1...240).contains(rate.value) ? rate : nil
    }

    /// A decoder for the video stream of `demuxer`.
    ///
    /// - Throws: `MediaError`, `.unsupported` where FFmpeg has no decoder for it.
    public init(for demuxer: Demuxer, options: DecoderOptions = DecoderOptions()) throws {
        self.demuxer = demuxer
        let subject = demuxer.location.description
        guard let parameters = demuxer.parameters else {
            throw MediaError(.invalidArgument, "decode", subject, reason: "closed")
        }
        guard let codec = avcodec_find_decoder(parameters.pointee.codec_id) else {
            throw MediaError(
                .unsupported, "decode", subject, reason: Self.unknownCodec(parameters.pointee),
                hint: "convert it, for example with `ffmpeg -i IN -c:v libx264 OUT.mp4`, where a newer FFmpeg knows it")
        }
        guard let context = avcodec_alloc_context3(codec) else { throw FrameHolder.outOfMemory() }
        self.context = context
        isStrict = options.isStrict
        isStill = demuxer.isStillFile
        syntax = AccessUnitEnd.Syntax(parameters.pointee.codec_id)
        framing = EntryPoint.Framing(parameters.pointee)
        isJPEG = parameters.pointee.codec_id == AV_CODEC_ID_MJPEG
        isVideoCodec = Self.limitedByStandard.contains(parameters.pointee.codec_id.rawValue)
        try check(avcodec_parameters_to_context(context, parameters), "decode", subject)
        context.pointee.pkt_timebase = demuxer.avStream?.pointee.time_base ?? AVRational(num: 0, den: 1)
        context.pointee.framerate = (demuxer.stream.frameRate ?? Rational(0, 1)).av
        context.pointee.max_pixels = Int64(options.maxPixels)
        // One picture gives several threads nothing to do, and what they say comes too late.
        context.pointee.thread_count = options.isLowDelay || isStill ? 1 : Int32(clamping: max(options.threads, 1))
        context.pointee.thread_type = FF_THREAD_FRAME | FF_THREAD_SLICE
        if options.isLowDelay { context.pointee.flags |= AV_CODEC_FLAG_LOW_DELAY }
        // FFmpeg keeps pictures back until an IDR or a recovery; who watches a camera wants to know that they come.
        if options.isLowDelay, syntax == .h264 { context.pointee.flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT }
        let (code, said) = FFmpegLog.collectingErrors {
            var named = ["codec_whitelist": demuxer.codecList]
            if options.isStrict { named["err_detect"] = "crccheck+bitstream+buffer+explode" }
            let settings = OptionDictionary(named)
            return avcodec_open2(context, codec, &settings.pointer)
        }
        if let name = codec.pointee.name, said.contains(where: { $0.contains("not on whitelist") }) {
            throw MediaError(
                .unsupported, "decode", subject,
                reason: "the codec \(String(cString: name)) is not among those allowed",
                hint: "allow it with --codecs, or under codecs in the configuration, if this is meant")
        }
        guard code >= 0 else {
            let threads = Int(context.pointee.thread_count)
            throw MediaError.noThreads(threads, "decode", subject, for: "the decoder")
                ?? MediaError(dataCode: code, "decode", subject, detail: said.last)
        }
    }

    deinit {
        var context: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&context)
    }

    /// Whether decoding can begin at `packet`; nil where only container and decoder tell.
    func entryPoint(of packet: Packet) -> EntryPoint? {
        guard let syntax, let data = packet.pointer.pointee.data else { return nil }
        return EntryPoint(
            UnsafeRawBufferPointer(start: data, count: packet.byteCount), syntax: syntax, framing: framing)
    }

    /// Hands over a packet, or nil to say that there are no more. `tag` comes back on the frame it begins.
    ///
    /// Call `receive` until it answers nil before the next `send`. A packet that cannot be decoded counts as a
    /// failure and is no error.
    ///
    /// - Throws: `MediaError` where decoding cannot go on at all.
    public func send(_ packet: Packet?, tag: Int64 = 0) throws {
        context.pointee.reordered_opaque = tag
        let (code, lines) = FFmpegLog.collecting { avcodec_send_packet(context, packet?.pointer) }
        if let packet { av_packet_unref(packet.pointer) }
        if LossReport.isLoss(lines) { hasLost = true }
        if isJPEG, LossReport.isUnfinishedJPEG(lines) { isUnfinished = true }
        complaints = isStrict ? lines.filter(\.isError).map(\.message) : []
        isStillDamaged = isStill && LossReport.isDamage(lines)
        if code >= 0 || (packet == nil && code == FF_ERROR_EOF) { return }
        hasLost = true
        try fail(code, lines.filter(\.isError).map(\.message))
    }

    /// Whether the decoder said that data was lost since this was last asked.
    func takeLoss() -> Bool {
        defer { hasLost = false }
        return hasLost
    }

    /// The next picture; nil where the decoder needs another packet, or where `isDrained`.
    ///
    /// - Throws: `MediaError` where decoding cannot go on at all.
    public func receive() throws -> DecodedFrame? {
        while true {
            let holder = try spare ?? FrameHolder()
            spare = nil
            let (code, lines) = FFmpegLog.collecting { avcodec_receive_frame(context, holder.pointer) }
            if LossReport.isLoss(lines) { hasLost = true }
            if isJPEG, LossReport.isUnfinishedJPEG(lines) { isUnfinished = true }
            if isStrict { complaints += lines.filter(\.isError).map(\.message) }
            if isStill, LossReport.isDamage(lines) { isStillDamaged = true }
            if code >= 0, complaints.isEmpty { return try frame(in: holder) }
            spare = holder
            if code >= 0 {
                try fail(FF_ERROR_INVALIDDATA, complaints)
                complaints = []
                continue
            }
            if code == MediaError.tryAgain { return nil }
            if code == FF_ERROR_EOF {
                isDrained = true
                return nil
            }
            hasLost = true
            try fail(code, lines.filter(\.isError).map(\.message))
        }
    }

    private func fail(_ code: Int32, _ said: [String]) throws {
        let subject = demuxer.location.description
        if let line = said.first(where: { $0.contains("exceeds specified max pixel count") }) {
            throw MediaError(
                .tooLarge, "decode", subject, reason: line, hint: MediaError.maxPixelsHint)
        }
        let error = MediaError(dataCode: code, "decode", subject, detail: said.last)
        failures += 1
        lastFailure = error
        // These do not pass with the next packet.
        if error.kind == .outOfMemory || code == MediaError.tryAgain { throw error }
    }

    private func frame(in decoded: FrameHolder) throws -> DecodedFrame {
        let holder = try decoded.hasUpwardRows ? decoded.copied() : decoded
        let frame = holder.pointer.pointee
        let duration = frame.pkt_duration > 0 ? frame.pkt_duration : 0
        let time = frame.best_effort_timestamp
        defer { isUnfinished = false }
        return DecodedFrame(
            picture: try holder.picture(
                orientation: Orientation(of: holder.pointer) ?? demuxer.stream.orientation,
                sampleAspectRatio: sampleAspectRatio(holder.pointer), color: color(of: frame)),
            pts: time == FF_NOPTS ? nil : time, duration: duration, isKey: frame.key_frame != 0,
            isCorrupt: isUnfinished || isStillDamaged || isMarkedCorrupt(frame) || frame.decode_error_flags != 0,
            tag: frame.reordered_opaque)
    }

    private func isMarkedCorrupt(_ frame: AVFrame) -> Bool {
        // Of H.264 this says that no IDR and no recovery came yet, which `VideoReader` tells by itself.
        syntax != .h264 && frame.flags & AV_FRAME_FLAG_CORRUPT != 0
    }

    private func sampleAspectRatio(_ frame: UnsafeMutablePointer<AVFrame>) -> Rational {
        guard let context = demuxer.avContext, let stream = demuxer.avStream else {
            return Rational(frame.pointee.sample_aspect_ratio)
        }
        return Rational(av_guess_sample_aspect_ratio(context, stream, frame))
    }

    private func color(of frame: AVFrame) -> ColorDescription {
        let color = ColorDescription(of: frame)
        guard AVPixelFormat(rawValue: frame.format).isGray else { return color }
        // FFmpeg takes all grey for full range, which is right for images but not for video standards.
        let isFull = frame.color_range == AVCOL_RANGE_UNSPECIFIED ? !isVideoCodec : color.isFullRange
        return ColorDescription(matrix: color.matrix, isFullRange: isFull)
    }

    /// Codecs whose standards say limited range where the stream is silent.
    private static let limitedByStandard: Set<UInt32> = [
        AV_CODEC_ID_H264.rawValue, AV_CODEC_ID_HEVC.rawValue, AV_CODEC_ID_VP9.rawValue, AV_CODEC_ID_AV1.rawValue,
        AV_CODEC_ID_VVC.rawValue,
    ]

    private static func unknownCodec(_ parameters: AVCodecParameters) -> String {
        if parameters.codec_id != AV_CODEC_ID_NONE {
            return "this FFmpeg has no decoder for \(String(cString: avcodec_get_name(parameters.codec_id)))"
        }
        let tag = withUnsafeBytes(of: parameters.codec_tag.littleEndian) { bytes in
            String(decoding: bytes.map { (32..<127).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        }
        return "FFmpeg does not know its codec '\(tag)'"
    }
}

extension FrameHolder {
    /// Whether rows are stored bottom up, as some AVI and BMP decoders do.
    fileprivate var hasUpwardRows: Bool {
        let sizes = pointer.pointee.linesize
        return sizes.0 < 0 || sizes.1 < 0 || sizes.2 < 0 || sizes.3 < 0
    }

    /// The same picture in memory of its own, rows top down.
    fileprivate func copied() throws -> FrameHolder {
        let size = ImageSize(height: Int(pointer.pointee.height), width: Int(pointer.pointee.width))
        let copy = try FrameHolder(size: size, format: AVPixelFormat(rawValue: pointer.pointee.format))
        try check(av_frame_copy(copy.pointer, pointer), "copy", "a frame")
        try check(av_frame_copy_props(copy.pointer, pointer), "copy", "a frame")
        return copy
    }
}
