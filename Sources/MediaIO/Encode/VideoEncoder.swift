import CFFmpeg
import Imaging
import Threads

/// One encoder of libavcodec: pictures in, packets out.
///
/// B-frames are off: packets then leave in presentation order, and every reader, even one that ignores edit lists, sees
/// the time stamps that went in.
final class VideoEncoder {
    private(set) var context: UnsafeMutablePointer<AVCodecContext>?
    private var packet: UnsafeMutablePointer<AVPacket>?
    private let path: String

    /// What an encoder must know before the first picture.
    struct Settings {
        let size: ImageSize
        let timeBase: Rational
        let frameRate: Rational?
        let pixelAspect: Rational
        /// What the numbers mean.
        let color: ColorDescription
        let threads: Int
        /// Whether the container wants the codec's headers beside the packets.
        let hasGlobalHeader: Bool
    }

    /// Opens the encoder of `format`; `path` is for messages.
    init(format: VideoFormat, settings: Settings, path: String) throws(EncodeError) {
        self.path = path
        FFmpegLog.install()
        guard let codec = avcodec_find_encoder_by_name(format.encoder) else {
            throw .noEncoder(name: format.encoder, path: path)
        }
        context = avcodec_alloc_context3(codec)
        packet = av_packet_alloc()
        guard let context, packet != nil else { throw .failed(step: "opening the encoder", path: path, code: -12) }
        context.pointee.width = Int32(settings.size.width)
        context.pointee.height = Int32(settings.size.height)
        context.pointee.pix_fmt = av_get_pix_fmt(format.pixelFormat.rawValue)
        context.pointee.time_base = AVRational(settings.timeBase)
        if let rate = settings.frameRate { context.pointee.framerate = AVRational(rate) }
        context.pointee.sample_aspect_ratio = AVRational(settings.pixelAspect)
        context.pointee.thread_count = Int32(max(1, settings.threads))
        context.pointee.max_b_frames = 0
        if settings.hasGlobalHeader { context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER }
        Self.tagColor(context, format: format.pixelFormat, settings.color)
        for (name, value) in format.options {
            let code = av_opt_set(context, name, value, AV_OPT_SEARCH_CHILDREN)
            guard code >= 0 else { throw .failed(step: "setting \(format.encoder)'s \(name)", path: path, code: code) }
        }
        let (code, said) = FFmpegLog.collectingErrors { avcodec_open2(context, codec, nil) }
        guard code >= 0 else {
            do { try ThreadCrew.check(max(1, settings.threads), for: "the encoder \(format.encoder)") } catch {
                throw .noThreads(error, path: path)
            }
            let step = "opening \(format.encoder) for \(settings.size) \(format.pixelFormat)"
            throw .failed(step: step, path: path, code: code, detail: said.last)
        }
    }

    deinit {
        av_packet_free(&packet)
        avcodec_free_context(&context)
    }

    /// Says which colours the numbers mean, so that a player need not guess.
    private static func tagColor(
        _ context: UnsafeMutablePointer<AVCodecContext>, format: PixelFormat, _ color: ColorDescription
    ) {
        var (primaries, transfer) = (color.primaries, color.transfer)
        if format.rawValue.hasPrefix("yuv") {
            context.pointee.color_range = AVCOL_RANGE_MPEG
            context.pointee.colorspace = AVColorSpace(UInt32(clamping: color.matrix))
            context.pointee.chroma_sample_location = AVCHROMA_LOC_LEFT
            // What goes with the matrix where the source does not tell; with another matrix several may.
            let usual = [1: (1, 1), 5: (5, 6), 6: (6, 6)][color.matrix] ?? (2, 2)
            if primaries == 2 { primaries = usual.0 }
            if transfer == 2 { transfer = usual.1 }
        } else {
            context.pointee.color_range = AVCOL_RANGE_JPEG
            if format != .gray { context.pointee.colorspace = AVCOL_SPC_RGB }
        }
        context.pointee.color_primaries = AVColorPrimaries(UInt32(clamping: primaries))
        context.pointee.color_trc = AVColorTransferCharacteristic(UInt32(clamping: transfer))
    }

    /// Encodes `frame`, or what is still inside where it is nil, and hands each packet to `consume`.
    func encode(
        _ frame: UnsafeMutablePointer<AVFrame>?,
        _ consume: (UnsafeMutablePointer<AVPacket>) throws(EncodeError) -> Void
    ) throws(EncodeError) {
        let code = avcodec_send_frame(context, frame)
        guard code >= 0 else { throw .failed(step: "encoding a frame", path: path, code: code) }
        guard let packet else { return }
        while true {
            let code = avcodec_receive_packet(context, packet)
            if code == ff_averror(11) || code == FF_ERROR_EOF { return }
            guard code >= 0 else { throw .failed(step: "encoding a frame", path: path, code: code) }
            try consume(packet)
            av_packet_unref(packet)
        }
    }
}

extension AVRational {
    /// FFmpeg's form of a fraction whose parts fit 32 bits; 0:1 where they do not.
    init(_ rational: Rational) {
        if let numerator = Int32(exactly: rational.numerator), let denominator = Int32(exactly: rational.denominator) {
            self.init(num: numerator, den: denominator)
        } else {
            self.init(num: 0, den: 1)
        }
    }
}
