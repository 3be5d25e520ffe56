import CFFmpeg
import Imaging

/// A video that is read frame by frame: demuxer and decoder together.
///
/// What can still be decoded comes out before an error of the container is thrown.
public final class VideoReader {
    /// How it is opened and decoded.
    public struct Options: Hashable, Sendable {
        /// How the container is opened.
        public var demuxer = DemuxerOptions()
        /// How the stream is decoded; `isLowDelay` and `maxPixels` are set from the container's.
        public var decoder = DecoderOptions()

        /// The usual settings.
        public init() {}
    }

    /// One frame and when it was worked on.
    public struct Output: Sendable {
        /// The frame.
        public let frame: DecodedFrame
        /// When the data that began it arrived.
        public let arrival: CaptureTime
        /// When its sender says that it was captured, in microseconds since the epoch; nil where it does not say.
        public let producerTime: Int64?
        /// Whether data was lost between it and the frame before.
        public let isAfterLoss: Bool
        /// Whether a recovery is complete: it and what follows are whole, though none of them can be decoded alone.
        public let isRecovered: Bool
        /// The time spent decoding since the frame before, in nanoseconds.
        public let decodingTime: UInt64
    }

    /// The container.
    public let demuxer: Demuxer
    private let decoder: Decoder
    private let packet: Packet
    private let clock: any FrameClock
    private var arrivals = Arrivals()
    private var losses = Losses()
    private var recoveries = Recoveries()
    private var pending: (any Error)?
    private var frames = 0
    private var hasEnded = false

    /// Opens `location` and its decoder.
    public init(
        _ location: MediaLocation, options: Options = Options(), interruption: Interruption = Interruption(),
        clock: any FrameClock = SystemClock()
    ) throws {
        var demuxerOptions = options.demuxer
        demuxerOptions.readsPixelsOnly = options.decoder.isStrict
        demuxer = try Demuxer(location, options: demuxerOptions, interruption: interruption)
        var decoderOptions = options.decoder
        decoderOptions.isLowDelay = decoderOptions.isLowDelay || demuxer.isLive
        decoderOptions.maxPixels = min(decoderOptions.maxPixels, options.demuxer.maxPixels)
        decoder = try Decoder(for: demuxer, options: decoderOptions)
        packet = try Packet()
        self.clock = clock
    }

    /// What the container says of its video.
    public var stream: VideoStream { demuxer.stream }
    /// Frames a second, as the container says, or else what was decoded so far; nil where neither tells.
    public var frameRate: Rational? { stream.frameRate ?? decoder.frameRate }
    /// How many packets or frames could not be decoded so far.
    public var failures: Int { decoder.failures }
    /// The last of these failures.
    public var lastFailure: MediaError? { decoder.lastFailure }

    /// The next frame; nil at the end.
    ///
    /// `pace` is called with every packet before it is decoded, and may wait; the packet counts as arrived when it
    /// returns.
    ///
    /// - Throws: `MediaError`, also where a file held no frame that could be decoded; `CancellationError`.
    public func next(pace: (Packet) throws -> Void = { _ in }) throws -> Output? {
        var decodingTime: UInt64 = 0
        func timed<Result>(_ body: () throws -> Result) rethrows -> Result {
            let began = clock.monotonicNanoseconds
            defer { decodingTime += clock.monotonicNanoseconds &- began }
            return try body()
        }
        let began = Interruption.now
        while true {
            let decoded = try timed({ try decoder.receive() })
            if decoder.takeLoss() { losses.add(arrivals.last) }
            if let frame = decoded {
                frames += 1
                return output(frame, decodingTime: decodingTime)
            }
            if decoder.isDrained { return try end() }
            try checkProgress(since: began)
            guard try read() else {
                try timed { try decoder.send(nil) }
                continue
            }
            try pace(packet)
            let arrival = clock.arrival.earlier(by: demuxer.lateness(of: packet))
            let entry = decoder.entryPoint(of: packet)
            let tag = arrivals.add(packet, entry: entry, at: arrival, producerTime: producerTime)
            if case .recovery(let count) = entry?.kind { recoveries.announce(tag: tag, after: count) }
            if demuxer.hasLost || packet.isCorrupt { losses.add(tag) }
            try timed { try decoder.send(packet, tag: tag) }
            if decoder.takeLoss() { losses.add(tag) }
        }
    }

