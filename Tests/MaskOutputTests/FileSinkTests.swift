import Foundation
import Imaging
import MaskOutput
import MediaIO
import Testing

@Suite(.enabled(if: ExternalTool.hasFFmpeg, "skipped: ffmpeg and ffprobe are not installed"))
struct FileSinkTests {
    static let size = ImageSize(height: 90, width: 160)
    /// A variable rate that starts late.
    static let times: [Int64] = [1001, 1512, 2024, 2100, 4000, 4511, 5023, 9000, 9001, 9600]
    static let timeBase = Rational(1, 15360)

    private func expectedIDs(_ size: ImageSize, _ count: Int) -> Data {
        var data = Data()
        for index in 0..<count { Made.street(size, seed: index).withUnsafeBytes { data.append(contentsOf: $0) } }
        return data
    }

    @Test("An overlay keeps the source's time stamps, one by one", arguments: ["mp4", "mov", "m4v", "nut"])
    func exactTimes(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        try Made.run(
            VideoSink(path: path, style: .overlay), size: Self.size, times: Self.times, timeBase: Self.timeBase)
        let found = try ExternalTool.probe(path)
        let parts = (found.fields["time_base"] ?? "").split(separator: "/").compactMap { Int64($0) }
        try #require(parts.count == 2)
        // Compared as fractions of a second: a container may choose a finer unit.
        #expect(found.times.map { $0 * parts[0] * 15360 } == Self.times.map { $0 * parts[1] })
        #expect(found.fields["codec_name"] == "h264")
        #expect(found.fields["pix_fmt"] == "yuv420p")
        #expect(folder.contents == ["out.\(name)"])
    }

    @Test("Matroska, WebM and AVI keep every frame, at their own precision", arguments: ["mkv", "webm", "avi"])
    func coarseTimes(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        let times = (0..<12).map { Int64($0) * 512 }
        try Made.run(VideoSink(path: path, style: .overlay), size: Self.size, times: times, timeBase: Self.timeBase)
        let found = try ExternalTool.probe(path)
        #expect(found.times.count == times.count)
        let parts = (found.fields["time_base"] ?? "").split(separator: "/").compactMap { Double($0) }
        try #require(parts.count == 2)
        for (got, wanted) in zip(found.times, times) {
            #expect(abs(Double(got) * parts[0] / parts[1] - Double(wanted) / 15360) <= 0.0005)
        }
    }

    @Test("The ids in a video are exact", arguments: ["mkv", "avi", "nut"])
    func ids(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        let size = ImageSize(height: 91, width: 163)
        let times = (0..<5).map { Int64($0) }
        try Made.run(VideoSink(path: path, style: .ids), size: size, times: times, timeBase: Rational(1, 30))
        #expect(try ExternalTool.decode(path, as: "gray") == expectedIDs(size, 5))
    }

