import Foundation
import Imaging
import Synchronization
import Testing

@testable import MaskOutput

@Suite("The .nut socket", .serialized) struct NUTTests {
    private static let size = ImageSize(height: 96, width: 128)

    /// Publishes until it is stopped.
    private func publishing(_ publisher: Publisher, _ body: () throws -> Void) throws {
        let isStopped = Atomic<Bool>(false)
        let done = DispatchSemaphore(value: 0)
        DispatchQueue(label: "camera").async {
            while !isStopped.load(ordering: .relaxed) {
                do { try publisher.publish() } catch { Issue.record(error) }
                usleep(33_000)
            }
            done.signal()
        }
        defer {
            isStopped.store(true, ordering: .relaxed)
            done.wait()
        }
        try body()
    }

    @Test(
        "is read by ffmpeg: exact ids, colours and times, for an early and for a late reader",
        .enabled(if: ExternalTool.hasFFmpeg, "skipped: no ffmpeg"))
    func ffmpeg() throws {
        let ffmpeg = try #require(ExternalTool("ffmpeg"))
        let publisher = try Publisher(size: Self.size, content: .nut)
        try publishing(publisher) {
            for _ in 0..<2 {
                let ids = try ffmpeg.run([
                    "-v", "error", "-i", "unix:\(publisher.path)", "-frames:v", "9", "-fps_mode", "passthrough",
                    "-f", "rawvideo", "-",
                ])
                // FFmpeg's raw pal8 is the ids and then the palette.
                let frame = Self.size.area + 1024
                try #require(ids.output.count == 9 * frame, "\(ids.errors)")
                var last = -1
                for start in stride(from: 0, to: ids.output.count, by: frame) {
                    let pixels = Array(ids.output[start..<start + Self.size.area])
                    let sequence = try #require(
                        (0..<Int(publisher.next)).first { publisher.expectIDs(pixels, $0) }, "never published")
                    #expect(sequence > last)
                    last = sequence
                }
                #expect(ids.errors.isEmpty, "\(ids.errors)")
            }
            let colors = try ffmpeg.run([
                "-v", "error", "-i", "unix:\(publisher.path)", "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo",
                "-",
            ])
            try #require(colors.output.count == 3 * Self.size.area, "\(colors.errors)")
            #expect(
                (0..<Int(publisher.next)).contains { sequence in
                    Made.street(Self.size, seed: sequence).withUnsafeBytes { ids in
                        ids.indices.allSatisfy { pixel in
                            let color = Made.labels.color(of: ids[pixel])
                            return Array(colors.output[3 * pixel..<3 * pixel + 3])
                                == [color.red, color.green, color.blue]
                        }
                    }
                })
        }
    }

    @Test(
        "is what ffprobe expects of a NUT stream, with times in microseconds since the epoch",
        .enabled(if: ExternalTool.hasFFmpeg, "skipped: no ffprobe"))
    func probe() throws {
        let probe = try #require(ExternalTool("ffprobe"))
        let folder = try TemporaryFolder()
        let times: [Int64] = [
            1_700_000_000_000_000, 1_700_000_000_033_367, 1_700_000_000_066_700, 1_700_000_000_066_701,
        ]
        var bytes = NUTStream.header(size: Self.size, frameRate: Rational(30_000, 1001))
        let frame = FrameBytes(size: Self.size, format: .pal8)
        for time in times {
            bytes += NUTStream.framePrefix(time: time, count: frame.count)
            frame.withUnsafeBytes { bytes += $0 }
        }
        try Data(bytes).write(to: URL(fileURLWithPath: folder("a.nut")))
        let result = try probe.run([
            "-v", "error", "-show_entries",
            "stream=codec_name,pix_fmt,width,height,time_base,r_frame_rate:packet=pts,flags,size", "-of", "compact",
            folder("a.nut"),
        ])
        // What it says besides is that a live stream has no index to find its end by.
        let packets = result.lines.filter { $0.hasPrefix("packet") }
        #expect(packets == times.map { "packet|pts=\($0)|size=\(Self.size.area + 1024)|flags=K_" }, "\(result.text)")
        let stream = result.lines.first { $0.hasPrefix("stream") } ?? ""
        for field in [
            "codec_name=rawvideo", "pix_fmt=pal8", "width=128", "height=96", "time_base=1/1000000",
            "r_frame_rate=30000/1001",
        ] { #expect(stream.contains(field), "\(stream)") }
    }

    @Test("numbers are coded as the specification says", arguments: [(0, [0]), (127, [127]), (128, [129, 0])])
    func numbers(value: Int, expected: [UInt8]) {
        var bytes = NUTBytes()
        bytes.number(value)
        #expect(bytes.bytes == expected)
    }

    @Test("the largest numbers keep every bit")
    func largest() {
        var bytes = NUTBytes()
        bytes.number(UInt64.max)
        #expect(bytes.bytes == [0x81] + [UInt8](repeating: 0xFF, count: 8) + [0x7F])
        #expect(bytes.bytes.reduce(0 as UInt64) { $0 << 7 | UInt64($1 & 0x7F) } == .max)
    }

    @Test("times rise even where the clock is set back")
    func times() {
        var times = NUTTimes()
        #expect(times.next(5_000_999) == 5000)
        #expect(times.next(5_000_999) == 5001)
        #expect(times.next(1) == 5002)
        #expect(times.next(9_000_000) == 9000)
        var early = NUTTimes()
        #expect(early.next(-5) == 0)
    }
}
