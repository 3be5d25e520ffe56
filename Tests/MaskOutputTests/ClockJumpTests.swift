import Foundation
import Imaging
import MaskOutput
import MediaIO
import Testing

/// Inputs whose clock jumps, in every container that has times.
@Suite(.enabled(if: ExternalTool.hasFFmpeg, "skipped: ffmpeg and ffprobe are not installed"))
struct ClockJumpTests {
    private static let size = ImageSize(height: 48, width: 64)
    private static let containers = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "nut"]

    /// Seconds of the frames that ffprobe finds.
    private func seconds(_ path: String) throws -> [Double] {
        let found = try ExternalTool.probe(path)
        let parts = (found.fields["time_base"] ?? "").split(separator: "/").compactMap { Double($0) }
        guard parts.count == 2 else { return [] }
        return found.times.map { Double($0) * parts[0] / parts[1] }
    }

    private func write(
        _ times: [Int64], to path: String, timeBase: Rational = Rational(1, 90_000), isExact: Bool = false
    ) throws -> [String] {
        var options = OutputOptions()
        options.keepsExactTimes = isExact
        let sink = VideoSink(path: path, style: .overlay, options: options)
        try sink.begin(
            stream: Made.stream(Self.size, rate: Rational(25, 1), timeBase: timeBase), maskSize: Self.size,
            labels: Made.labels)
        let duration = timeBase.isPositive ? Int64((0.04 / timeBase.value).rounded()) : 0
        for (index, time) in times.enumerated() {
            let stamp = Made.stamp(UInt64(index), pts: time, timeBase: timeBase, duration: duration)
            try sink.write(
                Made.mask(Made.street(Self.size), stamp: stamp),
                of: Frame(stamp: stamp, picture: Made.ramp(Self.size, seed: index)), dropped: 0)
        }
        try sink.finish()
        return sink.remarks
    }

    /// Three pieces of ten frames: the second begins hours after the first, the third long before it.
    private static let spliced = [3_240_126_000, 9_999_000_000, 1_000].flatMap { begin in
        (0..<10).map { Int64(begin + $0 * 3600) }
    }

    @Test("After a jump of the clock a video goes on at its frame rate, from 0 on", arguments: containers)
    func jumps(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        let remarks = try write(Self.spliced, to: path)
        let found = try seconds(path)
        #expect(found.count == 30)
        for (index, time) in found.enumerated() { #expect(abs(time - Double(index) * 0.04) < 0.0011, "\(found)") }
        #expect(remarks.contains { $0.contains("jumped 2 times") && $0.contains("--exact-times") }, "\(remarks)")
        #expect(remarks.contains { $0.contains("begins at 36001.4 s") }, "\(remarks)")
    }

    @Test("A pause keeps its length, and is no jump", arguments: containers, [2, 9])
    func pauses(name: String, pause: Int64) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        let times = (0..<20).map { Int64($0) * 3600 + ($0 < 10 ? 0 : pause * 90_000) }
        #expect(try write(times, to: path).isEmpty)
        let found = try seconds(path)
        #expect(found.count == 20 && abs((found.last ?? 0) - Double(pause) - 0.76) < 0.0011, "\(found)")
    }

    @Test("Exact times are kept where a container has them", arguments: ["mp4", "mov", "mkv", "webm", "nut"])
    func exact(name: String) throws {
        let folder = try TemporaryFolder()
        let path = folder("out.\(name)")
        // Ten hours and 1.4 s after 0; later on a hole of two hours.
        let times = (0..<20).map { Int64(3_240_126_000) + Int64($0) * 3600 + ($0 < 10 ? 0 : 648_000_000) }
        #expect(try write(times, to: path, isExact: true).isEmpty)
        for (found, wanted) in zip(try seconds(path), times) {
            #expect(abs(found - Double(wanted) / 90_000) < 0.0011)
        }
    }

    @Test("A step that MP4 cannot hold is told, not squeezed together with all that follows")
    func longStep() throws {
        let folder = try TemporaryFolder()
        let times = (0..<20).map { Int64($0) * 3600 + ($0 < 10 ? 0 : 9_000_000_000) }
        let remarks = try write(times, to: folder("out.mp4"), isExact: true)
        #expect(remarks.contains { $0.contains("jumped once") }, "\(remarks)")
        let found = try seconds(folder("out.mp4"))
        #expect(abs((found.last ?? 0) - 19 * 0.04) < 0.0011, "\(found)")
    }

    @Test("Time stamps of a nanosecond's precision do not squeeze a pause in MP4")
    func nanoseconds() throws {
        let folder = try TemporaryFolder()
        let times = (0..<20).map { Int64($0) * 40_000_000 + ($0 < 10 ? 0 : 5_000_000_000) }
        #expect(try write(times, to: folder("out.mp4"), timeBase: Rational(1, 1_000_000_000)).isEmpty)
        let found = try seconds(folder("out.mp4"))
        #expect(found.count == 20 && abs((found.last ?? 0) - 5.76) < 0.0011, "\(found)")
    }

    @Test("Exact times are refused before the work where an output has none", arguments: ["avi", "y4m", "png"])
    func refused(name: String) {
        var options = OutputOptions()
        options.keepsExactTimes = true
        #expect { try MaskSinks.make(output: "out.\(name)", options: options) } throws: {
            "\($0)".contains("exact times") && "\($0)".contains(".mkv")
        }
    }

    @Test("The recording of a file whose clock jumps keeps its pace", arguments: ["mkv", "mp4", "mov", "webm"])
    func recording(name: String) throws {
        let folder = try TemporaryFolder()
        let recording = try RotatingRecording(
            path: folder("front.\(name)"), style: .overlay, limits: RecordingLimits(minimumFreeBytes: 0))
        let jumps = Jumps()
        recording.observe { event in if case .clockJumped(_, let count) = event { jumps.add(count) } }
        recording.begin(
            stream: Made.stream(Self.size, rate: Rational(25, 1), timeBase: Rational(1, 90_000)), maskSize: Self.size,
            labels: Made.labels)
        for (index, time) in Self.spliced.enumerated() {
            let stamp = Made.stamp(UInt64(index), pts: time, timeBase: Rational(1, 90_000), duration: 3600)
            recording.write(
                Made.mask(Made.street(Self.size), stamp: stamp),
                of: Frame(stamp: stamp, picture: Made.ramp(Self.size, seed: index)), dropped: 0)
        }
        try recording.finish()
        let file = try #require(folder.contents.first { $0.hasSuffix(".\(name)") })
        let found = try seconds(folder(file))
        #expect(found.count == 30 && abs((found.last ?? 0) - 29 * 0.04) < 0.0011, "\(found)")
        #expect(jumps.count == 2)
    }

    private final class Jumps: @unchecked Sendable {
        private(set) var count = 0
        func add(_ more: Int) { count += more }
    }
}
