import Dispatch
import Foundation
import Imaging
import MediaIO
import Testing
import VideoInput

/// Everything a source gives until its end, and what it threw on the way.
private func drain(_ source: any VideoSource, limit: Int = .max) -> (frames: [Frame], errors: [any Error]) {
    var frames: [Frame] = []
    var errors: [any Error] = []
    while frames.count < limit, errors.count < 100 {
        do {
            guard let frame = try source.next() else { break }
            frames.append(frame)
        } catch {
            errors.append(error)
        }
    }
    return (frames, errors)
}

@Suite("Sources over FFmpeg", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg and ffprobe are not installed"))
struct FFmpegSourceTests {
    private func source(_ path: String, _ options: SourceOptions = SourceOptions()) -> FFmpegSource {
        FFmpegSource(camera: "front", location: MediaLocation(path), options: options)
    }

    @Test("a file's frames are numbered and stamped, and the stream is described")
    func file() throws {
        let media = try TestMedia()
        let path = try media.make(
            "a.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -c:v libx264 -pix_fmt yuv420p -bf 2")
        let source = source(path)
        #expect(!source.isLive)
        let info = try source.open()
        #expect(info.size == ImageSize(height: 120, width: 160))
        #expect(info.frameRate == Rational(25, 1))
        #expect(info.frameCount == 25)
        #expect(info.pixelAspect == Rational(1, 1))
        #expect(info.summary == "h264 yuv420p")
        let (frames, errors) = drain(source)
        #expect(errors.isEmpty)
        let probed = try TestMedia.frames(of: path)
        #expect(frames.map(\.stamp.sequence) == (0..<25).map(UInt64.init))
        #expect(frames.map { $0.stamp.mediaTime?.value } == probed.map(\.pts))
        #expect(frames.map { Optional($0.stamp.mediaDuration) } == probed.map(\.duration))
        #expect(frames.allSatisfy { $0.stamp.camera == "front" && $0.stamp.mediaTime?.timeBase == info.timeBase })
        for frame in frames {
            let decode = frame.stages[.decode]
            #expect(decode.ended >= decode.began && decode.began > 0)
            #expect(frame.stamp.capture.monotonicNanoseconds <= decode.ended)
            #expect(frame.stamp.capture.origin == .file)
        }
        #expect(try source.next() == nil)
        source.close()
        // Opening again starts anew.
        _ = try source.open()
        #expect(drain(source).frames.first?.stamp.sequence == 0)
    }

    @Test("a looped file goes on for ever with rising stamps and numbers")
    func loop() throws {
        let media = try TestMedia()
        let path = try media.make("a.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -c:v libx264 -bf 2")
        var options = SourceOptions()
        options.loops = true
        let source = source(path, options)
        #expect(try source.open().frameCount == nil)
        let frames = drain(source, limit: 35).frames
        let stamps = frames.compactMap { $0.stamp.mediaTime?.value }
        #expect(frames.count == 35)
        #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 < $1 })
        // 40 ms a frame over the joints too.
        #expect(stamps.last == stamps.first.map { $0 + 34 * 40 })
        #expect(frames.map(\.stamp.sequence) == (0..<35).map(UInt64.init))
        #expect(source.diagnostics.loops == 3)
    }

    @Test("a file paced in real time is live and keeps its own pace")
    func paced() throws {
        let media = try TestMedia()
        let path = try media.make("a.mp4", "-f lavfi -i testsrc2=s=64x48:r=50:d=0.4 -c:v libx264 -bf 2")
        var options = SourceOptions()
        options.pace = .realTime
        let source = source(path, options)
        #expect(source.isLive)
        _ = try source.open()
        let frames = drain(source).frames
        #expect(frames.count == 20)
        let first = try #require(frames.first?.stamp.capture.monotonicNanoseconds)
        let last = try #require(frames.last?.stamp.capture.monotonicNanoseconds)
        // 19 frames of 20 ms lie between; it may be late, but not early.
        #expect(last - first >= 370_000_000)
    }

    @Test("an image is a source of one frame", arguments: ["png", "jpg", "bmp", "webp", "tiff", "ppm"])
    func image(kind: String) throws {
        let media = try TestMedia()
        let path = try media.make("a.\(kind)", "-f lavfi -i testsrc2=s=50x30 -frames:v 1")
        let source = source(path)
        let info = try source.open()
        #expect(info.size == ImageSize(height: 30, width: 50))
        #expect(info.frameCount == 1)
        let (frames, errors) = drain(source)
        #expect(frames.count == 1 && errors.isEmpty)
        #expect(frames.first?.stamp.sequence == 0)
    }

    @Test("a file that is cut off gives its frames, throws once, and ends")
    func cutOff() throws {
        let media = try TestMedia()
        let path = try media.make(
            "a.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libx264 -g 10 -movflags +faststart")
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        try data.prefix(data.count * 6 / 10).write(to: URL(fileURLWithPath: path))
        let source = source(path)
        _ = try source.open()
        let (frames, errors) = drain(source)
        #expect(frames.count > 10)
        #expect(errors.map { ($0 as? MediaError)?.kind } == [.truncated])
        #expect(try source.next() == nil)
    }

    @Test("a turned video's size is that a viewer sees")
    func turned() throws {
        let media = try TestMedia()
        let flat = try media.make("a.mp4", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2,setsar=4/3 -c:v libx264")
        let path = try media.make("b.mp4", "-i \(flat) -c copy -metadata:s:v rotate=90")
        let source = source(path)
        let info = try source.open()
        #expect(info.size == ImageSize(height: 64, width: 48))
        #expect(info.pixelAspect == Rational(3, 4))
        let picture = try #require(try source.next()).picture
        #expect(picture.size == info.size)
        #expect(picture.pixelAspect == info.pixelAspect)
    }

    @Test("cancelling ends a read that waits for data", arguments: ["fifo", "tcp"])
    func cancelBlockedOpen(kind: String) throws {
        let media = try TestMedia()
        let address: String
        var listener: Int32 = -1
        if kind == "fifo" {
            address = media.path("pipe")
            #expect(mkfifo(address, 0o600) == 0)
        } else {
            // A server that accepts and says nothing.
            let (descriptor, port) = try Self.listen()
            listener = descriptor
            address = "tcp://127.0.0.1:\(port)"
        }
        defer { if listener >= 0 { close(listener) } }
        var options = SourceOptions()
        options.openTimeout = nil
        options.readTimeout = nil
        let source = source(address, options)
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) { source.cancel() }
        #expect(throws: CancellationError.self) { try source.open() }
        #expect(throws: CancellationError.self) { try source.open() }
    }

    @Test("a server that never answers runs into the deadline")
    func openTimeout() throws {
        let (listener, port) = try Self.listen()
        defer { close(listener) }
        var options = SourceOptions()
        options.openTimeout = .milliseconds(200)
        for scheme in ["rtsp", "http", "tcp"] {
            let source = source("\(scheme)://127.0.0.1:\(port)/cam", options)
            #expect(source.isLive)
            let error = #expect(throws: MediaError.self) { try source.open() }
            #expect(error?.kind == .timedOut, "\(scheme): \(String(describing: error))")
        }
    }

    @Test("cancelling ends the wait of a paced source")
    func cancelPaced() throws {
        let media = try TestMedia()
        let path = try media.make("a.mkv", "-f lavfi -i testsrc2=s=64x48:r=1/5:d=30 -c:v mpeg4")
        var options = SourceOptions()
        options.pace = .realTime
        let source = source(path, options)
        _ = try source.open()
        DispatchQueue.global().asyncAfter(deadline: .now() + 0.1) { source.cancel() }
        let (frames, errors) = drain(source)
        #expect(frames.count <= 2)
        #expect(errors.count == 100 && errors.allSatisfy { $0 is CancellationError })
    }

    @Test("a video in a FIFO is read as from a file")
    func fifo() throws {
        let media = try TestMedia()
        let path = try media.make("a.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.4 -c:v libx264")
        let fifo = media.path("pipe")
        #expect(mkfifo(fifo, 0o600) == 0)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        DispatchQueue.global().async {
            guard let handle = FileHandle(forWritingAtPath: fifo) else { return }
            try? handle.write(contentsOf: data)
            try? handle.close()
        }
        let source = source(fifo)
        _ = try source.open()
        #expect(drain(source).frames.count == 10)
    }

    @Test("a stream over TCP counts as live and ends with its sender")
    func tcp() throws {
        let media = try TestMedia()
        let path = try media.make("a.ts", "-f lavfi -i testsrc2=s=64x48:r=25:d=2 -c:v libx264 -g 5")
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let (listener, port) = try Self.listen()
        DispatchQueue.global().async {
            let client = accept(listener, nil, nil)
            data.withUnsafeBytes { _ = send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            close(client)
            close(listener)
        }
        let source = source("tcp://127.0.0.1:\(port)")
        let info = try source.open()
        #expect(source.isLive && info.frameCount == nil)
        #expect(drain(source).frames.count == 50)
    }

    private static func listen() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && Glibc.listen(descriptor, 5) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard result else { throw TestMedia.Failure(description: "cannot listen") }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}
