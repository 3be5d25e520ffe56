import Foundation
import Imaging
import MediaIO
import Testing
import VideoInput

@Suite(
    "Cameras that send odd streams over RTSP", .serialized,
    .enabled(if: HandMadeCamera.isAvailable, "skipped: it needs the ffmpeg command line and python3"))
struct OddCameraTests {
    /// What a film is made with besides its codec.
    private enum Film: String {
        case keys = "keyint=25:scenecut=0:bframes=0:repeat-headers=1"
        case onlyOneKey = "keyint=10000:scenecut=0:bframes=0:repeat-headers=1"
        case refreshed = "keyint=50:intra-refresh=1:bframes=0:ref=2:scenecut=0:repeat-headers=1"
        case openGroups = "keyint=25:open-gop=1:bframes=2:scenecut=0:repeat-headers=1"
    }

    private let media: TestMedia

    init() throws { media = try TestMedia() }

    private func film(_ film: Film, codec: String = "h264", seconds: Int = 8) throws -> String {
        let encoder = codec == "h264" ? "libx264 -x264-params " : "libx265 -x265-params log-level=none:"
        return try media.make(
            "film.\(codec)", "-f lavfi -i testsrc2=size=160x120:rate=25 -t \(seconds) -vf noise=alls=6:allf=t",
            "-pix_fmt yuv420p -preset ultrafast -c:v " + encoder + film.rawValue)
    }

    private func source(
        of camera: HandMadeCamera, awaitsKeyFrame: Bool = true, refusalTimeout: UInt64? = nil,
        onEvent: @escaping @Sendable (SupervisedSource.Event) -> Void = { _ in }
    ) -> SupervisedSource {
        var settings = SupervisedSource.Settings()
        settings.gate.awaitsKeyFrame = awaitsKeyFrame
        if let refusalTimeout { settings.supervision.refusalTimeout = refusalTimeout }
        var options = SourceOptions()
        options.refusesCorruptFrames = false
        options.readTimeout = .seconds(5)
        let (address, sourceOptions) = (camera.address, options)
        return SupervisedSource(
            camera: "front", isLive: true, location: address, settings: settings,
            make: { try VideoSources.source(SourceInput(address), camera: "front", options: sourceOptions) },
            onEvent: onEvent)
    }

    /// Frames of a film, decoded by the ffmpeg command line, as 8-bit grey.
    private func decoded(_ film: String) throws -> [[UInt8]] {
        let all = [UInt8](
            try TestMedia.ffmpeg(["-i", film, "-f", "rawvideo", "-pix_fmt", "gray", "-vf", "extractplanes=y"]))
        let size = 160 * 120
        return stride(from: 0, to: all.count - size + 1, by: size).map { Array(all[$0..<$0 + size]) }
    }

    private func luma(_ frame: Frame) -> [UInt8] {
        frame.picture.withPlanes { planes in
            (0..<120).flatMap { row in
                UnsafeRawBufferPointer(start: planes[0].base + row * planes[0].stride, count: 160)
            }
        }
    }

    /// Nanoseconds between a frame's capture time and now.
    private func age(_ frame: Frame) -> Int64 {
        Int64(SystemClock().monotonicNanoseconds) - Int64(frame.stamp.capture.monotonicNanoseconds)
    }

