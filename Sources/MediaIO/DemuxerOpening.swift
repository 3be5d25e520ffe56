import CFFmpeg
import Glibc
import Imaging

/// The steps of opening a container, each with the error that a user understands.
struct DemuxerOpening {
    let location: MediaLocation
    let options: DemuxerOptions
    let interruption: Interruption
    let followed: FollowedURLs
    /// Whether a server is known to send parts that FFmpeg does not take.
    var hasOddParts = false

    var isLive: Bool { options.isLive ?? (isDevice || location.isLive) }

    struct Opened {
        let context: UnsafeMutablePointer<AVFormatContext>
        /// What the context reads from, where that is not FFmpeg's own.
        let input: InputContext?
        let stream: VideoStream
        let backlog: Backlog
        /// How pictures are put together from what comes; nil where they come whole.
        let syntax: AccessUnitEnd.Syntax?
    }

    var subject: String { location.description }
    var isDevice: Bool { options.format == "v4l2" || options.format == "video4linux2" }

    func open() throws -> Opened {
        let whitelists =
            isDevice
            ? try options.access.options(scheme: nil, subject: subject)
            : try options.access.options(scheme: location.scheme, subject: subject)
        if isDevice { try DeviceLibrary.load(for: subject) }
        try checkPath()
        let all = allOptions.merging(whitelists) { _, ours in ours }
        interruption.arm(options.openTimeout)
        defer { interruption.arm(nil) }
        if hasOddParts { return try openParts(all) ?? open(all, parts: nil) }
        do {
            return try open(all, parts: nil)
        } catch let error as MediaError where error.kind == .invalidData {
            guard let opened = try openParts(all) else { throw error }
            return opened
        }
    }

    private func openParts(_ all: [String: String]) throws -> Opened? {
        try makeParts(all).map { try open($0.unused, parts: $0.reader) }
    }

    private func open(_ options: [String: String], parts: PartsReader?) throws -> Opened {
        let still = parts == nil ? try stillPixels() : nil
        let memory = try still.map { try MemoryReader($0.bytes) }
        let format = try inputFormat(named: parts == nil ? self.options.format ?? still?.format : "mpjpeg")
        let pipe = parts == nil ? try makePipe() : nil
        let input: InputContext? = parts ?? pipe ?? memory
        var context: UnsafeMutablePointer<AVFormatContext>? = try emptyContext()
        if let input { context?.pointee.pb = input.context }
        let dictionary = OptionDictionary(options)
        let (code, said) = FFmpegLog.collectingErrors {
            (isDevice ? location.path ?? location.url : location.url).withPath {
                avformat_open_input(&context, $0, format, &dictionary.pointer)
            }
        }
        if code < 0, pipe?.isEmpty == true, !interruption.isDue {
            throw MediaError(
                .invalidData, "open", subject, reason: "it ended before a byte came",
                hint: "did the program that should write it fail?")
        }
        // A failed open has freed the context.
        guard code >= 0, let opened = context else { throw failure(code, "open", said) }
        do {
            if followed.isEndless { throw followed.failure("open", subject) }
            try checkUnconsumed(dictionary.names, of: opened)
            try checkTextArt(opened)
            ignoreOthers(opened)
            let began = Interruption.now
            let syntax = pieces(of: opened)
            if syntax != nil {
                // A parser would hold every picture back until the next one comes; the decoder tells the rest.
                opened.pointee.flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN
            } else {
                try probe(opened)
            }
            // Nothing is kept back where nothing was probed.
            let backlog = Backlog(opened: began, probed: syntax == nil ? Interruption.now : began)
            return Opened(
                context: opened, input: input, stream: try chooseStream(opened), backlog: backlog, syntax: syntax)
        } catch {
            avformat_close_input(&context)
            throw error
        }
    }

    // MARK: - Before FFmpeg

