import Foundation
import Imaging
import MaskOutput
import Synchronization
import Testing

/// Readers that we did not write, at our sockets while they are live.
@Suite(.serialized) struct StockReaderTests {
    /// Publishes thirty frames a second until it is stopped.
    private final class Camera: @unchecked Sendable {
        let publisher: Publisher
        private let isStopped = Atomic<Bool>(false)
        private let done = DispatchSemaphore(value: 0)

        init(_ publisher: Publisher) {
            self.publisher = publisher
            DispatchQueue(label: "camera").async { [self] in
                while !isStopped.load(ordering: .relaxed) {
                    do { try publisher.publish() } catch { Issue.record(error) }
                    usleep(33_000)
                }
                done.signal()
            }
        }

        func stop() {
            isStopped.store(true, ordering: .relaxed)
            done.wait()
        }
    }

    /// The definition of `Made.street` for Python, and which sequence number a mask has.
    private static let python = """
        import socket, sys
        import numpy as np
        def street(w, h, seed):
            y, x = np.mgrid[0:h, 0:w]
            return np.where((x + 3 * y + seed) % 61 == 0, 255, (x // 5 + y // 3 + seed) % 11).astype(np.uint8)
        path = sys.argv[1]

        """

    /// The sequence numbers whose masks these frames are, in rising order; nil where one is none.
    private func sequences(_ data: Data, _ size: ImageSize, upTo last: UInt64) -> [Int]? {
        var found: [Int] = []
        var candidate = 0
        for start in stride(from: 0, to: data.count, by: size.area) {
            let frame = data[data.startIndex + start..<data.startIndex + min(start + size.area, data.count)]
            while candidate <= Int(last),
                !Made.street(size, seed: candidate).withUnsafeBytes({ $0.elementsEqual(frame) })
            { candidate += 1 }
            guard candidate <= Int(last) else { return nil }
            found.append(candidate)
            candidate += 1
        }
        return found
    }

    private static let size = ImageSize(height: 120, width: 161)

    @Test("The numpy snippet of wire.md reads exact ids and facts")
    func numpy() throws {
        guard let python = ExternalTool.python(with: "numpy") else { return }
        let camera = Camera(try Publisher(size: Self.size))
        defer { camera.stop() }
        let result = try python.run([
            "-c",
            Self.python + """
                s = socket.socket(socket.AF_UNIX); s.connect(path); f = s.makefile("rb")
                head = {t[0]: t[1:] for t in f.readline().decode().split()[1:]}; w, h = int(head["W"]), int(head["H"])
                last, count = None, 0
                while line := f.readline():
                    facts = dict(t[1:].split("=") for t in line.decode().split()[1:])
                    mask = np.frombuffer(f.read(w * h), np.uint8).reshape(h, w)
                    sequence, dropped = int(facts["S"]), int(facts["D"])
                    assert (mask == street(w, h, sequence)).all(), sequence
                    assert last is None or sequence == last + dropped + 1, (last, sequence, dropped)
                    assert int(facts["T"]) == 1700000000000000000 + sequence
                    last, count = sequence, count + 1
                    if count == 20: break
                print("ok")
                """, camera.publisher.path,
        ])
        #expect(result.text == "ok\n", "\(result.errors)")
    }

    @Test("ffmpeg reads exact ids from .mask", .enabled(if: ExternalTool.hasFFmpeg, "skipped: no ffmpeg"))
    func ffmpeg() throws {
        let ffmpeg = try #require(ExternalTool("ffmpeg"))
        let camera = Camera(try Publisher(size: Self.size))
        let result = try ffmpeg.run([
            "-v", "error", "-i", "unix:\(camera.publisher.path)", "-frames:v", "12", "-pix_fmt", "gray", "-f",
            "rawvideo", "-",
        ])
        camera.stop()
        #expect(result.output.count == 12 * Self.size.area, "\(result.errors)")
        #expect(sequences(result.output, Self.size, upTo: camera.publisher.next)?.count == 12)
    }

