import CFFmpeg
import Imaging

/// One swscale context: from one size, format and colour description to another.
final class ScalingContext {
    /// A side of the conversion.
    struct End: Hashable {
        let size: ImageSize
        let format: AVPixelFormat
        let color: ColorDescription

        static func == (left: End, right: End) -> Bool {
            left.size == right.size && left.format == right.format && left.color == right.color
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(size)
            hasher.combine(format.rawValue)
            hasher.combine(color)
        }

        /// What swscale is told: the `yuvj` names are only a range.
        fileprivate var scaled: AVPixelFormat {
            switch format {
            case AV_PIX_FMT_YUVJ420P: AV_PIX_FMT_YUV420P
            case AV_PIX_FMT_YUVJ422P: AV_PIX_FMT_YUV422P
            case AV_PIX_FMT_YUVJ444P: AV_PIX_FMT_YUV444P
            case AV_PIX_FMT_YUVJ440P: AV_PIX_FMT_YUV440P
            case AV_PIX_FMT_YUVJ411P: AV_PIX_FMT_YUV411P
            default: format
            }
        }
    }

    /// Both sides.
    struct Key: Hashable {
        let source: End
        let target: End
    }

    let key: Key
    private let context: OpaquePointer

    /// - Throws: `MediaError`, `.unsupported` where swscale cannot read or write a format or matrix.
    init(_ key: Key) throws {
        FFmpegLog.install()
        self.key = key
        let source = key.source
        let target = key.target
        let subject = try "\(PixelFormat(source.format)) \(source.size) to \(PixelFormat(target.format)) \(target.size)"
        guard sws_isSupportedInput(source.scaled) > 0, sws_isSupportedOutput(target.scaled) > 0 else {
            throw MediaError(.unsupported, "convert", subject, reason: "swscale does not know one of the formats")
        }
        let sourceTable = try Self.coefficients(source, subject)
        let targetTable = try Self.coefficients(target, subject)
        guard let context = sws_alloc_context() else { throw FrameHolder.outOfMemory() }
        // From here on `deinit` frees it, whatever is thrown.
        self.context = context
        var options: [(String, Int)] = [
            ("srcw", source.size.width), ("srch", source.size.height), ("dstw", target.size.width),
            ("dsth", target.size.height), ("src_format", Int(source.scaled.rawValue)),
            ("dst_format", Int(target.scaled.rawValue)),
            ("src_range", source.color.isFullRange ? 1 : 0), ("dst_range", target.color.isFullRange ? 1 : 0),
        ]
        // swscale widens its bilinear filter when it shrinks, so that it averages over all pixels and does not alias.
        options.append(
            ("sws_flags", Int(SWS_BILINEAR | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP)))
        for (name, value) in options {
            let code = av_opt_set_int(UnsafeMutableRawPointer(context), name, Int64(value), 0)
            guard code >= 0 else { throw MediaError(code: code, "convert", subject, detail: "option \(name)") }
        }
        let (code, said) = FFmpegLog.collectingErrors { sws_init_context(context, nil, nil) }
        guard code >= 0 else { throw MediaError(code: code, "convert", subject, detail: said.last) }
        sws_setColorspaceDetails(
            context, sourceTable, source.color.isFullRange ? 1 : 0, targetTable, target.color.isFullRange ? 1 : 0, 0,
            1 << 16, 1 << 16)
    }

    deinit { sws_freeContext(context) }

    /// Converts a whole picture.
    func run(_ source: PlaneSet, to target: PlaneSet) throws {
        let rows = source.withLists { pointers, strides in
            target.withLists { targetPointers, targetStrides in
                pointers.withMemoryRebound(to: UnsafePointer<UInt8>?.self, capacity: 4) { pointers in
                    sws_scale(
                        context, pointers, strides, 0, Int32(clamping: key.source.size.height), targetPointers,
                        targetStrides)
                }
            }
        }
        guard Int(rows) == key.target.size.height else {
            throw MediaError(
                code: min(rows, 0), "convert", "a \(key.source.size) picture",
                detail: "\(rows) of \(key.target.size.height) rows were made")
        }
    }

    private static func coefficients(_ end: End, _ subject: String) throws -> UnsafePointer<Int32>? {
        guard !end.format.isRGB, !end.format.isGray else { return sws_getCoefficients(SWS_CS_DEFAULT) }
        let space: Int32
        switch end.color.matrix {
        case 1: space = SWS_CS_ITU709
        case 4: space = SWS_CS_FCC
        // Code point 0 says RGB; on Y'CbCr samples it is a mistake in the stream, and players take BT.601.
        case 0, 2, 3, 5, 6: space = SWS_CS_ITU601
        case 7: space = SWS_CS_SMPTE240M
        case 9, 10: space = SWS_CS_BT2020
        default:
            throw MediaError(
                .unsupported, "convert", subject,
                reason: "its colours use matrix \(end.color.matrix) of H.273, which swscale does not know",
                hint: "convert the video to BT.709, for example with zscale in ffmpeg")
        }
        return sws_getCoefficients(space)
    }
}
