import Foundation
import Imaging
import MaskOutput
import MediaIO
import Testing

/// Real clips, where they lie beside the package.
@Suite(.enabled(if: ExternalTool.hasFFmpeg, "skipped: ffmpeg and ffprobe are not installed"))
struct ClipTests {
    static let clips: [String] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        for folder in [root.appendingPathComponent("../shared/clips").standardizedFileURL.path, "/work/shared/clips"] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            let clips = names.filter { $0.hasSuffix(".mp4") }.sorted().map { folder + "/" + $0 }
            if !clips.isEmpty { return clips }
        }
        print("skipped: no clips beside the package")
        return []
    }()

    @Test("An overlay of a real clip has its frames, times and size, and its own picture below", arguments: clips)
    func overlay(clip: String) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.mp4")
        let reader = try VideoReader(MediaLocation(clip))
        let stream = reader.stream
        var options = OutputOptions()
        options.opacity = 0
        let sink = VideoSink(path: path, style: .overlay, options: options)
        let mask = ImageSize(height: 96, width: 128)
        try sink.begin(
            stream: StreamInfo(
                size: stream.codedSize ?? mask, frameRate: stream.frameRate, timeBase: stream.timeBase, summary: "clip"),
            maskSize: mask, labels: Made.labels)
        var count: UInt64 = 0
        while count < 30, let decoded = try reader.next()?.frame {
            let stamp = FrameStamp(
                camera: "clip", sequence: count,
                mediaTime: decoded.pts.map { MediaTime(value: $0, timeBase: stream.timeBase) },
                mediaDuration: decoded.duration,
                capture: CaptureTime(epochNanoseconds: 0, monotonicNanoseconds: 0, origin: .arrival))
            try sink.write(
                Made.mask(Made.street(mask), source: decoded.picture.size, stamp: stamp),
                of: Frame(stamp: stamp, picture: decoded.picture), dropped: 0)
            count += 1
        }
        try sink.finish()
        let source = try ExternalTool.probe(clip, limit: 60)
        let found = try ExternalTool.probe(path)
        #expect(found.fields["width"] == source.fields["width"] && found.fields["height"] == source.fields["height"])
        #expect(seconds(found) == Array(seconds(source).prefix(Int(count))))
        // With an invisible colour the video is the clip again, but for the encoder's loss.
        let ffmpeg = try #require(ExternalTool("ffmpeg"))
        let result = try ffmpeg.run([
            "-v", "info", "-i", path, "-i", clip, "-lavfi", "psnr", "-frames:v", "30", "-f", "null", "-",
        ])
        let average = result.errors.range(of: "average:").flatMap { Double(result.errors[$0.upperBound...].prefix(5)) }
        #expect((average ?? 0) > 33, "\(average ?? 0)")
    }

    /// Numerators of the time stamps over one common denominator.
    private func seconds(_ probed: (fields: [String: String], times: [Int64])) -> [Double] {
        let parts = (probed.fields["time_base"] ?? "").split(separator: "/").compactMap { Double($0) }
        guard parts.count == 2 else { return [] }
        return probed.times.map { Double($0) * parts[0] / parts[1] }
    }
}
