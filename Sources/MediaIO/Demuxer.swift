import CFFmpeg
import Glibc
import Imaging

/// An open container, of which only the best video stream is read.
///
/// One thread opens, reads and closes it. Calls end at their deadlines, or when its `Interruption` is cancelled;
/// after either it is good for nothing but closing.
public final class Demuxer {
    /// What was opened.
    public let location: MediaLocation
    /// Whether data comes at its own pace.
    public let isLive: Bool
    /// What the container says of its video.
    public let stream: VideoStream
    /// How long a live stream may stay silent.
    var readTimeout: Duration? { options.readTimeout }
    /// The decoders that may be used, as FFmpeg's option takes them.
    var codecList: String { options.access.codecList }
    /// Whether packets are as they came: libavformat's parsers put the side data of a picture on the one before it.
    var isUnparsed: Bool { stream.codecName == "mjpeg" || !tellsStream }
    /// Whether the container was looked into until the stream was known; else its first picture tells.
    public var tellsStream: Bool { units == nil }

    private let options: DemuxerOptions
    private let interruption: Interruption
    private let opening: DemuxerOpening
    private var followed: FollowedURLs { opening.followed }
    /// What the context reads from, where that is not FFmpeg's own.
    private var input: InputContext?
    private var context: UnsafeMutablePointer<AVFormatContext>?
    private var backlog: Backlog
    private let units: AccessUnits?
    private var lastWasCorrupt = false
    private var hasStalled = false
    private let sequence: SequenceWatch
    /// Whether data was lost between the packet that the last `read` gave and the one before.
    private(set) var hasLost = false

    /// Opens `location`.
    ///
    /// - Throws: `MediaError`, `.timedOut` past the deadline; `CancellationError` where `interruption` is cancelled.
    public init(
        _ location: MediaLocation, options: DemuxerOptions = DemuxerOptions(),
        interruption: Interruption = Interruption()
    ) throws {
        FFmpegLog.install()
        try interruption.checkCancellation()
        try location.checkUserInformation()
        opening = DemuxerOpening(
            location: location, options: options, interruption: interruption, followed: FollowedURLs(interruption))
        let opened: DemuxerOpening.Opened
        do {
            opened = try opening.open()
        } catch let error as MediaError {
            throw error.advising(location.userInformationHint)
        }
        self.location = location
        self.options = options
        self.interruption = interruption
        sequence = SequenceWatch(interruption)
        units = try opened.syntax.map { try AccessUnits($0) }
        isLive = opening.isLive
        context = opened.context
        input = opened.input
        stream = opened.stream
        backlog = opened.backlog
    }

    deinit { close() }

    /// Lets go of the file or connection. Harmless when it is closed already.
    public func close() {
        guard context != nil else { return }
        // A server is told goodbye, but not waited for.
        interruption.arm(.milliseconds(500))
        avformat_close_input(&context)
        interruption.arm(nil)
    }

    /// The stream's parameters, for the decoder.
    var parameters: UnsafeMutablePointer<AVCodecParameters>? { avStream?.pointee.codecpar }

    /// FFmpeg's stream, for what only it can guess.
    var avStream: UnsafeMutablePointer<AVStream>? { context?.pointee.streams[stream.index] }

    /// Whether it reads a file that is one picture and nothing else.
    var isStillFile: Bool {
        guard location.path != nil, let name = context?.pointee.iformat?.pointee.name else { return false }
        let format = String(cString: name)
        return format.hasSuffix("_pipe") || format == "image2"
    }

    /// FFmpeg's context, for what only it can guess.
    var avContext: UnsafeMutablePointer<AVFormatContext>? { context }

    /// The wall-clock time, in microseconds since the epoch, of time stamp 0, as the sender says (RTCP sender
    /// reports); nil where it says nothing.
    public var realtimeOrigin: Int64? {
        guard let time = context?.pointee.start_time_realtime, time != FF_NOPTS, time > 0 else { return nil }
        return time
    }

    /// Whether time stamps are those of a sender, and pass as time does; elsewhere they may be made up of a frame rate.
    public var hasSenderTimes: Bool {
        guard isLive else { return false }
        let names = Set(stream.formatName.split(separator: ",").map(String.init))
        return !names.isDisjoint(with: ["rtsp", "rtp", "sdp", "mpegts", "flv", "live_flv", "rtmp"])
    }

    /// How long ago `packet`, just read, arrived, in nanoseconds: what was read to learn what the stream is comes late.
    func lateness(of packet: Packet) -> UInt64 {
        guard hasSenderTimes else { return 0 }
        let stamp = (packet.dts ?? packet.pts).flatMap { stream.nanoseconds($0) }
        let now = Interruption.now
        return backlog.arrival(stamp: stamp, now: now).map { now - $0 } ?? 0
    }

