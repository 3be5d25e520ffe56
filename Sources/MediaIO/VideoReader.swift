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
        /// The time spent decoding since the frame before, in nanoseconds.
        public let decodingTime: UInt64
    }

    /// The container.
    public let demuxer: Demuxer
    private let decoder: Decoder
    private let packet: Packet
    private let clock: any FrameClock
    private var arrivals = Arrivals()
    private var pending: (any Error)?
    private var frames = 0
    private var hasEnded = false

    /// Opens `location` and its decoder.
    public init(
        _ location: MediaLocation, options: Options = Options(), interruption: Interruption = Interruption(),
        clock: any FrameClock = SystemClock()
    ) throws {
        demuxer = try Demuxer(location, options: options.demuxer, interruption: interruption)
        var decoderOptions = options.decoder
        decoderOptions.isLowDelay = decoderOptions.isLowDelay || demuxer.isLive
        decoderOptions.maxPixels = min(decoderOptions.maxPixels, options.demuxer.maxPixels)
        decoder = try Decoder(for: demuxer, options: decoderOptions)
        packet = try Packet()
        self.clock = clock
    }

    /// What the container says of its video.
    public var stream: VideoStream { demuxer.stream }
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
        while true {
            if let frame = try timed({ try decoder.receive() }) {
                frames += 1
                return Output(
                    frame: frame, arrival: arrivals.arrival(of: frame.tag) ?? clock.arrival, decodingTime: decodingTime)
            }
            if decoder.isDrained { return try end() }
            guard try read() else {
                try timed { try decoder.send(nil) }
                continue
            }
            try pace(packet)
            let tag = arrivals.add(clock.arrival)
            try timed { try decoder.send(packet, tag: tag) }
        }
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

/// When the last packets arrived, by their tags. Decoders reorder and hold back only a few.
private struct Arrivals {
    private var ring: [CaptureTime?] = Array(repeating: nil, count: 256)
    private var last: Int64 = 0

    /// Remembers an arrival; its tag is above 0.
    mutating func add(_ time: CaptureTime) -> Int64 {
        last += 1
        ring[Int(last) % ring.count] = time
        return last
    }

    /// The arrival of the packet with `tag`, or of the last one where the decoder lost the tag.
    func arrival(of tag: Int64) -> CaptureTime? {
        guard last > 0 else { return nil }
        let known = tag > 0 && tag <= last && last - tag < Int64(ring.count) ? tag : last
        return ring[Int(known) % ring.count]
    }
}