    @Test("ffmpeg sees the class colours of .color", .enabled(if: ExternalTool.hasFFmpeg, "skipped: no ffmpeg"))
    func ffmpegColor() throws {
        let ffmpeg = try #require(ExternalTool("ffmpeg"))
        let camera = Camera(try Publisher(size: Self.size, content: .color))
        let result = try ffmpeg.run([
            "-v", "error", "-i", "unix:\(camera.publisher.path)", "-frames:v", "3", "-pix_fmt", "rgb24", "-f",
            "rawvideo", "-",
        ])
        camera.stop()
        #expect(result.output.count == 9 * Self.size.area, "\(result.errors)")
        // Back to ids by the nearest colour: every pixel must be within rounding of one.
        var ids = Data()
        for pixel in 0..<result.output.count / 3 {
            let rgb = result.output[3 * pixel..<3 * pixel + 3].map(Int.init)
            let palette = (0..<12).map { Made.labels.color(of: UInt8($0 < 11 ? $0 : 255)) }
            let id = palette.firstIndex {
                max(abs(Int($0.red) - rgb[0]), abs(Int($0.green) - rgb[1]), abs(Int($0.blue) - rgb[2])) <= 3
            }
            ids.append(id.map { $0 < 11 ? UInt8($0) : 255 } ?? 254)
        }
        #expect(sequences(ids, Self.size, upTo: camera.publisher.next)?.count == 3)
    }

    @Test("OpenCV reads exact ids from .mask and class colours from .color")
    func openCV() throws {
        guard let python = ExternalTool.python(with: "numpy", "cv2") else { return }
        for content in SocketSink.Content.allCases {
            let camera = Camera(try Publisher(size: Self.size, content: content))
            defer { camera.stop() }
            let palette = Made.labels.palette.map { "(\($0.blue),\($0.green),\($0.red))" }.joined(separator: ",")
            let check =
                content == .mask
                ? "masks = [street(w, h, s) for s in range(3000)]\nwanted = [np.repeat(m[:, :, None], 3, 2) for m in masks]"
                : """
                colors = np.zeros((256, 3), np.uint8); colors[:11] = [\(palette)]
                wanted = [colors[street(w, h, s)] for s in range(1500)]
                """
            let result = try python.run([
                "-c",
                Self.python + """
                    import cv2
                    v = cv2.VideoCapture("unix:" + path, cv2.CAP_FFMPEG)
                    assert v.isOpened()
                    w, h = int(v.get(cv2.CAP_PROP_FRAME_WIDTH)), int(v.get(cv2.CAP_PROP_FRAME_HEIGHT))
                    frames = []
                    for _ in range(5):
                        ok, frame = v.read(); assert ok; frames.append(frame)
                    \(check)
                    tolerance = \(content == .mask ? 0 : 3)
                    found = []
                    for frame in frames:
                        for s, m in enumerate(wanted):
                            if np.abs(frame[::7].astype(int) - m[::7]).max() <= tolerance and np.abs(frame.astype(int) - m).max() <= tolerance:
                                found.append(s); break
                        else: raise SystemExit("a frame that was never published")
                    assert found == sorted(set(found)), found
                    print("ok")
                    """, camera.publisher.path,
            ])
            #expect(result.text == "ok\n", "\(content) \(result.errors)")
        }
    }

