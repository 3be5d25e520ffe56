import Foundation
import Imaging
import MediaIO
import Testing

@Suite struct VideoWriterTests {
    static let size = ImageSize(height: 36, width: 50)

    private static func settings(
        _ content: VideoContent = .ids, timeBase: Rational = Rational(1, 1000), rate: Rational? = Rational(25, 1),
        size: ImageSize = VideoWriterTests.size, isExact: Bool = false
    ) -> VideoWriter.Settings {
        VideoWriter.Settings(
            size: size, content: content, timeBase: timeBase, frameRate: rate, keepsExactTimes: isExact)
    }

    private static func draw(_ canvas: Canvas, _ seed: Int) {
        for plane in canvas.planes {
            for y in 0..<plane.rows {
                for x in 0..<plane.rowBytes { plane[y][x] = UInt8(truncatingIfNeeded: x &* 7 &+ y &* 13 &+ seed) }
            }
        }
    }

    /// Start and duration of each frame, as the checksum file tells them.
    private func places(
        _ times: [(MediaTime?, Int64)], rate: Rational? = Rational(25, 1), timeBase: Rational, isExact: Bool = false,
        advance: Int = 1
    ) throws -> (places: [[Int64]], corrections: ClockCorrections) {
        let media = try TestMedia()
        let path = media.path("out.framemd5")
        let writer = try VideoWriter(
            path: path, settings: Self.settings(timeBase: timeBase, rate: rate, isExact: isExact))
        for (time, duration) in times {
            let canvas = try writer.canvas()
            Self.draw(canvas, 0)
            try writer.write(canvas, at: time, duration: duration, advance: advance)
        }
        try writer.finish()
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        return (
            lines.filter { !$0.hasPrefix("#") }.map { line in
                let words = line.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                return [Int64(words[2]) ?? -1, Int64(words[3]) ?? -1]
            }, writer.clockCorrections
        )
    }

    private func ticks(_ values: [Int64], _ timeBase: Rational = Rational(1, 1000), duration: Int64 = 0)
        -> [(MediaTime?, Int64)]
    {
        values.map { (MediaTime(value: $0, timeBase: timeBase), duration) }
    }

    @Test("Time stamps that rise are kept, whatever their steps; a start a second or more from 0 becomes 0")
    func kept() throws {
        let stamps = ticks([3, 4, 90, 91, 5000], duration: 40)
        let found = try places(stamps, timeBase: Rational(1, 1000))
        #expect(found.places == [[3, 40], [4, 40], [90, 40], [91, 40], [5000, 40]])
        #expect(found.corrections == ClockCorrections())
        let late = ticks([1400, 1401, 1500], duration: 40)
        let moved = try places(late, timeBase: Rational(1, 1000))
        #expect(moved.places == [[0, 40], [1, 40], [100, 40]] && abs(moved.corrections.origin - 1.4) < 1e-9)
        let exact = try places(late, timeBase: Rational(1, 1000), isExact: true)
        #expect(exact.places == [[1400, 40], [1401, 40], [1500, 40]] && exact.corrections == ClockCorrections())
    }

    @Test("Stamps in another unit are brought to the stream's")
    func rescaled() throws {
        let found = try places(
            ticks([0, 1001, 2002, 3003], Rational(1, 30_000), duration: 1001), timeBase: Rational(1, 1000))
        #expect(found.places == [[0, 33], [33, 33], [67, 33], [100, 33]])
    }

    @Test("A stamp that does not rise is moved up by a tick; a jump back carries on after the last frame")
    func mended() throws {
        let found = try places(
            ticks([0, 40, 40, 39, 80, 10_000, 0, 40, 80], duration: 40), timeBase: Rational(1, 1000))
        #expect(found.places.map { $0[0] } == [0, 40, 41, 42, 80, 10_000, 10_040, 10_080, 10_120])
        #expect(found.corrections.jumps == 1 && found.corrections.nudges == 2)
    }

    @Test("A step of more than ten seconds and ten frames is a jump, a shorter one a gap")
    func jumps() throws {
        let milliseconds = Rational(1, 1000)
        let jump = try places(
            ticks([36_001_400, 36_001_440, 72_000_000, 72_000_040, 500, 540, 580], duration: 40), timeBase: milliseconds
        )
        #expect(jump.places.map { $0[0] } == [0, 40, 80, 120, 160, 200, 240])
        #expect(jump.corrections.jumps == 2 && abs(jump.corrections.origin - 36_001.4) < 1e-6)
        let gap = try places(ticks([0, 40, 10_040, 10_080], duration: 40), timeBase: milliseconds)
        #expect(gap.places.map { $0[0] } == [0, 40, 10_040, 10_080] && gap.corrections == ClockCorrections())
        // A slide show, and a film of which every hundredth frame is taken.
        let slides = try places(
            ticks([0, 15_000, 30_000], duration: 15_000), rate: Rational(1, 15), timeBase: milliseconds)
        #expect(slides.places == [[0, 15_000], [15_000, 15_000], [30_000, 15_000]])
        let unknown = try places(ticks([0, 15_000, 30_000], duration: 15_000), rate: nil, timeBase: milliseconds)
        #expect(unknown.places.isEmpty == false && unknown.places.map { $0[0] } == [0, 15_000, 30_000])
        let thinned = try places(ticks([0, 20_000, 40_000], duration: 40), timeBase: milliseconds, advance: 500)
        #expect(thinned.places.map { $0[0] } == [0, 20_000, 40_000] && thinned.corrections.jumps == 0)
        let thinnedJump = try places(ticks([0, 4_000, 9_000_000], duration: 40), timeBase: milliseconds, advance: 100)
        #expect(thinnedJump.places.map { $0[0] } == [0, 4_000, 8_000] && thinnedJump.corrections.jumps == 1)
    }

