import Foundation
import Imaging
import MediaIO
import Testing
import VideoInput

/// A camera that speaks HTTP, in a process of its own: it sends JPEG pictures in one of several manners.
private final class HTTPCamera {
    enum Manner: String {
        /// Parts, each with its boundary behind it only.
        case late
        /// Parts as RFC 2046 has them.
        case parts
        /// One picture a request; the connection is closed behind it.
        case still
        /// The same behind a text (RFC 2046's preamble).
        case preamble
        /// As `still`, but every third answer is an error.
        case busy
        /// As `still`, but every third picture is cut off in its last fifth.
        case cut
        /// The same, and nothing tells how long pictures are.
        case cutOfUnknownLength
        /// JPEG after JPEG, announced as parts.
        case bare
        /// Parts that do not say what they are, or how long.
        case unnamed
        /// Parts that call themselves something else.
        case misnamed
        /// Parts whose heads end in bare line feeds, and whose boundary is not the one announced.
        case feeds
        /// Parts whose lengths are wrong.
        case mislength
    }

    private static let script = #"""
        import socket, sys, threading, time
        manner, count, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
        pictures = [open(name, "rb").read() for name in names]
        asked = 0
        def serve(c):
            global asked
            c.recv(4096)
            number, asked = asked, asked + 1
            if manner == "busy" and number % 3 == 2:
                c.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            elif manner in ("still", "busy", "cut", "cutOfUnknownLength"):
                p = pictures[number % len(pictures)]
                length = b"" if manner == "cutOfUnknownLength" else b"Content-Length: %d\r\n" % len(p)
                if manner.startswith("cut") and number % 3 == 2: p = p[:len(p) * 4 // 5]
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n" + length + b"Connection: close\r\n\r\n" + p)
            else:
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=camera\r\n\r\n")
                if manner == "preamble": c.sendall(b"This is a message of many parts.\r\n\r\nFirst: a picture.\r\n\r\n")
                for number in range(count):
                    p = pictures[number % len(pictures)]
                    head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(p)
                    if manner == "late": c.sendall(head + p + b"\r\n--camera\r\n")
                    if manner in ("parts", "preamble"): c.sendall(b"--camera\r\n" + head + p + b"\r\n")
                    if manner == "bare": c.sendall(p)
                    if manner == "unnamed": c.sendall(b"--camera\r\n\r\n" + p + b"\r\n")
                    if manner == "misnamed": c.sendall(b"--camera\r\n" + head.replace(b"/jpeg", b"/jpg") + p + b"\r\n")
                    if manner == "mislength": c.sendall(b"--camera\r\n" + head.replace(b"Length: ", b"Length: 1") + p + b"\r\n")
                    if manner == "feeds": c.sendall(b"----x\n" + head.replace(b"\r", b"").replace(b"image", b"x") + p)
                    time.sleep(0.05)
            c.close()
        s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(8)
        print(s.getsockname()[1], flush=True)
        while True:
            c, _ = s.accept()
            threading.Thread(target=serve, args=(c,), daemon=True).start()
        """#

    private let server: ScriptedServer
    private let media: TestMedia

    init(_ manner: Manner, count: Int = 10) throws {
        let media = try TestMedia()
        self.media = media
        try media.make("picture%d.jpg", "-f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 5")
        server = try ScriptedServer(
            "the camera", script: Self.script,
            [manner.rawValue, "\(count)"] + (1...5).map { media.path("picture\($0).jpg") })
    }

    var address: String { "http://127.0.0.1:\(server.port)/picture" }
}

@Suite(
    "Cameras that speak HTTP",
    .enabled(if: HandMadeCamera.isAvailable, "skipped: it needs the ffmpeg command line and python3"))
struct HTTPCameraTests {
    private func frames(_ source: any VideoSource, most: Int = 100) throws -> [Frame] {
        _ = try source.open()
        var frames: [Frame] = []
        while frames.count < most, let frame = try source.next() { frames.append(frame) }
        source.close()
        return frames
    }

    @Test(
        "parts are read whatever stands before and between them, and a stream without a length may end",
        arguments: ["late", "parts", "preamble", "bare", "unnamed", "misnamed", "feeds", "mislength"])
    func parts(manner: String) throws {
        let camera = try HTTPCamera(try #require(HTTPCamera.Manner(rawValue: manner)), count: 10)
        let source = try VideoSources.source(SourceInput(camera.address), camera: "front")
        let frames = try frames(source)
        // A wrong length shows behind the first picture, and has the server asked again.
        #expect(frames.count == (manner == "mislength" ? 11 : 10))
        #expect(frames.allSatisfy { $0.picture.size == ImageSize(height: 120, width: 160) && $0.flags.contains(.key) })
    }

    @Test("a demuxer that is named is used, and one that FFmpeg does not have is told")
    func demuxer() throws {
        let camera = try HTTPCamera(.bare, count: 10)
        var options = SourceOptions()
        options.format = "mjpeg"
        #expect(try frames(VideoSources.source(SourceInput(camera.address), camera: "a", options: options)).count == 10)
        options.format = "mjpeeg"
        let source = try VideoSources.source(SourceInput(camera.address), camera: "a", options: options)
        let error = #expect(throws: MediaError.self) { try source.open() }
        #expect(error?.description.contains("no demuxer called 'mjpeeg'") == true)
    }

    @Test(
        "an answer without a whole picture now and then is no failure of the camera, and no part of a picture is one",
        arguments: ["busy", "cut", "cutOfUnknownLength"])
    func patience(manner: String) throws {
        let camera = try HTTPCamera(try #require(HTTPCamera.Manner(rawValue: manner)))
        var options = SourceOptions()
        options.stillRate = 20
        options.refusesCorruptFrames = false
        let source = try VideoSources.source(SourceInput(camera.address), camera: "front", options: options)
        _ = try source.open()
        var flags: [FrameFlags] = []
        for _ in 0..<12 { flags.append(try #require(try source.next()).flags) }
        let corrupt = flags.count { $0.contains(.corrupt) }
        #expect(manner == "busy" ? corrupt == 0 : corrupt == 4, "\(flags)")
        source.cancel()
    }

    @Test("a camera whose answers hold no picture any more fails, with the last reason")
    func gone() throws {
        var camera: HTTPCamera? = try HTTPCamera(.still)
        var options = SourceOptions()
        options.stillRate = 20
        options.readTimeout = .milliseconds(400)
        let source = try VideoSources.source(SourceInput(try #require(camera).address), camera: "a", options: options)
        _ = try source.open()
        #expect(try source.next() != nil)
        camera = nil
        let error = #expect(throws: MediaError.self) { while try source.next() != nil {} }
        #expect(error?.kind == .connection, "\(String(describing: error))")
        source.close()
    }

    @Test("a still picture is one picture, or is fetched at its rate")
    func still() throws {
        let camera = try HTTPCamera(.still)
        #expect(try frames(VideoSources.source(SourceInput(camera.address), camera: "front")).count == 1)

        var options = SourceOptions()
        options.stillRate = 20
        let source = try VideoSources.source(SourceInput(camera.address), camera: "front", options: options)
        let info = try source.open()
        #expect(info.frameRate == Rational(1000, 50))
        var times: [Int64] = []
        var captures: [UInt64] = []
        for number in 0..<12 as Range<UInt64> {
            let frame = try #require(try source.next())
            #expect(frame.stamp.sequence == number)
            #expect(frame.flags.contains(.key))
            times.append(try #require(frame.stamp.mediaTime).value)
            captures.append(frame.stamp.capture.monotonicNanoseconds)
        }
        #expect(zip(times, times.dropFirst()).allSatisfy { $0 < $1 })
        let passed = try #require(captures.last) - (try #require(captures.first))
        #expect(passed >= 11 * 40_000_000, "not faster than asked for")
        #expect(source.diagnostics.lastFailure == nil)
        source.cancel()
    }
}
