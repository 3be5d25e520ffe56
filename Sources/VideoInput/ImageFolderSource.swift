import Imaging
import MediaIO
import Synchronization

/// The images of a folder as frames, in natural order of their names; each may have a size of its own.
///
/// Their time stamps count images at `SourceOptions.folderFrameRate`. Files that are no images by their name are
/// left out and listed in `diagnostics`. One that is called an image and cannot be decoded is left out too where the
/// options say so; else it is an error, after which the source goes on with the next. Of animated images the first
/// picture counts.
public final class ImageFolderSource: VideoSource, @unchecked Sendable {
    /// The camera's name.
    public let camera: String
    /// Whether images come at their own pace.
    public let isLive: Bool
    /// The folder.
    public let path: String

    /// The images, where they are not to be found by listing the folder.
    private let chosen: [String]?
    private let options: SourceOptions
    private let clock: any FrameClock
    private let interruption = Interruption()
    private let met = Mutex(SourceDiagnostics())
    // Only the reading queue touches what follows.
    private var images: [String] = []
    private var position = 0
    private var sequence: UInt64 = 0
    private var pacer = Pacer()
    private var primed: VideoReader.Output?

    /// A source for the folder at `path`, or for those of its images whose paths are in `images`, in that order; nothing
    /// is read yet.
    public init(
        camera: String, path: String, images: [String]? = nil, options: SourceOptions = SourceOptions(),
        clock: any FrameClock = SystemClock()
    ) {
        self.camera = camera
        self.path = path
        chosen = images
        self.options = options
        self.clock = clock
        isLive = options.isLive ?? (options.pace == .realTime)
    }

    /// What it met so far that is no frame and no error.
    public var diagnostics: SourceDiagnostics { met.withLock { $0 } }

    /// Lists the folder and decodes its first image, whose size the stream's counts as.
    public func open() throws -> StreamInfo {
        close()
        try interruption.checkCancellation()
        guard options.folderFrameRate > 0 else {
            throw MediaError(
                .invalidArgument, "open", path, reason: "a frame rate of \(options.folderFrameRate) is none",
                hint: "give 1 or more frames a second")
        }
        let folder = try chosen.map { ImageFolder(images: $0) } ?? ImageFolder(path: path)
        guard !folder.images.isEmpty else {
            throw MediaError(.noVideo, "open", path, reason: "none of its images was chosen")
        }
        images = folder.images
        sequence = 0
        pacer = Pacer()
        met.withLock {
            $0 = SourceDiagnostics()
            $0.leftOut = folder.leftOut
        }
        let (number, first) = try firstReadable()
        (position, sequence) = (number, UInt64(number))
        primed = first
        let picture = first.frame.picture
        return StreamInfo(
            size: picture.size, frameRate: Rational(options.folderFrameRate, 1), timeBase: timeBase,
            frameCount: isLive || options.loops ? nil : images.count, pixelAspect: picture.pixelAspect,
            summary: "\(images.count) images, the first \(picture.format)", isLive: isLive)
    }

    /// The first image that can be read, and how many stand before it.
    private func firstReadable() throws -> (number: Int, output: VideoReader.Output) {
        for (number, image) in images.enumerated() {
            try interruption.checkCancellation()
            if let output = try decodeOrLeaveOut(image) { return (number, output) }
        }
        let problem = diagnostics.leftOut.first { $0.reason == .unreadable }?.problem
        throw MediaError(
            .invalidData, "read", path,
            reason: images.count == 1
                ? "its one picture cannot be read" : "none of its \(images.count) pictures can be read",
            hint: problem)
    }

    /// The picture; nil where it cannot be read and is to be left out.
    private func decodeOrLeaveOut(_ image: String) throws -> VideoReader.Output? {
        do {
            return try decode(image)
        } catch let error as MediaError
            where options.skipsUnreadablePictures && error.kind != .cancelled && !error.isOfMachine
        {
            let left = LeftOut(name(of: image), .unreadable, problem: error.description)
            // A folder that begins again meets it again.
            met.withLock { if !$0.leftOut.contains(left) { $0.leftOut.append(left) } }
            return nil
        }
    }

    /// A picture's name in the folder.
    private func name(of image: String) -> String {
        image.hasPrefix(path) ? String(image.dropFirst(path.count).drop { $0 == "/" }) : image
    }

    /// The next image.
    public func next() throws -> Frame? {
        while true {
            try interruption.checkCancellation()
            if let frame = try nextReadable() { return frame }
            if position == images.count, !options.loops || images.isEmpty { return nil }
        }
    }

    /// The next image; nil where it was left out, or there is none.
    private func nextReadable() throws -> Frame? {
        if position == images.count, options.loops, !images.isEmpty {
            position = 0
            met.withLock { $0.loops += 1 }
        }
        guard position < images.count else { return nil }
        try pace()
        let number = sequence
        let arrival = clock.now(.file)
        let image = images[position]
        // An image that cannot be decoded takes its number with it.
        position += 1
        sequence += 1
        let output: VideoReader.Output
        if let first = primed {
            output = first
            primed = nil
        } else {
            guard let decoded = try decodeOrLeaveOut(image) else { return nil }
            output = decoded
        }
        if output.frame.isCorrupt {
            met.withLock {
                $0.corrupt += 1
                if $0.firstCorrupt.count < 10 { $0.firstCorrupt.append(name(of: image)) }
            }
        }
        let stamp = FrameStamp(
            camera: camera, sequence: number, mediaTime: MediaTime(value: Int64(number), timeBase: timeBase),
            mediaDuration: 1, capture: arrival)
        var stages = StageTimes()
        let now = clock.monotonicNanoseconds
        stages[.decode] = StageTimes.Interval(began: now &- min(output.decodingTime, now), ended: now)
        return Frame(
            stamp: stamp, picture: output.frame.picture, flags: output.frame.isCorrupt ? [.key, .corrupt] : .key,
            stages: stages
        )
    }

    /// Forgets the folder.
    public func close() {
        images = []
        position = 0
        primed = nil
    }

    /// Makes blocked and later calls throw `CancellationError`.
    public func cancel() { interruption.cancel() }

    private var timeBase: Rational { Rational(1, options.folderFrameRate) }

    private func decode(_ image: String) throws -> VideoReader.Output {
        var settings = options.reader
        // What was asked of the folder's format and options does not concern single images.
        settings.demuxer.format = nil
        settings.demuxer.options = [:]
        settings.demuxer.isLive = false
        settings.decoder.threads = 1
        settings.decoder.isStrict = options.refusesCorruptFrames == true
        let reader = try VideoReader(
            MediaLocation(image), options: settings, interruption: interruption, clock: clock)
        defer { reader.demuxer.close() }
        guard let output = try reader.next() else {
            throw MediaError(.noVideo, "decode", image, reason: "it holds no picture")
        }
        return output
    }

    private func pace() throws {
        guard options.pace == .realTime else { return }
        let due = pacer.due(
            ticks: Int64(sequence), secondsPerTick: timeBase.value,
            length: UInt64(1_000_000_000 / options.folderFrameRate), now: clock.monotonicNanoseconds)
        try interruption.sleep(until: due)
    }
}