    private func checkPath() throws {
        guard let path = location.path else { return }
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            // FFmpeg's image2 demuxer reads numbered series: frame%04d.png.
            if errno == ENOENT, path.contains("%") || path.contains("*") { return }
            let hint =
                errno == ENOENT
                ? "check the path; it is looked up from \(workingDirectory)" : nil
            throw MediaError(code: ff_averror(errno), "open", subject, hint: hint)
        }
        if facts.st_mode & S_IFMT == S_IFDIR {
            throw MediaError(
                .invalidArgument, "open", subject, reason: "it is a directory, not a video",
                hint: "a directory of images is read as an image folder")
        }
        guard access(path, R_OK) == 0 else {
            let hint = errno == EACCES ? "let the user that runs this read it, with chmod or a group" : nil
            throw MediaError(code: ff_averror(errno), "open", subject, hint: hint)
        }
        if facts.st_mode & S_IFMT == S_IFREG, facts.st_size == 0 {
            throw MediaError(
                .invalidData, "open", subject, reason: "the file is empty", hint: "was the recording ever written?")
        }
    }

    private var workingDirectory: String {
        guard let path = getcwd(nil, 0) else { return "the working directory" }
        defer { free(path) }
        return PathBytes.shown(PathBytes.text(path))
    }

    private func makePipe() throws -> PipeReader? {
        if location.scheme == "pipe" { return try PipeReader(path: nil, interruption: interruption) }
        guard let path = location.path else { return nil }
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO else { return nil }
        return try PipeReader(path: path, interruption: interruption)
    }

    private func emptyContext() throws -> UnsafeMutablePointer<AVFormatContext> {
        guard let fresh = avformat_alloc_context() else { throw FrameHolder.outOfMemory() }
        fresh.pointee.interrupt_callback = interruption.callback
        followed.watch(fresh)
        // A V4L2 read blocks in the kernel where no deadline reaches it.
        if isDevice { fresh.pointee.flags |= AVFMT_FLAG_NONBLOCK }
        return fresh
    }

    /// For a second attempt at an HTTP server whose parts FFmpeg does not take, with the options that are left; nil where
    /// that is not the fault.
    private func makeParts(_ all: [String: String]) throws -> (reader: PartsReader, unused: [String: String])? {
        guard location.isHTTP, !interruption.isDue, options.format == nil || options.format == "mpjpeg" else {
            return nil
        }
        let dictionary = OptionDictionary(all)
        let reader = try FFmpegLog.collectingErrors {
            try PartsReader(url: location.url, interruption: interruption, options: dictionary)
        }.0
        let left = Set(dictionary.names)
        return reader.map { ($0, all.filter { left.contains($0.key) }) }
    }

    /// What FFmpeg is given of a PNG or JPEG of which only the pixels count.
    private func stillPixels() throws -> (bytes: [UInt8], format: String)? {
        guard options.readsPixelsOnly, options.format == nil, let path = location.path else { return nil }
        return try StillFile.pixels(path: path)
    }

    private func inputFormat(named name: String?) throws -> UnsafePointer<AVInputFormat>? {
        try name.map { try MediaAccess.inputFormat($0, subject: subject) }
    }

    /// The user's options over ours.
    private var allOptions: [String: String] {
        var all: [String: String] = [:]
        if isLive {
            all["probesize"] = "1000000"
            // A few frames tell the rate; until they are there, nobody sees anything.
            all["analyzeduration"] = "200000"
        }
        switch location.scheme {
        case "rtsp", "rtsps":
            all["rtsp_transport"] = "tcp"
            // With a queue, libavformat tells of gaps in the sequence numbers. Over TCP it has none by itself, since
            // nothing comes out of order; but servers leave packets out there too.
            let transport = options.options["rtsp_transport"] ?? "tcp"
            if transport.contains("tcp") || transport.contains("http") { all["reorder_queue_size"] = "2" }
            all["allowed_media_types"] = "video"
            // It holds for the answers to an opening too, which may take longer; `Interruption` is the stricter one.
            if let reading = options.readTimeout, let opening = options.openTimeout {
                all["timeout"] = String(max(reading, opening).microseconds)
            }
        case nil, "file":
            // A file whose name looks like a pattern is that file.
            if let path = location.path, access(path, F_OK) == 0 { all["pattern_type"] = "none" }
            // A playlist in a folder does not grow: where its end is not marked, it ends with its last file.
            if options.access.readsAnyFile {
                all.merge(["live_start_index": "0", "max_reload": "3", "m3u8_hold_counters": "2"]) { old, _ in old }
            }
        default: break
        }
        // The driver's own stamps: monotonic, so that no jump of the wall clock is in them.
        if isDevice { all["timestamps"] = "default" }
        return all.merging(options.options) { _, given in given }
    }

    // MARK: - After FFmpeg opened it

    private func checkUnconsumed(_ left: [String], of context: UnsafeMutablePointer<AVFormatContext>) throws {
        let unknown = left.filter { options.options[$0] != nil }
        guard !unknown.isEmpty else { return }
        let names = unknown.map { "'\($0)'" }.joined(separator: ", ")
        let format = context.pointee.iformat.map { String(cString: $0.pointee.name) } ?? "its"
        throw MediaError(
            .invalidArgument, "open", subject, reason: "nothing in the \(format) demuxer takes the option \(names)",
            hint: "`ffmpeg -h demuxer=NAME` lists a demuxer's options")
    }

    private func checkTextArt(_ context: UnsafeMutablePointer<AVFormatContext>) throws {
        // FFmpeg draws text files as video; nobody who gives one here wants that.
        guard options.format == nil, let format = context.pointee.iformat,
            String(cString: format.pointee.name) == "tty"
        else { return }
        throw MediaError(.noVideo, "open", subject, reason: "it is a text file, not a video")
    }

    /// Sound and text are neither decoded nor probed.
    private func ignoreOthers(_ context: UnsafeMutablePointer<AVFormatContext>) {
        for index in 0..<Int(context.pointee.nb_streams) {
            guard let stream = context.pointee.streams[index],
                stream.pointee.codecpar.pointee.codec_type != AVMEDIA_TYPE_VIDEO
            else { continue }
            stream.pointee.discard = AVDISCARD_ALL
        }
    }

    /// How the pictures of an RTP stream are cut into pieces, where its description names a codec that has such.
    private func pieces(of context: UnsafeMutablePointer<AVFormatContext>) -> AccessUnitEnd.Syntax? {
        guard isLive, let format = context.pointee.iformat,
            ["rtsp", "sdp", "rtp"].contains(String(cString: format.pointee.name))
        else { return nil }
        let videos = (0..<Int(context.pointee.nb_streams)).compactMap { context.pointee.streams[$0] }
            .filter { $0.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO }
        guard videos.count == 1 else { return nil }
        switch videos[0].pointee.codecpar.pointee.codec_id {
        case AV_CODEC_ID_H264: return .h264
        case AV_CODEC_ID_HEVC: return .hevc
        default: return nil
        }
    }

    private func probe(_ context: UnsafeMutablePointer<AVFormatContext>) throws {
        let count = Int(context.pointee.nb_streams)
        let perStream = (0..<count).map { _ in OptionDictionary(["max_pixels": String(options.maxPixels)]) }
        var pointers = perStream.map(\.pointer)
        let (code, said) = FFmpegLog.collectingErrors { avformat_find_stream_info(context, &pointers) }
        for (dictionary, pointer) in zip(perStream, pointers) { dictionary.pointer = pointer }
        guard code >= 0 else { throw failure(code, "read", said) }
        if interruption.isDue { throw failure(FF_ERROR_EXIT, "read", said) }
        if let line = said.first(where: { $0.contains("exceeds specified max pixel count") }) { throw tooLarge(line) }
        if Self.isOfOddParts(said) || hasUnreadParts(context) { throw failure(FF_ERROR_INVALIDDATA, "read", said) }
    }

    /// Whether pictures come as parts that FFmpeg does not take: that is no error of the opening to it.
    private func hasUnreadParts(_ context: UnsafeMutablePointer<AVFormatContext>) -> Bool {
        guard let format = context.pointee.iformat, String(cString: format.pointee.name) == "mpjpeg" else {
            return false
        }
        return context.pointee.nb_streams > 0 && context.pointee.streams[0]?.pointee.codecpar.pointee.width == 0
    }

    /// Whether FFmpeg says that it does not take the parts in which pictures come.
    static func isOfOddParts(_ said: [String]) -> Bool { said.contains { $0.contains("Expected boundary") } }

    private func chooseStream(_ context: UnsafeMutablePointer<AVFormatContext>) throws -> VideoStream {
        let index = try bestStream(context)
        for other in 0..<Int(context.pointee.nb_streams) where other != index {
            context.pointee.streams[other]?.pointee.discard = AVDISCARD_ALL
        }
        guard let stream = context.pointee.streams[index] else { throw FrameHolder.outOfMemory() }
        stream.pointee.discard = AVDISCARD_DEFAULT
        let facts = VideoStream(
            stream.pointee, format: context.pointee.iformat?.pointee, containerDuration: context.pointee.duration,
            rate: av_guess_frame_rate(context, stream, nil), videoCount: movingVideos(context).count,
            stillOrientation: { location.path.flatMap(StillFile.orientation(path:)) })
        if let size = facts.codedSize, size.area > options.maxPixels {
            throw tooLarge("its pictures are \(size)")
        }
        return facts
    }

    private func bestStream(_ context: UnsafeMutablePointer<AVFormatContext>) throws -> Int {
        let streams = (0..<Int(context.pointee.nb_streams)).compactMap { context.pointee.streams[$0] }
        let videos = streams.filter { $0.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO }
        let moving = movingVideos(context)
        guard !moving.isEmpty else {
            let kinds = Set(streams.map { Self.name(of: $0.pointee.codecpar.pointee.codec_type) }).sorted()
            let holds = kinds.isEmpty ? "nothing" : "only \(kinds.joined(separator: " and "))"
            throw MediaError(
                .noVideo, "open", subject,
                reason: videos.isEmpty ? "it holds \(holds), no video" : "its only picture is a cover, no video",
                hint: "give a file or stream with video in it")
        }
        // A cover picture can win FFmpeg's choice; then the first real video is taken.
        let best = Int(av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0))
        let chosen = moving.first { Int($0.pointee.index) == best } ?? moving[0]
        return Int(chosen.pointee.index)
    }

    /// The streams that are videos and no cover pictures.
    private func movingVideos(_ context: UnsafeMutablePointer<AVFormatContext>) -> [UnsafeMutablePointer<AVStream>] {
        (0..<Int(context.pointee.nb_streams)).compactMap { context.pointee.streams[$0] }.filter {
            $0.pointee.codecpar.pointee.codec_type == AVMEDIA_TYPE_VIDEO
                && $0.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC == 0
        }
    }

    private static func name(of type: AVMediaType) -> String {
        av_get_media_type_string(type).map { String(cString: $0) } ?? "unknown data"
    }
}
