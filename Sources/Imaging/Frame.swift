/// What is known of a frame besides its pixels; the mask made of it carries the same.
public struct FrameStamp: Hashable, Sendable {
    /// The camera's name.
    public let camera: String
    /// Counts every frame the source decoded, from 0; a frame that is skipped leaves a gap.
    public let sequence: UInt64
    /// The presentation time on the stream's own clock; nil where the source has none.
    public let mediaTime: MediaTime?
    /// How long the frame is shown, in ticks of `mediaTime`'s time base; 0 where it is not known.
    public let mediaDuration: Int64
    /// When it was captured.
    public let capture: CaptureTime

    /// The facts of one frame.
    public init(
        camera: String, sequence: UInt64, mediaTime: MediaTime?, mediaDuration: Int64 = 0, capture: CaptureTime
    ) {
        self.camera = camera
        self.sequence = sequence
        self.mediaTime = mediaTime
        self.mediaDuration = mediaDuration
        self.capture = capture
    }
}

/// What the decoder and the container say of a frame.
public struct FrameFlags: OptionSet, Hashable, Sendable {
    /// One bit a statement.
    public let rawValue: UInt8

    /// The statements of `rawValue`.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// It was decoded without others, as every image is.
    public static let key = FrameFlags(rawValue: 1)
    /// Data of it was missing or damaged.
    public static let corrupt = FrameFlags(rawValue: 2)
    /// Data was lost between it and the frame before, so that it may show what never was, until the next key frame
    /// or recovery.
    public static let afterLoss = FrameFlags(rawValue: 4)
    /// A recovery is complete: it and what follows are whole, although none of them is decoded without others.
    public static let recovered = FrameFlags(rawValue: 8)
}

extension FrameStamp {
    /// The same facts under another number.
    public func numbered(_ sequence: UInt64) -> FrameStamp {
        FrameStamp(
            camera: camera, sequence: sequence, mediaTime: mediaTime, mediaDuration: mediaDuration, capture: capture)
    }
}

/// A picture on its way in.
public struct Frame: Sendable {
    /// Camera, sequence number and times.
    public let stamp: FrameStamp
    /// The pixels, as decoded.
    public let picture: Picture
    /// What the decoder and the container say of it.
    public let flags: FrameFlags
    /// When each stage worked on it; the source fills in `decode`.
    public var stages: StageTimes

    /// A decoded frame; whole and independent of others unless `flags` say otherwise.
    public init(
        stamp: FrameStamp, picture: Picture, flags: FrameFlags = .key, stages: StageTimes = StageTimes()
    ) {
        self.stamp = stamp
        self.picture = picture
        self.flags = flags
        self.stages = stages
    }
}

/// The answer for one frame: a class for every pixel, with the frame's own sequence number and times.
public struct Mask: Sendable {
    /// Camera, sequence number and times, those of the frame.
    public let stamp: FrameStamp
    /// A class id for every pixel. Whoever keeps it may let go of the mask: its memory is used again only when the map
    /// itself is released.
    public let classes: ClassMap
    /// What the ids mean and how they are coloured.
    public let labels: LabelSet
    /// The model's name.
    public let model: String
    /// From the mask's pixels to the source's.
    public let geometry: MaskGeometry
    /// When each stage worked on it.
    public var stages: StageTimes
    /// Whether it is valid, and if not, why; and what is known of its capture time.
    public let flags: MaskFlags
    /// Until when it may be sent as valid.
    public var expiry = Expiry.never

    /// A mask for the frame of `stamp`.
    public init(
        stamp: FrameStamp, classes: ClassMap, labels: LabelSet, model: String, geometry: MaskGeometry,
        stages: StageTimes, flags: MaskFlags = .valid
    ) {
        self.flags = flags
        self.stamp = stamp
        self.classes = classes
        self.labels = labels
        self.model = model
        self.geometry = geometry
        self.stages = stages
    }
}

extension Frame {
    /// The same frame under another number.
    public func numbered(_ sequence: UInt64) -> Frame {
        sequence == stamp.sequence
            ? self : Frame(stamp: stamp.numbered(sequence), picture: picture, flags: flags, stages: stages)
    }
}

extension Mask {
    /// The same mask under another number, with other flags.
    public func numbered(_ sequence: UInt64, flags: MaskFlags) -> Mask {
        Mask(
            stamp: stamp.numbered(sequence), classes: classes, labels: labels, model: model, geometry: geometry,
            stages: stages, flags: flags)
    }
}

/// What a source says of its stream once it is open.
public struct StreamInfo: Hashable, Sendable {
    /// The size a viewer sees (`Picture.size`), as the stream announces it; frames may differ later.
    public let size: ImageSize
    /// Frames a second as announced; nil where unknown.
    public let frameRate: Rational?
    /// The unit of the stream's time stamps.
    public let timeBase: Rational
    /// How many frames there will be, where that is known beforehand (an estimate, for progress only).
    public let frameCount: Int?
    /// The shape of a pixel, width : height.
    public let pixelAspect: Rational
    /// What it is, for people: `h264 yuv420p`, `synthetic drive, seed 7`.
    public let summary: String
    /// Whether frames come at their own pace whether or not they are taken (a camera, a stream, a file paced in real
    /// time), so that an output that is slow must leave some out. Set by the source; nothing else tells.
    public let isLive: Bool

    /// The facts of an open stream.
    public init(
        size: ImageSize, frameRate: Rational?, timeBase: Rational, frameCount: Int? = nil,
        pixelAspect: Rational = Rational(1, 1), summary: String, isLive: Bool = false
    ) {
        self.size = size
        self.frameRate = frameRate
        self.timeBase = timeBase
        self.frameCount = frameCount
        self.pixelAspect = pixelAspect
        self.summary = summary
        self.isLive = isLive
    }

    /// The same stream, read as a live one or not.
    public func read(asLive isLive: Bool) -> StreamInfo {
        StreamInfo(
            size: size, frameRate: frameRate, timeBase: timeBase, frameCount: frameCount, pixelAspect: pixelAspect,
            summary: summary, isLive: isLive)
    }
}
