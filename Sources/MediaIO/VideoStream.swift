import CFFmpeg
import Imaging

/// What a container says of its video stream. Frames may differ later.
public struct VideoStream: Hashable, Sendable {
    /// The number of the stream in its container.
    public let index: Int
    /// FFmpeg's name of the container: `mov,mp4,m4a,3gp,3g2,mj2`.
    public let formatName: String
    /// FFmpeg's name of the codec: `h264`.
    public let codecName: String
    /// The pixel format, where it is known before decoding.
    public let format: PixelFormat?
    /// The size as stored; nil where it is not known before decoding.
    public let codedSize: ImageSize?
    /// How pictures are turned, by the container's display matrix.
    public let orientation: Orientation
    /// The shape of a stored pixel; 0:1 where it is not known.
    public let sampleAspectRatio: Rational
    /// Frames a second on average; nil where it is not known.
    public let frameRate: Rational?
    /// Seconds a tick of the time stamps.
    public let timeBase: Rational
    /// How many frames there are by the container's index, or by its duration; nil where it tells neither.
    public let frameCount: Int?
    /// Whether it is a single image or a numbered series of them.
    public let isImage: Bool
    /// How many videos the container holds.
    public let videoCount: Int

    /// `stillOrientation` is how a picture's file says that it is turned; asked for pictures only.
    init(
        _ stream: AVStream, format input: AVInputFormat?, containerDuration: Int64, rate: AVRational,
        videoCount: Int = 1, stillOrientation: () -> Orientation?
    ) {
        self.videoCount = videoCount
        let parameters = stream.codecpar.pointee
        index = Int(stream.index)
        formatName = input.map { String(cString: $0.name) } ?? "unknown"
        codecName = String(cString: avcodec_get_name(parameters.codec_id))
        format = try? PixelFormat(AVPixelFormat(rawValue: parameters.format))
        codedSize =
            parameters.width > 0 && parameters.height > 0
            ? ImageSize(height: Int(parameters.height), width: Int(parameters.width)) : nil
        let ratio =
            stream.sample_aspect_ratio.num > 0 ? stream.sample_aspect_ratio : parameters.sample_aspect_ratio
        sampleAspectRatio = Rational(ratio)
        isImage = formatName == "image2" || formatName.hasSuffix("_pipe")
        orientation = Self.displayMatrix(of: stream) ?? (isImage ? stillOrientation() : nil) ?? .upright
        let rate = Rational(rate)
        frameRate = rate.isPositive ? rate : nil
        timeBase = Rational(stream.time_base)
        if stream.nb_frames > 0 {
            frameCount = Int(stream.nb_frames)
        } else if let frameRate {
            let seconds =
                stream.duration > 0
                ? Double(stream.duration) * timeBase.value
                : Double(max(containerDuration, 0)) / Double(AV_TIME_BASE)
            let count = (seconds * frameRate.value).rounded()
            frameCount = count >= 1 && count < 1e15 ? Int(count) : nil
        } else {
            frameCount = nil
        }
    }

    /// A time stamp in nanoseconds; nil where no number holds it.
    public func nanoseconds(_ ticks: Int64) -> Int64? {
        let time = Double(ticks) * timeBase.value * 1e9
        return abs(time) < 4e18 ? Int64(time) : nil
    }

    private static func displayMatrix(of stream: AVStream) -> Orientation? {
        for index in 0..<max(Int(stream.nb_side_data), 0) {
            guard let data = stream.side_data?[index] else { continue }
            if data.type == AV_PKT_DATA_DISPLAYMATRIX { return Orientation(matrix: data.data, count: data.size) }
        }
        return nil
    }
}

extension Rational {
    init(_ value: AVRational) { self.init(Int(value.num), Int(value.den)) }

    /// FFmpeg's fraction; 0:1 where this does not fit.
    var av: AVRational {
        guard let numerator = Int32(exactly: numerator), let denominator = Int32(exactly: denominator) else {
            return AVRational(num: 0, den: 1)
        }
        return AVRational(num: numerator, den: denominator)
    }
}
