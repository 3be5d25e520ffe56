import Imaging

/// The text of a YUV4MPEG2 stream: its header and the line before each frame.
enum Y4MText {
    /// FFmpeg refuses a header longer than this, line feed included.
    static let headerLimit = 96
    /// FFmpeg refuses a frame's line as long as this, line feed included.
    static let frameLimit = 80

    /// How the planes of a frame follow each other.
    enum Layout: String, Sendable {
        /// Y', then Cb and Cr halved in both directions, sited as in MPEG-2.
        case halved = "C420mpeg2"
        /// Y', Cb, Cr.
        case full = "C444"
        /// One plane of ids.
        case mono = "Cmono"

        /// The layout for a pixel format; nil where Y4M has none.
        init?(_ format: PixelFormat) {
            switch format {
            case .yuv420p: self = .halved
            case .yuv444p: self = .full
            case .gray: self = .mono
            default: return nil
            }
        }
    }

    /// `YUV4MPEG2 W1024 H768 F30:1 Ip A1:1 Cmono XCOLORRANGE=FULL XSEGMENTD=1` and a line feed.
    ///
    /// A frame rate whose numbers are too long for the line becomes frames per 1001 or per 1 second.
    static func header(size: ImageSize, frameRate: Rational?, pixelAspect: Rational, layout: Layout) -> [UInt8] {
        var rate = frameRate.flatMap { $0.isPositive ? $0 : nil } ?? Rational(30, 1)
        if max(rate.numerator, rate.denominator) > 999_999 {
            rate = Rational(max(1, Int((min(rate.value, 1e6) * 1001).rounded())), 1001)
        }
        var aspect = pixelAspect.isPositive ? pixelAspect : Rational(1, 1)
        if max(aspect.numerator, aspect.denominator) > 9_999 {
            aspect = Rational(max(1, Int((min(aspect.value, 9) * 1000).rounded())), 1000)
        }
        let range = layout == .mono ? "FULL" : "LIMITED"
        let text =
            "YUV4MPEG2 W\(size.width) H\(size.height) F\(rate) Ip A\(aspect) \(layout.rawValue) "
            + "XCOLORRANGE=\(range) XSEGMENTD=1\n"
        return Array(text.utf8)
    }

    /// What a frame's line tells of it.
    struct Facts: Equatable {
        /// The frame's sequence number.
        var sequence: UInt64
        /// Capture, nanoseconds since the epoch.
        var captured: Int64
        /// Capture to publish, microseconds.
        var latency: UInt64
        /// Frames of the camera not sent to this reader since the last one that was.
        var dropped: UInt64
        /// Flags; 0: a valid mask.
        var flags: UInt8
    }

    /// `FRAME XS=… XT=… XL=… XD=… XF=…` and a line feed: at most 79 bytes, numbers that are too long held at their limit.
    static func frameLine(_ facts: Facts) -> [UInt8] {
        let text =
            "FRAME XS=\(min(facts.sequence, UInt64(Int64.max))) XT=\(max(0, facts.captured)) "
            + "XL=\(min(facts.latency, 99_999_999)) XD=\(min(facts.dropped, 99_999)) "
            + "XF=\(String(facts.flags, radix: 16))\n"
        return Array(text.utf8)
    }
}
