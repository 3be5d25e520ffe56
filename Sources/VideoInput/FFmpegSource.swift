import Imaging
import MediaIO
import Synchronization

/// Frames of anything that libavformat opens: video files, streams, cameras, single images.
public final class FFmpegSource: VideoSource, @unchecked Sendable {
    /// The camera's name.
    public let camera: String
    /// Whether frames come at their own pace: streams and cameras, and files paced in real time.
    public let isLive: Bool
    /// What is opened.
    public let location: MediaLocation

    private let options: SourceOptions
    private let clock: any FrameClock
    private let interruption = Interruption()
    private let met = Mutex(SourceDiagnostics())
    // Only the reading queue touches what follows.
    private var reader: VideoReader?
    private var primed: VideoReader.Output?
    private var sequence: UInt64 = 0
    private var timeline = Timeline()
    private var pacer = Pacer()
    private var captures = CaptureClock()
    private var gap = StreamGap()
    private var still: StillPolling?
    private var framesInPass = 0
    private var failuresBefore = 0

    /// A source for `location`; nothing is opened yet.
    public init(
        camera: String, location: MediaLocation, options: SourceOptions = SourceOptions(),
        clock: any FrameClock = SystemClock()
    ) {
        self.camera = camera
        self.location = location
        self.options = options
        self.clock = clock
        let isDevice = options.format == "v4l2" || options.format == "video4linux2"
        isLive = options.isLive ?? (location.isLive || isDevice || options.pace == .realTime)
    }

    /// What it met so far that is no frame and no error.
    public var diagnostics: SourceDiagnostics { met.withLock { $0 } }

    /// Opens it; a stream that does not tell its size is read up to its first frame.
    public func open() throws -> StreamInfo {
        close()
        sequence = 0
        timeline = Timeline()
        pacer = Pacer()
        captures = CaptureClock()
        still = nil
        failuresBefore = 0
        met.withLock { $0 = SourceDiagnostics() }
        do {
            return try begin()
        } catch {
            close()
            throw error
        }
    }

    private func begin() throws -> StreamInfo {
        let reader = try openReader()
        let stream = reader.stream
        // Images tell how they are turned only with their pixels.
        if stream.codedSize == nil || stream.isImage || !reader.demuxer.tellsStream { primed = try read() }
        gap = StreamGap(rate: reader.frameRate)
        if isLive, location.isHTTP, stream.isImage, let rate = options.stillRate {
            still = StillPolling(rate: rate, began: clock.monotonicNanoseconds)
        }
        let coded = stream.codedSize ?? ImageSize(height: 0, width: 0)
        let first = primed?.frame.picture
        let size = first?.size ?? (stream.orientation.swapsSides ? coded.transposed : coded)
        guard size.area > 0 else {
            throw MediaError(
                .noVideo, "open", location.description, reason: "no picture came to tell the size of the video")
        }
        return StreamInfo(
            size: size, frameRate: still?.rate ?? reader.frameRate, timeBase: still?.timeBase ?? stream.timeBase,
            frameCount: frameCount(of: stream),
            pixelAspect: first?.pixelAspect ?? Self.pixelAspect(of: stream), summary: summary(of: stream, first),
            isLive: isLive)
    }

    /// The next frame.
    public func next() throws -> Frame? {
        while true {
            guard let output = try primed ?? read() else { return nil }
            primed = nil
            let decoded = output.frame
            let number = sequence
            sequence += 1
            if decoded.isCorrupt {
                let isRefused = options.refusesCorruptFrames ?? isLive
                met.withLock { isRefused ? ($0.refused += 1) : ($0.corrupt += 1) }
                if isRefused { continue }
            }
            return frame(output, number: number)
        }
    }

    /// Closes it.
    public func close() {
        primed = nil
        reader?.demuxer.close()
        reader = nil
    }

    /// Makes blocked and later calls throw `CancellationError`.
    public func cancel() { interruption.cancel() }