    @Test("A jump that a container tells as the duration of the frame before it makes no long frame")
    func longDuration() throws {
        let times = [(0, 40), (40, 3_600_000), (3_600_040, 40), (3_600_080, 7_200_000)].map {
            (Optional(MediaTime(value: $0, timeBase: Rational(1, 1000))), Int64($1))
        }
        let found = try places(times, timeBase: Rational(1, 1000))
        #expect(found.places == [[0, 40], [40, 40], [80, 40], [120, 40]])
        #expect(found.corrections.jumps == 2)
    }

    @Test("Exact times keep jumps forwards, and tell of those backwards, which no file can hold")
    func exactJumps() throws {
        let found = try places(
            ticks([36_000_000, 36_000_040, 90_000_000, 40, 80], duration: 40), timeBase: Rational(1, 1000),
            isExact: true)
        #expect(found.places.map { $0[0] } == [36_000_000, 36_000_040, 90_000_000, 90_000_040, 90_000_080])
        #expect(found.corrections.jumps == 1 && found.corrections.origin == 0)
    }

    @Test("Stamps at the ends of the clock are taken as far as it goes, and stop nothing")
    func absurd() throws {
        let found = try places(
            ticks([.min, .max, 0, .max - 1, .min + 1, 40], duration: 40) + [(nil, .max)], timeBase: Rational(1, 1000))
        #expect(found.places.count == 7)
        #expect(zip(found.places, found.places.dropFirst()).allSatisfy { $0[0] < $1[0] }, "\(found.places)")
    }

    @Test("A camera that counts from the epoch, and a start before zero, begin at zero")
    func moved() throws {
        let epoch = try places(
            ticks([1_700_000_000_000, 1_700_000_000_040], duration: 40), timeBase: Rational(1, 1000))
        #expect(epoch.places == [[0, 40], [40, 40]])
        #expect(try places(ticks([-80, -40, 0]), timeBase: Rational(1, 1000)).places.map { $0[0] } == [0, 40, 80])
    }

    @Test("Frames without a stamp follow at the frame rate")
    func unstamped() throws {
        let found = try places([(nil, 0), (nil, 0), (nil, 0)], rate: Rational(50, 1), timeBase: Rational(1, 1000))
        #expect(found.places == [[0, 20], [20, 20], [40, 20]])
    }

    @Test("Every byte comes back from FFV1, also while the encoder keeps canvases", .enabled(if: TestMedia.isAvailable))
    func exact() throws {
        let media = try TestMedia()
        let path = media.path("ids.mkv")
        let writer = try VideoWriter(path: path, settings: Self.settings())
        var expected = Data()
        for index in 0..<20 {
            let canvas = try writer.canvas()
            Self.draw(canvas, index * 11)
            for y in 0..<Self.size.height { expected.append(contentsOf: canvas.planes[0][y]) }
            try writer.write(canvas, at: MediaTime(value: Int64(index) * 40, timeBase: Rational(1, 1000)))
        }
        #expect(writer.frameCount == 20)
        try writer.finish()
        #expect(try TestMedia.ffmpeg(["-i", path, "-f", "rawvideo", "-pix_fmt", "gray"]) == expected)
    }

    @Test("Durations are kept in MP4, the last frame's too", .enabled(if: TestMedia.isAvailable))
    func durations() throws {
        let media = try TestMedia()
        let path = media.path("out.mp4")
        let writer = try VideoWriter(path: path, settings: Self.settings(.picture, timeBase: Rational(1, 90_000)))
        let times: [(Int64, Int64)] = [(0, 3003), (3003, 6006), (9009, 1000), (10_009, 20_000)]
        for (time, duration) in times {
            let canvas = try writer.canvas()
            Self.draw(canvas, Int(time))
            try writer.write(canvas, at: MediaTime(value: time, timeBase: Rational(1, 90_000)), duration: duration)
        }
        try writer.finish()
        let frames = try TestMedia.frames(of: path)
        #expect(frames.map(\.pts) == times.map(\.0))
        #expect(frames.map(\.duration) == times.map(\.1))
    }