    @Test("GStreamer's fdsrc ! y4mdec reads .color")
    func gstreamer() throws {
        guard ExternalTool("gst-launch-1.0") != nil, let python = ExternalTool("python3"),
            let inspect = ExternalTool("gst-inspect-1.0"), try inspect.run(["y4mdec"]).status == 0
        else {
            print("skipped: no GStreamer with y4mdec")
            return
        }
        // An even width: GStreamer pads rows of others to four bytes.
        let size = ImageSize(height: 120, width: 160)
        let camera = Camera(try Publisher(size: size, content: .color))
        let folder = try TemporaryFolder()
        let result = try python.run([
            "-c",
            """
            import socket, subprocess, sys
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            p = subprocess.run(["timeout", "20", "gst-launch-1.0", "-q", "fdsrc", "fd=0", "!", "y4mdec", "!",
                "video/x-raw,format=Y444", "!", "identity", "eos-after=6", "!", "filesink",
                "location=" + sys.argv[2]], stdin=s)
            print(p.returncode)
            """, camera.publisher.path, folder("frames"),
        ])
        camera.stop()
        #expect(result.text == "0\n", "\(result.errors)")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder("frames")))
        let frame = 3 * size.area
        try #require(bytes.count >= 5 * frame && bytes.count % frame == 0)
        // Luma tells most classes apart: find each frame's sequence number by all three planes.
        let drawn = FrameColors(size)
        var candidate = 0
        for start in stride(from: 0, to: bytes.count, by: frame) {
            while candidate < Int(camera.publisher.next), drawn.bytes(candidate) != bytes[start..<start + frame] {
                candidate += 1
            }
            #expect(candidate < Int(camera.publisher.next), "a frame that was never published")
        }
    }

    /// The class colours of `Made.street`, painted by the definition.
    private struct FrameColors {
        let size: ImageSize
        private let values: [(UInt8, UInt8, UInt8)]

        init(_ size: ImageSize) {
            self.size = size
            values = (0..<256).map { id in
                let color = Made.labels.color(of: UInt8(id))
                let (r, g, b) = (Double(color.red), Double(color.green), Double(color.blue))
                let y = 0.299 * r + 0.587 * g + 0.114 * b
                return (
                    UInt8((16 + y * 219 / 255).rounded()), UInt8((128 + (b - y) / 1.772 * 224 / 255).rounded()),
                    UInt8((128 + (r - y) / 1.402 * 224 / 255).rounded())
                )
            }
        }

        func bytes(_ sequence: Int) -> Data {
            Made.street(size, seed: sequence).withUnsafeBytes { ids in
                Data(ids.map { values[Int($0)].0 } + ids.map { values[Int($0)].1 } + ids.map { values[Int($0)].2 })
            }
        }
    }

    @Test("All of them at once, while one more is stopped with SIGSTOP")
    func atOnce() throws {
        guard let python = ExternalTool.python(with: "numpy"), let ffmpeg = ExternalTool("ffmpeg") else { return }
        let size = ImageSize(height: 768, width: 1024)
        let camera = Camera(try Publisher(size: size))
        let reads =
            Self.python + """
                s = socket.socket(socket.AF_UNIX); s.connect(path); f = s.makefile("rb"); f.readline()
                for _ in range(int(sys.argv[2])):
                    facts = dict(t[1:].split("=") for t in f.readline().decode().split()[1:])
                    mask = np.frombuffer(f.read(\(size.area)), np.uint8).reshape(\(size.height), \(size.width))
                    assert (mask == street(\(size.width), \(size.height), int(facts["S"]))).all()
                print("ok")
                """
        let stopped = try python.start(["-c", reads, camera.publisher.path, "100000"])
        camera.publisher.wait("the reader that is to be stopped") { camera.publisher.socket.snapshot.framesSent > 3 }
        kill(stopped.processIdentifier, SIGSTOP)
        let before = camera.publisher.next
        let decoder = try ffmpeg.start([
            "-v", "error", "-i", "unix:\(camera.publisher.path)", "-frames:v", "25", "-f", "null", "-",
        ])
        let result = try python.run(["-c", reads, camera.publisher.path, "25"])
        decoder.waitUntilExit()
        #expect(result.text == "ok\n", "\(result.errors)")
        #expect(decoder.terminationStatus == 0)
        camera.publisher.wait("the camera to go on") { camera.publisher.next > before + 25 }
        kill(stopped.processIdentifier, SIGKILL)
        stopped.waitUntilExit()
        camera.publisher.wait("all readers to be gone") { camera.publisher.socket.snapshot.clients == 0 }
        camera.stop()
    }
}