    // MARK: - Reading

    private func openReader() throws -> VideoReader {
        var settings = options.reader
        settings.decoder.isLowDelay = isLive
        let fresh = try VideoReader(location, options: settings, interruption: interruption, clock: clock)
        reader = fresh
        framesInPass = 0
        return fresh
    }

    private func read() throws -> VideoReader.Output? {
        while true {
            guard let reader else {
                throw MediaError(
                    .invalidArgument, "read", location.description, reason: "it is not open")
            }
            try interruption.checkCancellation()
            do {
                let output = try reader.next(pace: pace)
                note(reader)
                if let output {
                    framesInPass += 1
                    still?.pictureCame(at: clock.monotonicNanoseconds)
                    return output
                }
                if still != nil {
                    try poll(after: framesInPass > 0 ? nil : noPicture)
                    continue
                }
            } catch let error as MediaError {
                note(reader)
                if still != nil {
                    try poll(after: error)
                    continue
                }
                // A looped file that is cut off goes on from its start; what is said of it is kept.
                guard options.loops, framesInPass > 0 else { throw error }
                met.withLock { $0.lastFailure = error.description }
            }
            guard options.loops, !location.isLive else { return nil }
            try beginPass()
        }
    }

    /// Opens a camera that gives one picture a request again when its next picture is due. An answer without a picture
    /// (`failure`) is no reason to call it away: the next request may succeed.
    ///
    /// - Throws: the failure where no picture has come for as long as a live stream may be silent.
    private func poll(after failure: MediaError?) throws {
        failuresBefore += reader?.failures ?? 0
        reader?.demuxer.close()
        var failure = failure
        while var polling = still {
            let now = clock.monotonicNanoseconds
            if let error = failure {
                guard polling.waits(for: options.readTimeout, at: now) else { throw error }
                met.withLock { $0.lastFailure = error.description }
            }
            let due = polling.next(after: now)
            still = polling
            try interruption.sleep(until: due)
            do {
                _ = try openReader()
                return
            } catch let error as MediaError {
                failure = error
            }
        }
    }

    private var noPicture: MediaError {
        MediaError(.noVideo, "read", location.description, reason: "the server's answer holds no picture")
    }

    private func beginPass() throws {
        guard framesInPass > 0 else {
            throw MediaError(.noVideo, "loop", location.description, reason: "it has no frames")
        }
        failuresBefore += reader?.failures ?? 0
        // Opened again rather than sought back: some containers do not find their first frame again.
        reader?.demuxer.close()
        _ = try openReader()
        timeline.beginPass()
        pacer.beginPass()
        met.withLock { $0.loops += 1 }
    }

    private func pace(_ packet: Packet) throws {
        guard options.pace == .realTime, let reader else { return }
        let timeBase = reader.stream.timeBase.value
        let ticks = packet.duration > 0 ? packet.duration : nominalTicks(of: reader)
        let due = pacer.due(
            ticks: packet.dts ?? packet.pts, secondsPerTick: timeBase,
            length: UInt64(max(0, min(Double(ticks) * timeBase * 1e9, 1e18))), now: clock.monotonicNanoseconds)
        try interruption.sleep(until: due)
    }

    private func note(_ reader: VideoReader) {
        let failures = failuresBefore + reader.failures
        met.withLock {
            guard $0.undecodable != failures else { return }
            $0.undecodable = failures
            $0.lastFailure = reader.lastFailure?.description
        }
    }

    // MARK: - Facts