    /// Reads the next packet of the video stream into `packet`; false at the end of the stream.
    ///
    /// - Throws: `MediaError`, `.truncated` where a file stops before its end, `.timedOut` past the deadline;
    ///   `CancellationError` after `cancel`.
    public func read(into packet: Packet) throws -> Bool {
        try interruption.checkCancellation()
        if hasStalled { throw timedOut() }
        hasLost = false
        interruption.arm(isLive ? options.readTimeout : nil)
        defer { interruption.arm(nil) }
        while true {
            guard let context else {
                throw MediaError(.invalidArgument, "read", location.description, reason: "closed")
            }
            if let units, units.take(into: packet) {
                hasLost = units.isAfterLoss
                return true
            }
            followed.begin()
            let (code, lines) = FFmpegLog.collecting(watch: sequence.line) { av_read_frame(context, packet.pointer) }
            let isAfterLoss = LossReport.isLoss(lines)
            if isAfterLoss { hasLost = true }
            let said = lines.filter(\.isError).map(\.message)
            if code == MediaError.tryAgain {
                if interruption.isExpired { throw timedOut() }
                try interruption.sleep(until: Interruption.now + 2_000_000)
                continue
            }
            if code == FF_ERROR_INVALIDDATA, DemuxerOpening.isOfOddParts(said), location.isHTTP, !(input is PartsReader)
            {
                try reopenAsParts()
                continue
            }
            guard code >= 0 else { return try end(code, said, context) }
            if Int(packet.pointer.pointee.stream_index) == stream.index {
                sequence.packet()
                if let units {
                    try units.add(packet, isAfterLoss: isAfterLoss)
                    continue
                }
                lastWasCorrupt = packet.isCorrupt
                // At its deadline libavformat first gives what its parser still holds, as if all were well.
                hasStalled = interruption.isExpired
                return true
            }
            av_packet_unref(packet.pointer)
        }
    }

    /// Opens an HTTP server again whose parts turn out to be some that FFmpeg does not take.
    private func reopenAsParts() throws {
        avformat_close_input(&context)
        var again = opening
        again.hasOddParts = true
        let opened = try again.open()
        (context, input) = (opened.context, opened.input)
        interruption.arm(isLive ? options.readTimeout : nil)
        guard input is PartsReader, opened.stream.index == stream.index else {
            throw MediaError(
                .invalidData, "read", location.description, reason: "its parts are not those of a camera",
                hint: "its pictures should come as multipart/x-mixed-replace, as image/jpeg")
        }
    }

    private func end(_ code: Int32, _ said: [String], _ context: UnsafeMutablePointer<AVFormatContext>) throws -> Bool {
        try interruption.checkCancellation()
        if followed.isEndless { throw followed.failure("read", location.description) }
        if sequence.hasBegunAnew {
            throw MediaError(
                .connection, "read", location.description, reason: "the sequence numbers of its packets began anew",
                hint: "the server replaced its source; opening it again helps")
        }
        if interruption.isExpired { throw timedOut() }
        let truncation = said.last {
            $0.contains("partial file") || $0.contains("ended prematurely") || $0.contains("truncat")
        }
        let isCutOff = truncation != nil || (lastWasCorrupt && !isLive)
        if isCutOff, code == FF_ERROR_EOF || code == FF_ERROR_INVALIDDATA {
            throw MediaError(
                kind: .truncated, action: "read", subject: location.description,
                reason: "the data stops before its end" + (truncation.map { ": \($0)" } ?? ""), code: code,
                hint: "the file was cut off; the frames before the cut were read")
        }
        let ioError = context.pointee.pb?.pointee.error ?? 0
        if code == FF_ERROR_EOF, ioError >= 0 || ioError == FF_ERROR_EOF { return false }
        if isEndOfUnknownLength(code == FF_ERROR_EOF ? ioError : code, context) { return false }
        let subject = location.description
        // What a file's system says of reading it is told as it is; all else is said of its data.
        if !isLive, ioError >= 0 || ioError == FF_ERROR_EOF {
            throw MediaError(dataCode: code, "read", subject, detail: said.last)
        }
        throw MediaError(code: code == FF_ERROR_EOF ? ioError : code, "read", subject, detail: said.last)
    }

    /// Whether an HTTP server that told no length closed the connection: that is how such streams end. libavformat calls
    /// it premature (an I/O error), because it compares with the largest number there is.
    private func isEndOfUnknownLength(_ code: Int32, _ context: UnsafeMutablePointer<AVFormatContext>) -> Bool {
        code == ff_averror(EIO) && location.isHTTP && avio_size(context.pointee.pb) < 0
    }

    private func timedOut() -> MediaError {
        let time = options.readTimeout.map { "\($0)" } ?? "the time allowed"
        return MediaError(.timedOut, "read", location.description, reason: "nothing came for \(time)")
    }
}
