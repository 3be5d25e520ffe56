import Foundation
import Glibc
import Testing

/// Small enough that the whole network takes milliseconds.
private let small = ["--size", "64x64", "--threads", "1"]

@Suite("segmentd segment")
struct SegmentTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A drive of `frames` frames in the folder.
    private func drive(_ name: String, frames: Int = 12) throws {
        let result = try Program.run(
            "synthesize", "-o", name, "--seconds", "\(Double(frames) / 30)", "--size", "160x96", "--seed", "3",
            in: folder)
        #expect(result.status == 0, result.summary)
    }

    private func segment(_ arguments: String...) throws -> Program.Result {
        try Running(["segment"] + arguments + small, in: folder).wait()
    }

    /// How many frames a video has, by reading it through.
    private func frames(_ name: String) throws -> Int {
        let result = try segment(name, "-o", "null:")
        let match = result.errors.firstMatch(of: #/: (\d+) frames? in /#)
        return match.flatMap { Int($0.1) } ?? 0
    }

    @Test("writes a frame for every frame, and ends with rate and latencies of every stage")
    func video() throws {
        try drive("drive.mkv")
        let result = try segment("drive.mkv", "-o", "out.mp4")
        #expect(result.status == 0, result.summary)
        #expect(result.output.isEmpty)
        #expect(result.errors.contains("drive.mkv -> out.mp4: 12 frames in "))
        for row in ["ms  ", "decode ", "preprocess ", "infer ", "publish ", "end to end "] {
            #expect(result.errors.contains("\n\(row)"), result.summary)
        }
        #expect(result.errors.contains(/p50 +p95 +p99 +max/))
        #expect(try frames("out.mp4") == 12)
        #expect(folder.names == ["drive.mkv", "out.mp4"])
    }

    @Test("writes a PNG a frame into a folder, as many as the limit says")
    func pictures() throws {
        try drive("drive.mkv")
        let result = try segment("drive.mkv", "-o", "masks/", "--limit", "3")
        #expect(result.status == 0, result.summary)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("masks")).sorted()
        #expect(names == ["frame_000000.png", "frame_000001.png", "frame_000002.png"])
    }

    @Test("keeps standard output clean for the Y4M that goes there")
    func standardOutput() throws {
        try drive("drive.mkv", frames: 2)
        let result = try segment("drive.mkv", "-o", "-", "--style", "ids", "--resolution", "mask")
        #expect(result.status == 0, result.summary)
        let header = try #require(result.output.firstIndex(of: UInt8(ascii: "\n")))
        let line = String(decoding: result.output[..<header], as: UTF8.self)
        #expect(line.hasPrefix("YUV4MPEG2 W64 H64 ") && line.contains("Cmono"))
        // The line's length varies with its numbers.
        var rest = result.output[(header + 1)...]
        for _ in 0..<2 {
            let end = try #require(rest.firstIndex(of: UInt8(ascii: "\n")))
            #expect(rest[..<end].starts(with: Data("FRAME".utf8)))
            #expect(rest.endIndex - end > 64 * 64)
            rest = rest[(end + 1)...].dropFirst(64 * 64)
        }
        #expect(rest.isEmpty)
    }

    @Test("gives each of several inputs an output of its own in a folder")
    func several() throws {
        try drive("a.mkv", frames: 2)
        try drive("b.mkv", frames: 3)
        let result = try segment("a.mkv", "b.mkv", "-o", "out/")
        #expect(result.status == 0, result.summary)
        #expect(try frames("out/a.mp4") == 2)
        #expect(try frames("out/b.mp4") == 3)
    }

    @Test("goes on with the next input after one that fails, and ends with its code")
    func severalWithFailure() throws {
        try drive("a.mkv", frames: 2)
        let result = try segment("missing.mkv", "a.mkv", "-o", "out/")
        #expect(result.status == 66, result.summary)
        #expect(result.errors.contains("missing.mkv"))
        #expect(try frames("out/a.mp4") == 2)
    }

    @Test(
        "refuses outputs that cannot be meant",
        arguments: [
            ["a.mkv", "b.mkv", "-o", "out.mp4"], ["a.mkv", "x/a.mkv", "-o", "out/"], ["a.mkv", "-o", "a.mkv"],
            ["a.mkv", "-o", "out.mp5"], ["a.mkv", "-o", ""], ["a.mkv", "-o", "o.mp4", "--limit", "0"],
            ["a.mkv", "-o", "o.mp4", "--opacity", "2"], ["a.mkv", "-o", "o.mp4", "--size", "63x64"],
            ["a.mkv", "-o", "o.mp4", "--style", "overlap"], ["synthetic:sed=1", "-o", "o.mp4"], ["a.mkv"], [],
            ["a.mkv", "-o", "o.mp4", "--threads", "0"], ["a.mkv", "-o", "o.mp4", "--threads", "-3"],
            ["", "-o", "o.mp4"], ["file:a.mkv", "-o", "a.mkv"], ["file:a.mkv", "-o", "./a.mkv"],
            ["a.mkv", "-o", "o.mp4", "--style", "ids"],
        ])
    func usage(arguments: [String]) throws {
        try drive("a.mkv", frames: 1)
        let result = try Running(["segment"] + arguments, in: folder).wait()
        #expect(result.status == 64, result.summary)
        #expect(!result.errors.isEmpty)
        #expect(folder.names.filter { $0.hasPrefix("o") && $0 != "out" } == [])
    }

    @Test("says in one sentence what is wrong with an input, and leaves no output")
    func badInputs() throws {
        try folder.write("", to: "empty.mp4")
        try folder.write("This is no video.\n", to: "text.mp4")
        try FileManager.default.createDirectory(atPath: folder.path("folder"), withIntermediateDirectories: true)
        try wave().write(to: folder.url.appending(path: "audio.wav"))
        for (name, status) in [
            ("missing.mp4", 66), ("empty.mp4", 65), ("text.mp4", 65), ("folder", 65), ("audio.wav", 65),
            ("rtsp://127.0.0.1:1/x", 69),
        ] {
            let result = try segment(name, "-o", "out.mp4")
            #expect(result.status == Int32(status), result.summary)
            let lines = result.errors.split(separator: "\n")
            #expect(lines.count == 1 && result.lastLine.hasPrefix("segmentd: "), result.summary)
            #expect(result.lastLine.contains(name), result.summary)
            #expect(!folder.names.contains("out.mp4"))
        }
    }

    /// Half a second of silence.
    private func wave() -> Data {
        func little(_ value: UInt32, _ bytes: Int) -> [UInt8] { (0..<bytes).map { UInt8(value >> ($0 * 8) & 255) } }
        let samples = 8000
        var data = Data("RIFF".utf8) + little(UInt32(36 + samples), 4) + Data("WAVEfmt ".utf8) + little(16, 4)
        data += little(1, 2) + little(1, 2) + little(8000, 4) + little(8000, 4) + little(1, 2) + little(8, 2)
        return data + Data("data".utf8) + little(UInt32(samples), 4) + Data(repeating: 128, count: samples)
    }

    @Test("completes the output of a file that was cut off, and says so")
    func truncated() throws {
        try drive("drive.mkv", frames: 30)
        let whole = try Data(contentsOf: folder.url.appending(path: "drive.mkv"))
        try whole.prefix(whole.count * 2 / 3).write(to: folder.url.appending(path: "cut.mkv"))
        let result = try segment("cut.mkv", "-o", "out.mkv")
        #expect(result.status == 65, result.summary)
        #expect(result.lastLine.hasPrefix("segmentd: ") && result.lastLine.contains("cut.mkv"), result.summary)
        #expect((1..<30).contains(try frames("out.mkv")))
    }

    @Test("leaves no picture of an input that has more frames than one, unless it is told to take one")
    func onePicture() throws {
        try drive("drive.mkv", frames: 3)
        let result = try segment("drive.mkv", "-o", "out.png")
        #expect(result.status == 64, result.summary)
        #expect(!folder.names.contains("out.png") && !folder.names.contains { $0.contains("partial") })
        #expect(try segment("drive.mkv", "-o", "out.png", "--limit", "1").status == 0)
        #expect(folder.names.contains("out.png"))
    }

    @Test("takes a video of a single pixel")
    func onePixel() throws {
        try folder.write("YUV4MPEG2 W1 H1 F25:1 Cmono\nFRAME\nxFRAME\ny", to: "dot.y4m")
        let result = try segment("dot.y4m", "-o", "dots/")
        #expect(result.status == 0, result.summary)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("dots")).count == 2)
    }

    @Test("says that an output cannot be written before it works for long")
    func unwritable() throws {
        let result = try segment("synthetic:size=160x96", "-o", "/proc/nowhere/out.mkv")
        #expect(result.status == 73, result.summary)
        #expect(result.lastLine.contains("/proc/nowhere/out.mkv"), result.summary)
    }

    @Test("has a folder without permission refused", .enabled(if: geteuid() != 0, "root may write everywhere"))
    func forbidden() throws {
        try FileManager.default.createDirectory(
            atPath: folder.path("locked"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o555])
        let result = try segment("synthetic:size=160x96", "-o", "locked/out.mkv")
        #expect(result.status == 77, result.summary)
    }

    @Test("never writes pictures over those that it reads")
    func picturesOverPictures() throws {
        try drive("a.mkv", frames: 2)
        #expect(try segment("a.mkv", "-o", "in/").status == 0)
        let before = try Data(contentsOf: folder.url.appending(path: "in/frame_000000.png"))
        for input in ["in", "in/frame_000000.png", "in/frame_%06d.png"] {
            let result = try segment(input, "-o", "in/", "--style", "mask")
            #expect(result.status == 64, result.summary)
            #expect(result.lastLine.contains("in/"), result.summary)
        }
        #expect(try Data(contentsOf: folder.url.appending(path: "in/frame_000000.png")) == before)
    }

    @Test("ends as one that was hung up, with the file completed, and leaves nothing at a second signal")
    func hangup() throws {
        for signals in [[SIGHUP], [SIGINT, SIGINT, SIGINT]] {
            let running = try Running(
                ["segment", "synthetic:size=640x384", "-o", "out.mkv", "--style", "ids"] + small, in: folder)
            #expect(running.wait { folder.size(".out.mkv.partial-\(running.identifier)") > 20_000 })
            for signal in signals { running.send(signal) }
            let result = running.wait()
            #expect(result.status == 128 + signals[0], result.summary)
            #expect(folder.names.allSatisfy { $0 == "out.mkv" }, "\(folder.names)")
        }
    }

    /// ffmpeg with these arguments, in the folder; false where there is none.
    private func ffmpeg(_ arguments: String...) throws -> Bool {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/ffmpeg") else {
            print("skipped: no ffmpeg")
            return false
        }
        let result = try Running(
            ["-v", "error", "-y"] + arguments, in: folder, program: URL(filePath: "/usr/bin/ffmpeg")
        ).wait()
        #expect(result.status == 0, result.summary)
        return result.status == 0
    }

    /// What ffprobe says of the container: seconds of its start and its length.
    private func extent(_ name: String) throws -> (start: Double, length: Double) {
        let result = try Running(
            ["-v", "error", "-show_entries", "format=start_time,duration", "-of", "csv=p=0", name], in: folder,
            program: URL(filePath: "/usr/bin/ffprobe")
        ).wait()
        let words = String(decoding: result.output, as: UTF8.self).split { ",\n".contains($0) }.compactMap {
            Double($0)
        }
        return words.count == 2 ? (words[0], words[1]) : (-1, -1)
    }

    @Test(
        "keeps the pace of a recording that was spliced, and says so", arguments: ["mp4", "mkv", "webm", "avi", "mov"])
    func spliced(name: String) throws {
        try drive("drive.mkv", frames: 30)
        // Three recordings of a second, written one after the other: ten hours, then twenty, then from the beginning.
        for (index, offset) in ["36000", "72000", "3"].enumerated() {
            guard
                try ffmpeg(
                    "-i", "drive.mkv", "-c:v", "libx264", "-bf", "2", "-output_ts_offset", offset, "-f", "mpegts",
                    "\(index).ts")
            else { return }
        }
        let bytes = try (0..<3).reduce(Data()) { $0 + (try Data(contentsOf: folder.url.appending(path: "\($1).ts"))) }
        try bytes.write(to: folder.url.appending(path: "spliced.ts"))
        let result = try segment("spliced.ts", "-o", "out.\(name)")
        #expect(result.status == 0, result.summary)
        #expect(result.errors.contains("the input's clock jumped 2 times"), result.summary)
        let found = try extent("out.\(name)")
        #expect(abs(found.start) < 0.1 && abs(found.length - 3) < 0.2, "\(found)")
    }

    /// What ffprobe says of a video's colours: range, matrix, transfer, primaries.
    private func colors(_ name: String) throws -> String {
        let result = try Running(
            [
                "-v", "error", "-select_streams", "v", "-show_entries",
                "stream=color_range,color_space,color_transfer,color_primaries", "-of", "csv=p=0", name,
            ], in: folder, program: URL(filePath: "/usr/bin/ffprobe")
        ).wait()
        return String(decoding: result.output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test(
        "carries the colours' description over to an overlay, and brings HDR to BT.709",
        arguments: [
            ["bt470bg", "gamma28", "bt470bg"], ["smpte170m", "smpte170m", "smpte170m"], ["bt709", "bt709", "bt709"],
            ["bt2020nc", "bt2020-10", "bt2020"], ["bt2020nc", "smpte2084", "bt2020"],
            ["bt2020nc", "arib-std-b67", "bt2020"],
        ])
    func colorTags(tags: [String]) throws {
        try drive("drive.mkv", frames: 3)
        let (matrix, transfer, primaries) = (tags[0], tags[1], tags[2])
        let named = ["colormatrix=\(matrix)", "transfer=\(transfer)", "colorprim=\(primaries)"].joined(separator: ":")
        guard
            try ffmpeg(
                "-i", "drive.mkv", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-colorspace", matrix, "-color_trc",
                transfer, "-color_primaries", primaries, "-x264-params", named, "in.mp4")
        else { return }
        let isHDR = ["smpte2084", "arib-std-b67"].contains(transfer)
        let wanted = isHDR ? "tv,bt709,bt709,bt709" : try colors("in.mp4").replacing("unknown", with: "tv")
        for name in ["out.mp4", "out.mkv", "out.webm"] {
            #expect(try segment("in.mp4", "-o", name).status == 0)
            #expect(try colors(name) == wanted, "\(name)")
        }
    }

    @Test("refuses a closed standard output and places that cannot be written before the model is loaded")
    func placesFirst() throws {
        try drive("a.mkv", frames: 1)
        for output in ["nowhere/out.mp4", "nowhere/masks/", "nowhere/x.y4m", "nowhere/x.png"] {
            let result = try segment("a.mkv", "-o", output, "--model", "missing.safetensors")
            #expect(result.status == 73 && result.errors.contains(output), result.summary)
        }
        let closed = try Running(
            ["-c", "exec \"$0\" segment a.mkv -o - --model missing.safetensors >&-", Program.url.path], in: folder,
            program: URL(filePath: "/bin/sh")
        ).wait()
        #expect(closed.status == 74 && closed.errors.contains("standard output"), closed.summary)
    }

    @Test("writes to standard output by its other name, and ends well where a reader leaves early")
    func standardOutputByName() throws {
        try drive("a.mkv", frames: 2)
        for name in ["/dev/fd/1", "/proc/self/fd/1"] {
            #expect(try segment("a.mkv", "-o", name, "--style", "ids").status == 0)
        }
        let result = try segment("a.mkv", "-o", "/dev/stdout", "--style", "ids")
        #expect(result.status == 0 && result.output.starts(with: Data("YUV4MPEG2".utf8)), result.summary)
        let early = try Running(
            [
                "-c",
                "\"$0\" segment synthetic:size=160x96,seconds=60 -o - --size 64x64 --threads 1 | head -c 100; exit ${PIPESTATUS[0]}",
                Program.url.path,
            ], in: folder, program: URL(filePath: "/bin/bash")
        ).wait()
        #expect(early.status == 74 && early.errors.contains("has gone away"), early.summary)
    }

    @Test(
        "completes a file of every kind at Ctrl-C",
        arguments: ["mp4", "mov", "mkv", "webm", "avi", "nut", "framemd5", "y4m"])
    func everyKindInterrupted(name: String) throws {
        let running = try Running(["segment", "synthetic:size=160x96", "-o", "out.\(name)"] + small, in: folder)
        // What it says every five seconds; how much of a file is on the disk by then is its encoder's affair.
        #expect(running.wait { running.errors.contains(/: [1-9]\d* frames,/) })
        running.send(SIGINT)
        let result = running.wait()
        #expect(result.status == 130, result.summary)
        #expect(folder.names == ["out.\(name)"], "\(folder.names)")
        if name != "framemd5" { #expect(try frames("out.\(name)") > 0) }
    }

    @Test("keeps the input's time stamps where that is asked for")
    func exactTimes() throws {
        try drive("drive.mkv", frames: 30)
        guard try ffmpeg("-i", "drive.mkv", "-c", "copy", "-output_ts_offset", "36000", "later.mkv") else { return }
        let plain = try segment("later.mkv", "-o", "plain.mp4")
        #expect(plain.errors.contains("begins at 36000") && plain.errors.contains("--exact-times"), plain.summary)
        #expect(try abs(extent("plain.mp4").start) < 0.1)
        let exact = try segment("later.mkv", "-o", "exact.mp4", "--exact-times")
        #expect(exact.status == 0 && !exact.errors.contains("begins at"), exact.summary)
        #expect(try abs(extent("exact.mp4").start - 36_000) < 0.1)
        #expect(try segment("later.mkv", "-o", "exact.avi", "--exact-times").status == 64)
        #expect(try segment("later.mkv", "-o", "-", "--exact-times").status == 64)
    }

    @Test("refuses a model that is cut in half, missing or none at all")
    func badModels() throws {
        let model = Program.root.appending(path: "Sources/Networks/Resources/models/street11.safetensors")
        let whole = try Data(contentsOf: model)
        try whole.prefix(whole.count / 2).write(to: folder.url.appending(path: "half.safetensors"))
        try folder.write("no model", to: "text.safetensors")
        for (name, statuses) in [
            ("half.safetensors", [65]), ("text.safetensors", [65]), ("missing.safetensors", [66]),
        ] {
            let result = try segment("synthetic:size=160x96", "-o", "out.mkv", "--model", name)
            #expect(statuses.contains(Int(result.status)), result.summary)
            #expect(result.lastLine.contains(name), result.summary)
        }
        #expect(!folder.names.contains("out.mkv"))
    }

    @Test("completes the file at Ctrl-C, and ends as one interrupted", arguments: [[SIGINT, 130], [SIGTERM, 143]])
    func interrupted(signalAndStatus: [Int32]) throws {
        let (signal, status) = (signalAndStatus[0], signalAndStatus[1])
        // Drives without end, as ids in FFV1, which are written frame by frame.
        let running = try Running(
            ["segment", "synthetic:size=160x96", "-o", "out.mkv", "--style", "ids"] + small, in: folder)
        let partial = ".out.mkv.partial-\(running.identifier)"
        #expect(running.wait { folder.size(partial) > 20_000 })
        running.send(signal)
        let result = running.wait()
        #expect(result.status == status, result.summary)
        #expect(result.errors.contains("interrupted"))
        #expect(folder.names == ["out.mkv"])
        #expect(try frames("out.mkv") > 0)
    }
}