    @Test("What cannot be written says what, where and what to do")
    func refusals() throws {
        let media = try TestMedia()
        let cases: [(String, VideoContent, String)] = [
            (media.path("nowhere/out.mp4"), .picture, "make the folder first"),
            (media.path("out.xyz"), .picture, ".mp4"),
            (media.path("out.mp4"), .ids, "write .mkv"),
            (media.folder + "/.mp4", .picture, "expected one of"),
        ]
        for (path, content, words) in cases {
            #expect("\(path)") {
                _ = try VideoWriter(path: path, settings: Self.settings(content))
            } throws: {
                "\($0)".contains(words) && "\($0)".contains(path)
            }
        }
        try FileManager.default.createDirectory(atPath: media.path("dir.mp4"), withIntermediateDirectories: false)
        #expect(throws: EncodeError.cannotCreate(path: media.path("dir.mp4"), errno: EISDIR)) {
            try VideoWriter(path: media.path("dir.mp4"), settings: Self.settings(.picture))
        }
        #expect { try VideoWriter(path: media.path("out.avi"), settings: Self.settings(.picture, rate: nil)) } throws: {
            "\($0)".contains("AVI needs a frame rate")
        }
    }

    @Test("A full disk is told, and leaves nothing behind", arguments: ["mp4", "mkv", "y4m"])
    func fullDisk(name: String) throws {
        guard let disk = SmallDisk(kilobytes: 64) else {
            print("skipped: a small disk cannot be mounted here")
            return
        }
        let path = disk.path + "/out.\(name)"
        if name == "y4m" {
            let file = try PartialFile(path: path)
            let bytes = [UInt8](repeating: 7, count: 100_000)
            #expect(throws: EncodeError.cannotWrite(path: path, errno: ENOSPC)) {
                try bytes.withUnsafeBytes { try file.write($0) }
            }
            // What was refused once is never given its name.
            #expect(throws: EncodeError.cannotWrite(path: path, errno: ENOSPC)) { try file.commit() }
            file.abandon()
        } else {
            let size = ImageSize(height: 240, width: 320)
            let writer = try VideoWriter(path: path, settings: Self.settings(.picture, size: size))
            #expect {
                var noise: UInt32 = 1
                for index in 0..<200 {
                    let canvas = try writer.canvas()
                    for plane in canvas.planes {
                        for y in 0..<plane.rows {
                            for x in 0..<plane.rowBytes {
                                noise = noise &* 1_664_525 &+ 1_013_904_223
                                plane[y][x] = UInt8(noise >> 24)
                            }
                        }
                    }
                    try writer.write(canvas, at: MediaTime(value: Int64(index) * 40, timeBase: Rational(1, 1000)))
                }
                try writer.finish()
            } throws: { error in
                error as? EncodeError == .cannotWrite(path: path, errno: ENOSPC)
                    && "\(error)".contains("free some space") && (error as? EncodeError)?.kind == .noSpace
            }
            writer.abandon()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == [])
    }

    /// A tmpfs of its own, unmounted at the end; nil where it cannot be had (it takes root).
    private final class SmallDisk {
        let path = NSTemporaryDirectory() + "segmentd-disk-" + UUID().uuidString

        init?(kilobytes: Int) {
            guard getuid() == 0, FileManager.default.isExecutableFile(atPath: "/bin/mount"),
                (try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)) != nil
            else { return nil }
            let options = ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path]
            guard (try? TestMedia.run("/bin/mount", options)) != nil else {
                try? FileManager.default.removeItem(atPath: path)
                return nil
            }
        }

        deinit {
            _ = try? TestMedia.run("/bin/umount", [path])
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    @Test("Killed in the middle, nothing lies under the final name, and the next run clears the rest")
    func killed() async throws {
        let media = try TestMedia()
        let path = media.path("out.mp4")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let size = ImageSize(height: 240, width: 320)
            let writer = try VideoWriter(
                path: path,
                settings: VideoWriter.Settings(size: size, content: .picture, timeBase: Rational(1, 1000)))
            for index in 0..<40 {
                let canvas = try writer.canvas()
                for plane in canvas.planes {
                    for y in 0..<plane.rows {
                        for x in 0..<plane.rowBytes { plane[y][x] = UInt8((x * y + index) % 251) }
                    }
                }
                try writer.write(canvas, at: MediaTime(value: Int64(index) * 40, timeBase: Rational(1, 1000)))
            }
            kill(getpid(), SIGKILL)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: media.folder)
        #expect(left.count == 1 && left.allSatisfy { $0.hasPrefix(".out.mp4.partial-") })
        try VideoWriter.check(path: path, content: .picture)
        #expect(try FileManager.default.contentsOfDirectory(atPath: media.folder) == [])
    }

    @Test("A link to a file is followed, not replaced")
    func link() throws {
        let media = try TestMedia()
        try FileManager.default.createDirectory(atPath: media.path("real"), withIntermediateDirectories: false)
        try Data("old".utf8).write(to: URL(fileURLWithPath: media.path("real/out.mkv")))
        try FileManager.default.createSymbolicLink(
            atPath: media.path("out.mkv"), withDestinationPath: media.path("real/out.mkv"))
        let writer = try VideoWriter(path: media.path("out.mkv"), settings: Self.settings())
        let canvas = try writer.canvas()
        Self.draw(canvas, 1)
        try writer.write(canvas, at: nil)
        try writer.finish()
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: media.path("out.mkv")).hasSuffix("real/out.mkv"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: media.path("real/out.mkv"))).count > 100)
    }
}