    private func frame(_ output: VideoReader.Output, number: UInt64) -> Frame {
        let decoded = output.frame
        let timeBase = reader?.stream.timeBase ?? Rational(0, 1)
        let nominal = reader.map { nominalTicks(of: $0) } ?? 0
        let judgement = judge(output)
        let placed = timeline.place(pts: decoded.pts, duration: decoded.duration, nominal: nominal)
        let capture = capture(of: output, judgement)
        let stamp = FrameStamp(
            camera: camera, sequence: number,
            mediaTime: still?.mediaTime(of: capture) ?? placed.map { MediaTime(value: $0, timeBase: timeBase) },
            mediaDuration: still?.ticks ?? (decoded.duration > 0 ? decoded.duration : nominal), capture: capture)
        var stages = StageTimes()
        let now = clock.monotonicNanoseconds
        stages[.decode] = StageTimes.Interval(began: now &- min(output.decodingTime, now), ended: now)
        var flags: FrameFlags = decoded.isKey ? .key : []
        if decoded.isCorrupt { flags.insert(.corrupt) }
        if judgement == .halted || output.isAfterLoss { flags.insert(.afterLoss) }
        if output.isRecovered { flags.insert(.recovered) }
        return Frame(stamp: stamp, picture: decoded.picture, flags: flags, stages: stages)
    }

    private func capture(of output: VideoReader.Output, _ judgement: StreamGap.Judgement) -> CaptureTime {
        let arrival = output.arrival
        // A file was captured some other time; what counts is when it was read.
        guard location.isLive || isDevice else {
            return CaptureTime(
                epochNanoseconds: arrival.epochNanoseconds, monotonicNanoseconds: arrival.monotonicNanoseconds,
                origin: .file)
        }
        if judgement == .strange { return arrival }
        if judgement == .newClock { captures.clockWasSet() }
        return captures.capture(arrival: arrival, stamped: stamp(of: output), streamTime: senderTime(of: output))
    }

    /// The time of a frame by its sender's clock, in nanoseconds from some beginning; nil where there is no such clock.
    private func senderTime(of output: VideoReader.Output) -> Int64? {
        guard let reader, reader.demuxer.hasSenderTimes, let pts = output.frame.pts else { return nil }
        return reader.stream.nanoseconds(pts)
    }

    private func judge(_ output: VideoReader.Output) -> StreamGap.Judgement {
        senderTime(of: output).map { gap.judge(stamp: $0, arrival: output.arrival.monotonicNanoseconds) } ?? .steady
    }

    private var isDevice: Bool { options.format == "v4l2" || options.format == "video4linux2" }

    private func stamp(of output: VideoReader.Output) -> CaptureClock.Stamp? {
        // What the sender says of this very frame is best: its clocks may drift apart over hours.
        if let time = output.producerTime { return .epoch(time &* 1000) }
        guard let reader, let pts = output.frame.pts, let time = reader.stream.nanoseconds(pts) else { return nil }
        if isDevice { return .driver(time) }
        // Streams count from their sender's first report.
        guard let origin = reader.demuxer.realtimeOrigin, isLive else { return nil }
        return .epoch((origin &* 1000) &+ time)
    }

    private func nominalTicks(of reader: VideoReader) -> Int64 {
        guard let rate = reader.frameRate, reader.stream.timeBase.isPositive else { return 0 }
        return Int64((1 / (rate.value * reader.stream.timeBase.value)).rounded())
    }

    private func frameCount(of stream: VideoStream) -> Int? {
        if isLive || options.loops { return nil }
        if stream.isImage, stream.formatName != "image2", location.path != nil { return 1 }
        return stream.frameCount
    }

    private static func pixelAspect(of stream: VideoStream) -> Rational {
        let ratio = stream.sampleAspectRatio
        guard ratio.isPositive else { return Rational(1, 1) }
        return stream.orientation.swapsSides ? Rational(ratio.denominator, ratio.numerator) : ratio
    }

    private func summary(of stream: VideoStream, _ first: Picture?) -> String {
        let format = first?.format ?? stream.format
        let name = format.map { "\(stream.codecName) \($0)" } ?? stream.codecName
        return stream.videoCount > 1 ? "\(name) (stream \(stream.index), of \(stream.videoCount) video tracks)" : name
    }
}