    @Test("Ids are refused where they would not be exact", arguments: ["mp4", "mov", "webm"])
    func idsRefused(name: String) throws {
        #expect { try MaskSinks.make(output: "/tmp/out.\(name)", style: .ids) } throws: {
            "\($0)".contains("cannot hold exact class ids") && "\($0)".contains(".mkv")
        }
    }

    @Test("The class colours in a video survive", arguments: ["mkv", "mp4", "webm", "avi", "mov"], [91, 96])
    func colors(name: String, height: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        let size = ImageSize(height: height, width: 161)
        try Made.run(
            VideoSink(path: path, style: .mask), size: size, times: [0, 1, 2], timeBase: Rational(1, 30))
        let bytes = try ExternalTool.decode(path, as: "rgb24")
        try #require(bytes.count == 3 * 3 * size.area)
        let tolerance = name == "mkv" || name == "avi" ? 0 : 3
        var worst = 0
        for frame in 0..<3 {
            let classes = Made.street(size, seed: frame)
            for y in 0..<size.height {
                for x in 0..<size.width {
                    let color = Made.labels.color(of: classes[row: y, column: x])
                    let at = 3 * ((frame * size.height + y) * size.width + x)
                    for (channel, value) in [color.red, color.green, color.blue].enumerated() {
                        worst = max(worst, abs(Int(bytes[at + channel]) - Int(value)))
                    }
                }
            }
        }
        #expect(worst <= tolerance)
    }

    @Test("Odd sizes, pixel aspect and the colour matrix are carried over")
    func carriedOver() throws {
        let folder = try TemporaryFolder()
        let path = folder("odd.mp4")
        let size = ImageSize(height: 33, width: 57)
        let sink = VideoSink(path: path, style: .overlay)
        try sink.begin(stream: Made.stream(size), maskSize: size, labels: Made.labels)
        let stamp = Made.stamp(0, pts: 0)
        let picture = Picture.made(
            size, .yuv444p, aspect: Rational(4, 3), color: ColorDescription(matrix: 1, isFullRange: false)
        ) { _, _, _ in 90 }
        try sink.write(
            Made.mask(Made.street(size), stamp: stamp), of: Frame(stamp: stamp, picture: picture), dropped: 0)
        try sink.finish()
        let fields = try ExternalTool.probe(path).fields
        #expect(fields["width"] == "57" && fields["height"] == "33" && fields["pix_fmt"] == "yuv444p")
        #expect(fields["sample_aspect_ratio"] == "4:3")
        #expect(fields["color_space"] == "bt709" && fields["color_range"] == "tv")
        #expect(fields["color_primaries"] == "bt709")
    }

    @Test("The checksum file says what FFmpeg says of the same ids")
    func checksums() throws {
        let folder = try TemporaryFolder()
        let video = folder("ids.mkv")
        let sums = folder("ids.framemd5")
        let times = (0..<4).map { Int64($0) * 40 }
        for path in [video, sums] {
            try Made.run(
                MaskSinks.make(output: path, style: .ids), size: Self.size, times: times, timeBase: Rational(1, 1000))
        }
        let ffmpeg = try #require(ExternalTool("ffmpeg"))
        let expected = try ffmpeg.run(["-v", "error", "-i", video, "-f", "framemd5", "-"]).lines
        let found = try String(contentsOfFile: sums, encoding: .utf8).split(separator: "\n").map(String.init)
        let hash = { (line: String) in line.split(separator: ",").last.map { $0.trimmingCharacters(in: .whitespaces) } }
        let stamps = { (line: String) in Int64(line.split(separator: ",")[2].trimmingCharacters(in: .whitespaces)) }
        let lines = found.filter { !$0.hasPrefix("#") }
        #expect(lines.map(hash) == expected.filter { !$0.hasPrefix("#") }.map(hash))
        #expect(lines.compactMap(stamps) == times)
    }

    @Test("Palette PNGs hold the ids as pixels and the colours as palette")
    func palettePNG() throws {
        guard let python = ExternalTool.python(with: "PIL", "numpy") else { return }
        let folder = try TemporaryFolder()
        let path = folder("masks")
        let size = ImageSize(height: 45, width: 77)
        try Made.run(
            MaskSinks.make(output: path + "/"), size: size, times: [0, 1, 2], timeBase: Rational(1, 30))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
                "frame_000000.png", "frame_000001.png", "frame_000002.png",
            ])
        let result = try python.run([
            "-c",
            """
            import sys; from PIL import Image; import numpy as np
            for i in range(3):
                im = Image.open(f"{sys.argv[1]}/frame_{i:06d}.png"); assert im.mode == "P", im.mode
                sys.stdout.buffer.write(np.asarray(im).tobytes()); sys.stdout.buffer.write(bytes(im.getpalette()[:33]))
            """, path,
        ])
        #expect(result.errors == "")
        let palette = Data(Made.labels.palette.flatMap { [$0.red, $0.green, $0.blue] })
        var expected = Data()
        for index in 0..<3 {
            Made.street(size, seed: index).withUnsafeBytes { expected.append(contentsOf: $0) }
            expected.append(palette)
        }
        #expect(result.output == expected)
    }

    @Test("A mask PNG shows the class colours exactly")
    func colorPNG() throws {
        let folder = try TemporaryFolder()
        let path = folder("one.png")
        let size = ImageSize(height: 31, width: 50)
        try Made.run(MaskSinks.make(output: path, style: .mask), size: size, times: [0], timeBase: Rational(1, 30))
        let expected = Data(
            (0..<size.area).flatMap { pixel -> [UInt8] in
                let color = Made.labels.color(of: Made.street(size)[row: pixel / 50, column: pixel % 50])
                return [color.red, color.green, color.blue]
            })
        #expect(try ExternalTool.decode(path, as: "rgb24") == expected)
    }

    @Test("One PNG holds one frame")
    func onePicture() throws {
        let folder = try TemporaryFolder()
        #expect(throws: OutputError.moreThanOneFrame(path: folder("one.png"))) {
            try Made.run(
                MaskSinks.make(output: folder("one.png")), size: Self.size, times: [0, 1], timeBase: Rational(1, 30))
        }
    }

    @Test(
        "A Y4M file holds ids that FFmpeg reads back",
        arguments: [ImageSize(height: 90, width: 160), .init(height: 45, width: 33)])
    func y4m(size: ImageSize) throws {
        let folder = try TemporaryFolder()
        let path = folder("ids.y4m")
        try Made.run(
            MaskSinks.make(output: path, style: .ids), size: size, times: [0, 1, 2, 3], timeBase: Rational(1, 30))
        #expect(try ExternalTool.decode(path, as: "gray") == expectedIDs(size, 4))
        #expect(folder.contents == ["ids.y4m"])
        let overlay = folder("overlay.y4m")
        let even = size.height % 2 == 0
        try Made.run(
            MaskSinks.make(output: overlay), size: size, times: [0, 1, 2, 3], timeBase: Rational(1, 30),
            format: even ? .yuv420p : .yuv444p)
        let found = try ExternalTool.probe(overlay)
        #expect(found.times.count == 4 && found.fields["pix_fmt"] == (even ? "yuv420p" : "yuv444p"))
    }

    @Test("A reader of standard output that goes away is told apart from other failures, without a signal")
    func brokenPipe() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let sink = Y4MSink(target: .descriptor(ends[1]), style: .ids)
        #expect(throws: OutputError.readerGone(output: sink.summary)) {
            try Made.run(sink, size: Self.size, times: [0, 1], timeBase: Rational(1, 30))
        }
    }

    @Test(
        "Nothing appears under the final name before the end, and nothing stays when given up",
        arguments: ["mp4", "mkv", "y4m"])
    func abandoned(name: String) throws {
        let folder = try TemporaryFolder()
        let sink = try MaskSinks.make(output: folder("out.\(name)"))
        try sink.begin(stream: Made.stream(Self.size), maskSize: Self.size, labels: Made.labels)
        for index in 0..<3 {
            let stamp = Made.stamp(UInt64(index), pts: Int64(index))
            try sink.write(
                Made.mask(Made.street(Self.size), stamp: stamp),
                of: Frame(stamp: stamp, picture: Made.ramp(Self.size)), dropped: 0)
            #expect(folder.contents.allSatisfy { $0.hasPrefix(".out.\(name).partial-") })
        }
        sink.abandon()
        #expect(folder.contents == [])
    }

    @Test("What a dead writer left is cleared away by the next one of the same name")
    func leftovers() throws {
        let folder = try TemporaryFolder()
        try Data("half".utf8).write(to: URL(fileURLWithPath: folder(".out.mkv.partial-4194300")))
        try Data("mine".utf8).write(to: URL(fileURLWithPath: folder(".out.mkv.partial-notes")))
        try Made.run(
            MaskSinks.make(output: folder("out.mkv"), style: .ids), size: Self.size, times: [0],
            timeBase: Rational(1, 30))
        #expect(folder.contents == [".out.mkv.partial-notes", "out.mkv"])
    }

    @Test("A finished file replaces an older one only when it is whole")
    func replaced() throws {
        let folder = try TemporaryFolder()
        let path = folder("out.mkv")
        try Data("older".utf8).write(to: URL(fileURLWithPath: path))
        let sink = try MaskSinks.make(output: path)
        try sink.begin(stream: Made.stream(Self.size), maskSize: Self.size, labels: Made.labels)
        #expect(throws: EncodeError.nothingWritten(path: path)) { try sink.finish() }
        sink.abandon()
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("older".utf8))
    }

    @Test("A folder of pictures is cleared of what a dead run left half written, and of nothing else")
    func deadPictures() throws {
        let folder = try TemporaryFolder()
        let kept = [
            ".frame_notes", ".frame_000001.png.partial-", ".other.png.partial-12", "frame_000009.png.partial-1",
        ]
        for name in kept + [".frame_000001.png.partial-123", ".frame_000002.png.partial-7-1"] {
            try Data("half".utf8).write(to: URL(fileURLWithPath: folder(name)))
        }
        try Made.run(
            PNGSink(target: .folder(folder.path), style: .ids), size: ImageSize(height: 8, width: 8), times: [0],
            timeBase: Rational(1, 30))
        #expect(folder.contents == (kept + ["frame_000000.png"]).sorted())
    }
}
