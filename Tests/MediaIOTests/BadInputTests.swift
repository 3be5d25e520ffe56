import Foundation
import Imaging
import MediaIO
import Testing

@Suite("Inputs that are bad", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg and ffprobe are not installed"))
struct BadInputTests {
    /// What opening and reading `path` to its end throws, and the frames that came before.
    private func failure(_ path: String, _ options: VideoReader.Options = .init()) -> (MediaError?, frames: Int) {
        var frames = 0
        do {
            let reader = try VideoReader(MediaLocation(path), options: options)
            while try reader.next() != nil { frames += 1 }
            return (nil, frames)
        } catch let error as MediaError {
            return (error, frames)
        } catch {
            return (nil, -1)
        }
    }

    private func write(_ data: Data, _ path: String) throws { try data.write(to: URL(fileURLWithPath: path)) }

    @Test("a missing file is named")
    func missing() {
        let (error, _) = failure("/nowhere/drive.mp4")
        #expect(error?.kind == .notFound)
        #expect(error?.description.contains("/nowhere/drive.mp4: No such file or directory") == true)
    }

    @Test("a directory is no video")
    func directory() throws {
        let (error, _) = failure(try TestMedia().folder)
        #expect(error?.kind == .notFound || error?.description.contains("directory") == true)
    }

    @Test("an empty file is called empty")
    func empty() throws {
        let media = try TestMedia()
        try write(Data(), media.path("a.mp4"))
        let (error, _) = failure(media.path("a.mp4"))
        #expect(error?.kind == .invalidData)
        #expect(error?.reason == "the file is empty")
    }

    @Test("text is no video, whatever it is called", arguments: ["a.mp4", "a.txt", "a.avi"])
    func text(name: String) throws {
        let media = try TestMedia()
        try write(Data("This is a shopping list.\nMilk, bread, butter.\n".utf8), media.path(name))
        let (error, _) = failure(media.path(name))
        #expect([.invalidData, .noVideo].contains(error?.kind), "\(String(describing: error))")
        #expect(error?.description.contains(name) == true)
        #expect(error?.reason == "it is a text file, not a video")
    }

    @Test("noise is no video")
    func noise() throws {
        let media = try TestMedia()
        let noise = Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 3) })
        for name in ["a.mp4", "a.bin"] {
            try write(noise, media.path(name))
            let (error, _) = failure(media.path(name))
            #expect(error?.kind == .invalidData, "\(String(describing: error))")
        }
    }

    @Test("an mp4 without its index is called cut off")
    func noMoov() throws {
        let media = try TestMedia()
        let whole = try media.make("a.mp4", "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libx264 -g 10")
        let data = try Data(contentsOf: URL(fileURLWithPath: whole))
        try write(data.prefix(data.count / 2), media.path("b.mp4"))
        let (error, _) = failure(media.path("b.mp4"))
        #expect(error?.kind == .truncated)
        #expect(error?.description.contains("moov atom not found") == true)
    }

    @Test("a file cut off in its data gives the frames that are there, then says so", arguments: ["mp4", "mkv"])
    func cutOff(container: String) throws {
        let media = try TestMedia()
        let flags = container == "mp4" ? "-movflags +faststart" : ""
        let whole = try media.make(
            "a.\(container)", "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libx264 -g 10 \(flags)")
        let data = try Data(contentsOf: URL(fileURLWithPath: whole))
        try write(data.prefix(data.count * 6 / 10), media.path("b.\(container)"))
        let (error, frames) = failure(media.path("b.\(container)"))
        #expect(error?.kind == .truncated)
        #expect((10..<50).contains(frames))
    }

    @Test("sound alone is no video")
    func audioOnly() throws {
        let media = try TestMedia()
        let path = try media.make("a.mp4", "-f lavfi -i sine=d=0.5 -c:a aac")
        let (error, _) = failure(path)
        #expect(error?.kind == .noVideo)
        #expect(error?.reason == "it holds only audio, no video")
    }

    @Test("sound with a cover picture is no video")
    func cover() throws {
        let media = try TestMedia()
        let picture = try media.make("c.png", "-f lavfi -i testsrc2=s=64x64 -frames:v 1")
        let path = try media.make(
            "a.mp3", "-f lavfi -i sine=d=0.5 -i \(picture) -map 0 -map 1 -c:a libmp3lame -c:v copy")
        let (error, _) = failure(path)
        #expect(error?.kind == .noVideo)
    }

    @Test("a video of one pixel is read")
    func onePixel() throws {
        let media = try TestMedia()
        let path = try media.make("a.mkv", "-f lavfi -i color=red:s=16x16:d=0.2 -vf format=gbrp,crop=1:1 -c:v ffv1")
        let (error, frames) = failure(path)
        #expect(error == nil)
        #expect(frames == 5)
    }

    @Test("a file that may not be read is called so", .enabled(if: geteuid() != 0, "skipped: root may read all"))
    func permission() throws {
        let media = try TestMedia()
        try write(Data([1, 2, 3]), media.path("a.mp4"))
        chmod(media.path("a.mp4"), 0)
        let (error, _) = failure(media.path("a.mp4"))
        #expect(error?.kind == .permission)
    }

    @Test("a container without frames is called empty")
    func noFrames() throws {
        let media = try TestMedia()
        let path = try media.make("a.avi", "-f lavfi -i testsrc2=s=64x48:r=25 -frames:v 0 -c:v mpeg4")
        let (error, frames) = failure(path)
        #expect(error != nil)
        #expect(frames == 0)
    }

    @Test("a codec that FFmpeg does not know is named")
    func unknownCodec() throws {
        let media = try TestMedia()
        let path = try media.make("a.avi", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -c:v mpeg4 -vtag FMP4")
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        while let tag = data.range(of: Data("FMP4".utf8)) { data.replaceSubrange(tag, with: Data("ZQ9X".utf8)) }
        try write(data, path)
        let (error, _) = failure(path)
        #expect(error?.kind == .unsupported)
        #expect(error?.description.contains("ZQ9X") == true)
    }

    @Test("pictures above max_pixels are refused before they are decoded", arguments: ["a.mp4", "a.png", "a.jpg"])
    func tooLarge(name: String) throws {
        let media = try TestMedia()
        let path = try media.make(name, "-f lavfi -i testsrc2=s=320x240:r=25 -frames:v 1")
        var options = VideoReader.Options()
        options.demuxer.maxPixels = 320 * 240 - 1
        let (error, frames) = failure(path, options)
        #expect(error?.kind == .tooLarge)
        #expect(frames == 0)
        options.demuxer.maxPixels = 320 * 240
        #expect(failure(path, options).frames == 1)
    }

    @Test("damage in the middle costs frames there and nothing else, and is counted")
    func damage() throws {
        let media = try TestMedia()
        let path = try media.make("a.ts", "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v mpeg2video -g 5")
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        for index in data.count / 3..<data.count / 3 + 4000 where index % 188 > 20 { data[index] = UInt8(index & 0xFF) }
        try write(data, path)
        let reader = try VideoReader(MediaLocation(path))
        var frames = 0
        var corrupt = 0
        while let output = try reader.next() {
            frames += 1
            if output.frame.isCorrupt { corrupt += 1 }
        }
        #expect(frames > 30)
        #expect(corrupt + reader.failures > 0)
    }

    @Test("an option that nothing takes is named")
    func unknownOption() throws {
        let media = try TestMedia()
        let path = try media.make("a.mp4", "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 -c:v libx264")
        var options = VideoReader.Options()
        options.demuxer.options = ["stimeout": "5", "probesize": "100000"]
        let (error, _) = failure(path, options)
        #expect(error?.kind == .invalidArgument)
        #expect(error?.description.contains("'stimeout'") == true)
        #expect(error?.description.contains("probesize") == false)
    }

    @Test("a demuxer that does not exist is named")
    func unknownFormat() throws {
        let media = try TestMedia()
        try write(Data([1, 2, 3]), media.path("a.bin"))
        var options = VideoReader.Options()
        options.demuxer.format = "nosuch"
        #expect(failure(media.path("a.bin"), options).0?.kind == .unsupported)
    }

    @Test("a file whose name holds a pattern is that file")
    func patternName() throws {
        let media = try TestMedia()
        let picture = try media.make("c.png", "-f lavfi -i testsrc2=s=64x64 -frames:v 1")
        try FileManager.default.moveItem(atPath: picture, toPath: media.path("100%d.png"))
        #expect(failure(media.path("100%d.png")).frames == 1)
    }

    @Test("a numbered series of images is read in order")
    func series() throws {
        let media = try TestMedia()
        try media.make("f%03d.png", "-f lavfi -i testsrc2=s=64x64:r=5:d=1")
        #expect(failure(media.path("f%03d.png")).frames == 5)
    }

    @Test("a disk that fails is no broken connection, and a camera that breaks off no disk")
    func inputOutputError() {
        #expect(MediaError(code: -EIO, "read", "/mnt/card/drive.mp4").kind == .inputOutput)
        #expect(MediaError(code: -EIO, "read", "/dev/video0").kind == .inputOutput)
        #expect(MediaError(code: -EIO, "read", "rtsp://camera/stream").kind == .connection)
    }
}
