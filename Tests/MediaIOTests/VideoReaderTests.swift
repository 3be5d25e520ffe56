import Foundation
import Imaging
import MediaIO
import Testing

@Suite("Reading videos", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg and ffprobe are not installed"))
struct VideoReaderTests {
    private func readAll(_ path: String, _ options: VideoReader.Options = .init()) throws -> [DecodedFrame] {
        let reader = try VideoReader(MediaLocation(path), options: options)
        var frames: [DecodedFrame] = []
        while let output = try reader.next() { frames.append(output.frame) }
        return frames
    }

    private func expectAsProbed(_ path: String) throws {
        let probed = try TestMedia.frames(of: path)
        let frames = try readAll(path)
        #expect(frames.count == probed.count)
        #expect(frames.map(\.pts) == probed.map(\.pts))
        #expect(frames.map { $0.duration > 0 ? $0.duration : nil } == probed.map(\.duration))
        #expect(frames.map(\.picture.codedSize.width) == probed.map(\.width))
        #expect(frames.map(\.picture.codedSize.height) == probed.map(\.height))
        #expect(!frames.isEmpty)
    }

    @Test(
        "frames, time stamps and durations are ffprobe's",
        arguments: [
            "a.mp4", "a.mkv", "a.ts", "a.avi", "a.webm", "a.mov",
        ])
    func containers(name: String) throws {
        let media = try TestMedia()
        let codec =
            name.hasSuffix("avi") ? "-c:v mpeg4" : name.hasSuffix("webm") ? "-c:v libvpx -b:v 200k" : "-c:v libx264"
        let path = try media.make(name, "-f lavfi -i testsrc2=s=160x120:r=25:d=1.2 \(codec) -bf 2 -g 10")
        try expectAsProbed(path)
    }

    @Test(
        "the clips beside the package give ffprobe's frames and stamps",
        .enabled(if: !TestMedia.clips.isEmpty, "skipped: no ../shared/clips"), arguments: TestMedia.clips)
    func clips(path: String) throws {
        try expectAsProbed(path)
    }

    @Test("a variable frame rate is kept")
    func variableRate() throws {
        let media = try TestMedia()
        let path = try media.make(
            "vfr.mkv",
            "-f lavfi -i testsrc2=s=64x48:r=30:d=2 -vf select='not(mod(n,7))+not(mod(n,3))' -vsync vfr -c:v libx264")
        let frames = try readAll(path)
        let stamps = frames.compactMap(\.pts)
        let steps = Set(zip(stamps.dropFirst(), stamps).map { $0 - $1 })
        #expect(steps.count > 1)
        try expectAsProbed(path)
    }

    @Test("one decoding thread and four give the same frames", arguments: [1, 4])
    func threads(count: Int) throws {
        let media = try TestMedia()
        let path = try media.make("a.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -c:v libx264 -bf 3")
        var options = VideoReader.Options()
        options.decoder.threads = count
        #expect(try readAll(path, options).count == 25)
    }

    @Test("low delay keeps every frame of a stream with B-frames, in order")
    func lowDelay() throws {
        let media = try TestMedia()
        let path = try media.make("a.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=1 -c:v libx264 -bf 3")
        var options = VideoReader.Options()
        options.decoder.isLowDelay = true
        let stamps = try readAll(path, options).compactMap(\.pts)
        #expect(stamps.count == 25)
        #expect(stamps == stamps.sorted())
    }

    @Test("a size that changes mid-stream arrives frame by frame")
    func sizeChange() throws {
        let media = try TestMedia()
        let first = try media.make("a.ts", "-f lavfi -i testsrc2=s=160x120:r=25:d=0.4 -c:v mpeg2video")
        let second = try media.make("b.ts", "-f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -c:v mpeg2video")
        let joined = media.path("c.ts")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: first)) + Data(contentsOf: URL(fileURLWithPath: second))
        try bytes.write(to: URL(fileURLWithPath: joined))
        let sizes = Set(try readAll(joined).map(\.picture.size))
        #expect(sizes == [ImageSize(height: 120, width: 160), ImageSize(height: 64, width: 96)])
        try expectAsProbed(joined)
    }

    @Test(
        "pixel formats arrive as they are stored",
        arguments: [
            "yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuvj420p", "gray", "gray10le", "rgb24", "bgr0", "gbrp",
            "yuyv422", "nv12", "pal8", "monob", "yuv410p", "rgb48le", "yuva420p", "ya8",
        ])
    func pixelFormats(name: String) throws {
        let media = try TestMedia()
        let path = try media.make(
            "raw.nut", "-f lavfi -i testsrc=s=35x23:r=5:d=0.4 -pix_fmt \(name) -strict -1 -c:v rawvideo")
        let frames = try readAll(path)
        #expect(frames.count == 2)
        for frame in frames {
            #expect(frame.picture.codedSize == ImageSize(height: 23, width: 35))
            // NUT does not keep the `j` of `yuvj420p`.
            #expect(frame.picture.format.rawValue == name.replacingOccurrences(of: "yuvj", with: "yuv"))
        }
    }

    @Test("pixel aspect, matrix and range are the stream's")
    func facts() throws {
        let media = try TestMedia()
        let path = try media.make(
            "a.mkv",
            """
            -f lavfi -i testsrc2=s=160x120:r=25:d=0.2 -vf setsar=8/9 -c:v libx264 -color_range pc -colorspace bt709 \
            -color_primaries bt709 -color_trc bt709
            """)
        let frame = try #require(try readAll(path).first)
        #expect(frame.picture.sampleAspectRatio == Rational(8, 9))
        #expect(frame.picture.color == ColorDescription(matrix: 1, isFullRange: true, primaries: 1, transfer: 1))
    }

    @Test(
        "a display matrix becomes an orientation",
        arguments: [
            (0, Orientation()), (90, Orientation(rotation: .threeQuarters)), (180, Orientation(rotation: .half)),
            (270, Orientation(rotation: .quarter)),
        ])
    func rotation(degrees: Int, expected: Orientation) throws {
        let media = try TestMedia()
        let flat = try media.make("a.mp4", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -c:v libx264")
        // Where it copies a stream, ffmpeg 5.1 takes `rotate` as degrees counterclockwise.
        let path = try media.make("b.mp4", "-i \(flat) -c copy -metadata:s:v rotate=\(degrees)")
        let frame = try #require(try readAll(path).first)
        #expect(frame.picture.orientation == expected)
        #expect(
            frame.picture.size
                == (degrees % 180 == 0 ? ImageSize(height: 48, width: 64) : ImageSize(height: 64, width: 48)))
    }

    @Test("raw H.264 without time stamps is read to its end")
    func elementary() throws {
        let media = try TestMedia()
        let path = try media.make("a.h264", "-f lavfi -i testsrc2=s=64x48:r=25:d=1 -c:v libx264 -bf 2")
        #expect(try readAll(path).count == 25)
    }

    @Test("a video with a sound track and subtitles gives its video only")
    func otherStreams() throws {
        let media = try TestMedia()
        let path = try media.make(
            "a.mkv",
            "-f lavfi -i sine=d=1 -f lavfi -i testsrc2=s=64x48:r=10:d=1 -map 0 -map 1 -c:v libx264 -c:a flac")
        let reader = try VideoReader(MediaLocation(path))
        #expect(reader.stream.index == 1)
        #expect(try readAll(path).count == 10)
    }

    @Test("what arrives is stamped with the clock that was handed in")
    func arrival() throws {
        struct Still: FrameClock {
            let monotonicNanoseconds: UInt64 = 5_000
            let epochNanoseconds: Int64 = 1_700_000_000_000_000_000
        }
        let media = try TestMedia()
        let path = try media.make("a.mp4", "-f lavfi -i testsrc2=s=64x48:r=10:d=0.5 -c:v libx264")
        let reader = try VideoReader(MediaLocation(path), clock: Still())
        let output = try #require(try reader.next())
        #expect(output.arrival.monotonicNanoseconds == 5_000)
        #expect(output.arrival.epochNanoseconds == 1_700_000_000_000_000_000)
    }
}