    private func output(_ frame: DecodedFrame, decodingTime: UInt64) -> Output {
        let known = arrivals.packet(of: frame.tag)
        let tag = frame.tag > 0 ? frame.tag : arrivals.last
        // Decoders with several threads may not say which packet began a frame.
        let entry = frame.tag > 0 ? known?.entry : nil
        let loss = losses.precede(tag)
        let isCorrupt = frame.isCorrupt || known?.isCorrupt == true
        let isRecovered = recoveries.picture(
            tag: tag, isReference: entry?.isReference ?? true, loss: isCorrupt ? tag : loss)
        return Output(
            // Where the units tell, container and decoder may be wrong: both take the beginning of a recovery for a key.
            frame: frame.marked(
                isKey: entry.map { $0.kind == .independent } ?? (frame.isKey || known?.isKey == true),
                isCorrupt: isCorrupt),
            arrival: known?.arrival ?? clock.arrival, producerTime: known?.producerTime, isAfterLoss: loss != nil,
            isRecovered: isRecovered, decodingTime: decodingTime)
    }

    private var producerTime: Int64? { demuxer.isUnparsed ? packet.producerTime : nil }

    /// A live stream of which nothing can be decoded is as good as silent.
    private func checkProgress(since began: UInt64) throws {
        guard demuxer.isLive, let timeout = demuxer.readTimeout else { return }
        let limit = 3 * timeout.nanoseconds
        guard Interruption.now &- began > limit else { return }
        let detail = decoder.lastFailure.map { "; the decoder says: \($0.reason)" } ?? ""
        throw MediaError(
            .timedOut, "decode", demuxer.location.description,
            reason: "data came for \(Duration.nanoseconds(limit)), and no picture could be decoded from it\(detail)",
            hint: "does the camera send parameter sets (SPS, PPS) and key frames?")
    }

    private func read() throws -> Bool {
        do {
            return try demuxer.read(into: packet)
        } catch let error as MediaError {
            // Frames that the decoder still holds come first.
            pending = error
            return false
        }
    }

    private func end() throws -> Output? {
        // What there is to say of the end is said once.
        guard !hasEnded else { return nil }
        hasEnded = true
        if let error = pending { throw error }
        if frames == 0, !demuxer.isLive {
            let subject = demuxer.location.description
            if let failure = decoder.lastFailure {
                throw MediaError(
                    kind: failure.kind, action: "decode", subject: subject, reason: failure.reason, code: failure.code,
                    hint: "none of its frames could be decoded")
            }
            throw MediaError(.noVideo, "read", subject, reason: "its video has no frames")
        }
        return nil
    }
}

extension DecodedFrame {
    /// The same, with what its packet said of it.
    fileprivate func marked(isKey: Bool, isCorrupt: Bool) -> DecodedFrame {
        guard isKey != self.isKey || isCorrupt != self.isCorrupt else { return self }
        return DecodedFrame(
            picture: picture, pts: pts, duration: duration, isKey: isKey, isCorrupt: isCorrupt, tag: tag)
    }
}

/// What was known of the last packets, by their tags. Decoders reorder and hold back only a few.
private struct Arrivals {
    struct Facts {
        let arrival: CaptureTime
        let producerTime: Int64?
        let entry: EntryPoint?
        let isKey: Bool
        let isCorrupt: Bool
    }

    private var ring: [Facts?] = Array(repeating: nil, count: 256)
    /// The tag of the last packet; 0 before the first.
    private(set) var last: Int64 = 0

    /// Remembers a packet; its tag is above 0.
    mutating func add(
        _ packet: Packet, entry: EntryPoint?, at arrival: CaptureTime, producerTime: Int64?
    ) -> Int64 {
        last += 1
        ring[Int(last) % ring.count] = Facts(
            arrival: arrival, producerTime: producerTime, entry: entry, isKey: packet.isKey,
            isCorrupt: packet.isCorrupt)
        return last
    }

    /// The packet with `tag`, or the last one where the decoder lost the tag.
    func packet(of tag: Int64) -> Facts? {
        guard last > 0 else { return nil }
        let known = tag > 0 && tag <= last && last - tag < Int64(ring.count) ? tag : last
        return ring[Int(known) % ring.count]
    }
}

/// Before which packets data was lost, by their tags.
private struct Losses {
    private var tags: [Int64] = []

    mutating func add(_ tag: Int64) {
        if tags.last != tag, tags.count < 256 { tags.append(tag) }
    }

    /// The last loss up to the packet of a frame with `tag`, as the tag of the packet after it; each counts once.
    mutating func precede(_ tag: Int64) -> Int64? {
        let last = tags.last { $0 <= tag }
        tags.removeAll { $0 <= tag }
        return last
    }
}