    @Test(
        "a strange time stamp loses no picture, and makes none old",
        arguments: [
            [[30, 1_620_000_000, false]], [[30, -1_620_000_000, false]], [[30, 1_620_000_000, true]],
            [[30, -1_620_000_000, true]], [[30, -270_000, true]], [[30, 270_000, false], [60, 270_000, false]],
        ] as [[[any Sendable]]], [false, true])
    func jumps(jumps: [[any Sendable]], reports: Bool) throws {
        let camera = try HandMadeCamera(film: try film(.onlyOneKey), ["jumps": jumps, "reports": reports])
        let source = source(of: camera)
        _ = try source.open()
        var last: UInt64?
        for _ in 0..<90 {
            let frame = try #require(try source.next())
            if let last { #expect(frame.stamp.sequence == last + 1) }
            last = frame.stamp.sequence
            #expect(age(frame) < 400_000_000 && age(frame) > -150_000_000, "frame \(frame.stamp.sequence)")
        }
        #expect(source.status.refused == [:])
        source.cancel()
    }

    @Test(
        "clocks that stand still, run at another rate or wrap lose no picture, and make none old",
        arguments: [
            ["still": true], ["repeats": true], ["clock": 8000], ["clock": 1_000_000], ["start": 4_294_800_000],
        ] as [[String: any Sendable]])
    func clocks(settings: [String: any Sendable]) throws {
        let camera = try HandMadeCamera(film: try film(.onlyOneKey), settings)
        let source = source(of: camera)
        _ = try source.open()
        var old = 0
        for _ in 0..<90 {
            let frame = try #require(try source.next())
            if age(frame) > 450_000_000 { old += 1 }
        }
        #expect(old == 0)
        #expect(source.status.refused == [:])
        source.cancel()
    }

    @Test("what is missing by its sequence numbers is missed, whole pictures and parts", arguments: ["h264", "hevc"])
    func losses(codec: String) throws {
        let camera = try HandMadeCamera(film: try film(.keys, codec: codec), ["loses": [[30, 0], 40, 80]])
        let source = source(of: camera)
        _ = try source.open()
        // Stamps count pictures of the film; those that follow a loss pass from the next key frame on.
        var seen: Set<Int64> = []
        while (seen.max() ?? 0) < 110 {
            let frame = try #require(try source.next())
            let time = try #require(frame.stamp.mediaTime)
            seen.insert(Int64((Double(time.value) * time.timeBase.value * 25).rounded()))
        }
        for number in 0..<28 as Range<Int64> { #expect(seen.contains(number)) }
        for number in 30..<50 as Range<Int64> { #expect(!seen.contains(number), "\(number)") }
        for number in 50..<78 as Range<Int64> { #expect(seen.contains(number), "\(number)") }
        for number in 80..<100 as Range<Int64> { #expect(!seen.contains(number), "\(number)") }
        for number in 100..<110 as Range<Int64> { #expect(seen.contains(number), "\(number)") }
        source.cancel()
    }

    @Test("a halt is a halt: what goes on after it without a key frame is refused until the next one")
    func halt() throws {
        let camera = try HandMadeCamera(film: try film(.keys), ["halts": [[30, 1.5]]])
        let source = source(of: camera)
        _ = try source.open()
        for _ in 0..<60 { _ = try #require(try source.next()) }
        #expect(source.status.refused == [.awaitingKeyFrame: 20])
        source.cancel()
    }

    @Test("sequence numbers that begin anew open the camera again, at once", arguments: [-500, 20_000])
    func newSequence(distance: Int) throws {
        let camera = try HandMadeCamera(film: try film(.keys), ["restarts": [[30, distance]]])
        let source = source(of: camera)
        _ = try source.open()
        let began = ContinuousClock.now
        for _ in 0..<60 { _ = try #require(try source.next()) }
        #expect(ContinuousClock.now - began < .seconds(6))
        source.cancel()
    }

    @Test("intra refresh, joined in mid-stream: live from the end of a recovery on, with whole pictures")
    func intraRefresh() throws {
        let film = try film(.refreshed, seconds: 12)
        let whole = try decoded(film)
        let camera = try HandMadeCamera(film: film, ["first": 20])
        let source = source(of: camera)
        _ = try source.open()
        var matches = 0
        for _ in 0..<60 {
            let frame = try #require(try source.next())
            let pixels = luma(frame)
            if whole.contains(pixels) { matches += 1 }
        }
        #expect(matches == 60, "pictures are those of a decoder that saw the stream from its beginning")
        #expect(source.status.state == .live)
        source.cancel()
    }

    @Test(
        "neither key frames nor recoveries: the cause is told as it is, and await_key_frame: false shows the pictures")
    func noEntry() async throws {
        let film = try film(.onlyOneKey)
        let camera = try HandMadeCamera(film: film, ["first": 20, "sets": "both"])
        let (events, continuation) = AsyncStream.makeStream(of: String.self)
        let source = source(of: camera, refusalTimeout: 1_000_000_000) { event in
            if case .failed(let error, _, _) = event { continuation.yield("\(error)") }
        }
        let reading = Thread {
            _ = try? source.open(); _ = try? source.next()
        }
        reading.start()
        var iterator = events.makeAsyncIterator()
        let cause = try #require(await iterator.next())
        source.cancel()
        #expect(cause.contains("pictures of front came for 1 s, and none of them can be decoded on its own"))
        #expect(cause.contains("await_key_frame: false"))

        let patient = self.source(of: camera, awaitsKeyFrame: false)
        _ = try patient.open()
        for _ in 0..<30 { _ = try #require(try patient.next()) }
        #expect(patient.status.state == .live)
        patient.cancel()
    }

    @Test(
        "parameter sets in odd places, small units sent together, no marks of a picture's end, more tracks",
        arguments: [
            ["sets": "sdp"], ["sets": "both"], ["sets": "often"], ["sets": "late"],
            ["aggregate": true, "marker": false], ["aggregate": true, "sets": "often"], ["tracks": 2], ["audio": true],
            ["first": 12],
        ] as [[String: any Sendable]], ["h264", "hevc"])
    func oddities(settings: [String: any Sendable], codec: String) throws {
        let camera = try HandMadeCamera(film: try film(.keys, codec: codec), settings)
        let source = source(of: camera)
        let info = try source.open()
        for _ in 0..<40 {
            let frame = try #require(try source.next())
            #expect(frame.picture.size == ImageSize(height: 120, width: 160))
        }
        // Parameter sets behind their picture serve the next one only.
        #expect(source.status.refused[.awaitingKeyFrame] ?? 0 <= 25)
        if settings["tracks"] != nil { #expect(info.summary.contains("of 2 video tracks")) }
        source.cancel()
    }

    @Test("open groups of pictures, joined in mid-stream", arguments: ["h264", "hevc"])
    func openGroups(codec: String) throws {
        let film = try film(.openGroups, codec: codec)
        let whole = try decoded(film)
        let camera = try HandMadeCamera(film: film, ["first": 12])
        let source = source(of: camera)
        _ = try source.open()
        for _ in 0..<60 { #expect(whole.contains(luma(try #require(try source.next())))) }
        source.cancel()
    }

    @Test("a goodbye (RTCP BYE) ends the stream, although the connection stays")
    func goodbye() throws {
        let camera = try HandMadeCamera(film: try film(.keys), ["count": 20, "end": "bye", "linger": 20])
        let source = try VideoSources.source(SourceInput(camera.address), camera: "front")
        _ = try source.open()
        let began = ContinuousClock.now
        while try source.next() != nil {}
        #expect(ContinuousClock.now - began < .seconds(6))
    }
}
