import Foundation
import Glibc
import Imaging
import MediaIO
import Synchronization
import Testing

@testable import MaskOutput

@Suite("What a recording decides")
struct RecordingDecisionTests {
    @Test("Names tell the time of the first frame in UTC, sort by it, and are recognized")
    func names() throws {
        let name = RecordingName(path: "/var/lib/segmentd/front.mkv")
        let file = name.file(began: 1_795_422_615_250_999_999)
        #expect(file.finished == "/var/lib/segmentd/front_20261123T083015.250Z.mkv")
        #expect(file.unfinished == "/var/lib/segmentd/front_20261123T083015.250Z.unfinished.mkv")
        #expect(file.index == "/var/lib/segmentd/front_20261123T083015.250Z.mkv.jsonl")
        let finished = try #require(name.recognize("front_20261123T083015.250Z.mkv"))
        #expect(finished.file == file && finished.isFinished)
        let unfinished = try #require(name.recognize("front_20261123T083015.250Z.unfinished.mkv"))
        #expect(unfinished.file == file && !unfinished.isFinished)
        for other in [
            "front.mkv", "front_.mkv", "front_20261123T083015.250Z.mp4", "front_20261123T083015.250Z.mkv.jsonl",
            "front_2_20261123T083015.250Z.mkv", "front_20261123T083015.250.mkv", "front_20261123T0830I5.250Z.mkv",
            ".mkv",
            "front_20261123T083015.250Z.whole.mkv", "xfront_20261123T083015.250Z.mkv", "front_.unfinished.mkv",
        ] {
            #expect(name.recognize(other) == nil, "\(other)")
        }
        #expect(RecordingName(path: "front.mkv").file(began: 0).finished == "./front_19700101T000000.000Z.mkv")
        #expect(RecordingName(path: "/front.mkv").file(began: 0).finished == "/front_19700101T000000.000Z.mkv")
    }

    @Test("A new file is due by time, by size, or at a quarter of the quota")
    func rotation() {
        let limits = RecordingLimits(rotateSeconds: 60, rotateBytes: 1000, quotaBytes: 2000)
        #expect(!limits.isRotationDue(seconds: 59.9, bytes: 499))
        #expect(limits.isRotationDue(seconds: 60, bytes: 0))
        #expect(limits.isRotationDue(seconds: 0, bytes: 500))
        #expect(RecordingLimits(rotateBytes: 1000).isRotationDue(seconds: 0, bytes: 1000))
        #expect(!RecordingLimits(rotateSeconds: nil).isRotationDue(seconds: 1e9, bytes: .max))
    }

    @Test("The oldest files go for the quota, and no more than need be")
    func quota() {
        let limits = RecordingLimits(quotaBytes: 100)
        #expect(limits.surplus([30, 30, 30], current: 10) == 0)
        #expect(limits.surplus([30, 30, 30], current: 11) == 1)
        #expect(limits.surplus([30, 30, 30], current: 65) == 2)
        #expect(limits.surplus([30, 30, 30], current: 500) == 3)
        #expect(limits.surplus([], current: 500) == 0)
        #expect(RecordingLimits().surplus([.max / 4, .max / 4], current: 5) == 0)
    }

    @Test("After a full disk it takes more room to begin again than to go on")
    func room() {
        let limits = RecordingLimits(minimumFreeBytes: 100_000_000)
        #expect(limits.hasRoom(free: 100_000_000, isRecording: true))
        #expect(!limits.hasRoom(free: 99_999_999, isRecording: true))
        #expect(!limits.hasRoom(free: 140_999_999, isRecording: false))
        #expect(limits.hasRoom(free: 141_000_000, isRecording: false))
    }
}

/// A clock that stands still until it is told to go on.
private final class ManualClock: FrameClock {
    private let now = Mutex<UInt64>(5_000_000_000)
    var monotonicNanoseconds: UInt64 { now.withLock { $0 } }
    var epochNanoseconds: Int64 { 1_795_422_615_000_000_000 + Int64(monotonicNanoseconds) }
    func advance(milliseconds: UInt64) { now.withLock { $0 += milliseconds * 1_000_000 } }
}

@Suite("A recording", .enabled(if: ExternalTool.hasFFmpeg, "skipped: ffmpeg and ffprobe are not installed"))
struct RotatingRecordingTests {
    private let folder: TemporaryFolder
    private let clock = ManualClock()
    private static let size = ImageSize(height: 90, width: 160)

    init() throws { folder = try TemporaryFolder() }

    /// A recording that is fed frame by frame, each taken before the next comes.
    private final class Feed {
        let recording: RotatingRecording
        let events = Events()
        private let clock: ManualClock
        private(set) var sequence: UInt64 = 0

        final class Events: Sendable {
            let all = Mutex<[RecordingEvent]>([])
            var stops: Int {
                all.withLock { $0.filter { if case .stopped = $0 { true } else { false } }.count }
            }
        }

        init(_ path: String, style: OutputStyle = .overlay, limits: RecordingLimits, clock: ManualClock) throws {
            self.clock = clock
            var options = OutputOptions()
            options.threads = 1
            recording = try RotatingRecording(path: path, style: style, options: options, limits: limits, clock: clock)
            recording.observe { [events] event in events.all.withLock { $0.append(event) } }
            recording.begin(
                stream: Made.stream(RotatingRecordingTests.size).read(asLive: true),
                maskSize: RotatingRecordingTests.size,
                labels: Made.labels)
        }

        /// So many frames, one every so many milliseconds.
        func write(
            _ count: Int, every milliseconds: UInt64 = 40, size: ImageSize = RotatingRecordingTests.size,
            noisy: Bool = false
        ) {
            for _ in 0..<count {
                let stamp = FrameStamp(
                    camera: "front", sequence: sequence, mediaTime: nil,
                    capture: CaptureTime(
                        epochNanoseconds: clock.epochNanoseconds, monotonicNanoseconds: clock.monotonicNanoseconds,
                        origin: .arrival))
                let seed = noisy ? Int.random(in: 0..<1_000_000) : Int(sequence)
                let picture =
                    noisy
                    ? Picture.made(size, .yuv420p, padding: 0) { _, _, _ in UInt8.random(in: 16...235) }
                    : Made.ramp(size, seed: seed)
                var mask = Made.mask(Made.street(RotatingRecordingTests.size), source: size, stamp: stamp)
                mask.stages[.publish].began = clock.monotonicNanoseconds + 7_000_000
                recording.write(mask, of: Frame(stamp: stamp, picture: picture), dropped: 0)
                wait()
                sequence += 1
                clock.advance(milliseconds: milliseconds)
            }
        }

        /// Waits for the recording's queue.
        private func wait() {
            let taken = recording.snapshot.frames + recording.snapshot.dropped
            for _ in 0..<20_000 where taken <= sequence {
                if recording.snapshot.frames + recording.snapshot.dropped > sequence { return }
                usleep(500)
            }
        }
    }

    private func videos(_ suffix: String = ".mkv") -> [String] {
        folder.contents.filter { $0.hasSuffix(suffix) && !$0.contains("unfinished") }.sorted()
    }

    private func index(_ video: String) throws -> [[String: Any]] {
        let text = try String(contentsOfFile: folder("\(video).jsonl"), encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }

    /// The times of the frames in a file as ffprobe finds them, in milliseconds.
    private func times(_ video: String) throws -> [Int] {
        let probe = try #require(ExternalTool("ffprobe"))
        let result = try probe.run([
            "-v", "error", "-select_streams", "v", "-show_entries", "frame=best_effort_timestamp_time", "-of",
            "csv=p=0",
            folder(video),
        ])
        #expect(result.errors.isEmpty, "\(video): \(result.errors)")
        return result.lines.compactMap { Double($0.split(separator: ",").first ?? "") }.map {
            Int(($0 * 1000).rounded())
        }
    }

    @Test("begins a new file by time, each whole and playable, with a line for every frame", arguments: ["mkv", "mp4"])
    func rotation(name: String) throws {
        let feed = try Feed(
            folder("front.\(name)"), limits: RecordingLimits(rotateSeconds: 2, minimumFreeBytes: 0), clock: clock)
        feed.write(130)
        try feed.recording.finish()
        let videos = videos(".\(name)")
        #expect(videos.count == 3)
        #expect(folder.contents.count == 6, "\(folder.contents)")
        var sequences: [Int] = []
        for video in videos {
            let times = try times(video)
            let lines = try index(video)
            #expect(times.count == lines.count && times.first == 0)
            #expect(zip(times, lines).allSatisfy { abs(Double($0) - ($1["pts_s"] as? Double ?? -1) * 1000) <= 1 })
            #expect(lines.allSatisfy { $0["age_us"] as? Int == 7000 && $0["flags"] as? String == "0" })
            sequences += lines.compactMap { $0["sequence"] as? Int }
        }
        #expect(sequences == Array(0..<130))
        #expect(feed.recording.snapshot.state == .ended && feed.recording.snapshot.finished == 3)
    }

    @Test("begins a new file when the picture changes its size")
    func sizeChange() throws {
        let feed = try Feed(folder("front.mkv"), limits: RecordingLimits(minimumFreeBytes: 0), clock: clock)
        feed.write(5)
        feed.write(5, size: ImageSize(height: 120, width: 200))
        try feed.recording.finish()
        let sizes = try videos().map { try ExternalTool.probe(folder($0)).fields["width"] }
        #expect(sizes == ["160", "200"])
    }

    @Test("removes its oldest files for the quota, and nobody else's")
    func quota() throws {
        for other in ["rear_20200101T000000.000Z.mkv", "front_notes.mkv", "front.mkv"] {
            try Data("mine".utf8).write(to: URL(fileURLWithPath: folder(other)))
        }
        let size = ImageSize(height: 240, width: 320)
        let feed = try Feed(
            folder("front.mkv"),
            limits: RecordingLimits(rotateBytes: 400_000, quotaBytes: 2_000_000, minimumFreeBytes: 0), clock: clock)
        feed.write(150, every: 100, size: size, noisy: true)
        try feed.recording.finish()
        let snapshot = feed.recording.snapshot
        #expect(snapshot.removed > 0 && snapshot.finished > snapshot.removed)
        let mine = folder.contents.filter { $0.hasPrefix("front_2026") }
        let bytes = mine.reduce(0) { $0 + RecordingFolder.bytes(folder($1)) }
        // What came after the last look, once a second, may lie above it.
        #expect(bytes <= 2_400_000 && bytes > 1_000_000, "\(bytes)")
        #expect(mine.filter { $0.hasSuffix(".mkv") }.count == mine.filter { $0.hasSuffix(".jsonl") }.count)
        for other in ["rear_20200101T000000.000Z.mkv", "front_notes.mkv", "front.mkv"] {
            #expect(folder.contents.contains(other))
        }
        for video in videos() where video.hasPrefix("front_2026") { #expect(try !times(video).isEmpty) }
    }

    @Test("stops where there is too little room, with its file whole, and says why at the end")
    func noRoom() throws {
        let feed = try Feed(folder("front.mkv"), limits: RecordingLimits(minimumFreeBytes: .max / 4), clock: clock)
        feed.write(100)
        #expect(feed.recording.snapshot.state == .diskFull)
        #expect(feed.recording.snapshot.dropped == 100 && feed.events.stops == 1)
        #expect(throws: NoRoom.self) { try feed.recording.finish() }
        #expect(folder.contents.isEmpty)
    }

    @Test("goes on when its folder comes back, as a disk that is plugged in again")
    func folderReturns() throws {
        let path = folder("disk/front.mkv")
        let feed = try Feed(path, limits: RecordingLimits(minimumFreeBytes: 0), clock: clock)
        feed.write(10)
        #expect(feed.recording.snapshot.state == .failed && feed.events.stops == 1)
        try FileManager.default.createDirectory(atPath: folder("disk"), withIntermediateDirectories: false)
        clock.advance(milliseconds: 3000)
        feed.write(10)
        #expect(feed.recording.snapshot.state == .recording && feed.recording.snapshot.frames == 10)
        try feed.recording.finish()
    }

    @Test("keeps what a process left behind when it died, but not what one still writes")
    func recovery() throws {
        let limits = RecordingLimits(minimumFreeBytes: 0)
        let dead = folder("front_20200101T000000.000Z.unfinished.mkv")
        try Data("film".utf8).write(to: URL(fileURLWithPath: dead))
        try Data("{}\n".utf8).write(to: URL(fileURLWithPath: folder("front_20200101T000000.000Z.mkv.jsonl")))
        try Data().write(to: URL(fileURLWithPath: folder("front_20200102T000000.000Z.unfinished.mkv")))
        let first = try Feed(folder("front.mkv"), limits: limits, clock: clock)
        first.write(40)
        let second = try Feed(folder("front.mkv"), limits: limits, clock: clock)
        second.write(40)
        #expect(folder.contents.filter { $0.contains("unfinished") }.count == 2)
        #expect(folder.contents.contains("front_20200101T000000.000Z.mkv"))
        #expect(!folder.contents.contains { $0.hasPrefix("front_20200102") })
        try first.recording.finish()
        try second.recording.finish()
        #expect(videos().count == 3)
    }

    @Test("is playable on the disk a second later, before it is finished", arguments: ["mkv", "mp4"])
    func recoverable(name: String) throws {
        let feed = try Feed(folder("front.\(name)"), limits: RecordingLimits(minimumFreeBytes: 0), clock: clock)
        feed.write(60)
        let file = try #require(folder.contents.first { $0.contains(".unfinished.") })
        // A copy is what a disk has after the power went.
        try FileManager.default.copyItem(atPath: folder(file), toPath: folder("copy.\(name)"))
        let times = try times("copy.\(name)")
        #expect(times.count >= 50 && times == times.sorted() && times.first == 0)
        try feed.recording.finish()
    }

    @Test("survives a disk that really fills up, with what was written whole, and goes on when there is room")
    func fullDisk() throws {
        let disk = folder("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
        guard mount("segmentd", disk, "tmpfs", 0, "size=3m") == 0 else {
            print("skipped: this user may not mount a tmpfs")
            return
        }
        defer { umount2(disk, Int32(MNT_DETACH)) }
        let feed = try Feed(disk + "/front.mkv", limits: RecordingLimits(minimumFreeBytes: 0), clock: clock)
        let size = ImageSize(height: 240, width: 320)
        feed.write(200, every: 20, size: size, noisy: true)
        let snapshot = feed.recording.snapshot
        #expect(snapshot.state == .diskFull && snapshot.frames > 10 && feed.events.stops == 1, "\(snapshot)")
        let left = try FileManager.default.contentsOfDirectory(atPath: disk).sorted()
        #expect(left.count == 2 && !left.contains { $0.contains("unfinished") }, "\(left)")
        let video = try #require(left.first { $0.hasSuffix(".mkv") })
        #expect(try times("disk/\(video)").count > 10)
        #expect(mount("segmentd", disk, "tmpfs", UInt(MS_REMOUNT), "size=64m") == 0)
        clock.advance(milliseconds: 3000)
        feed.write(30, every: 100, size: size)
        #expect(feed.recording.snapshot.state == .recording)
        try feed.recording.finish()
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk).filter { $0.hasSuffix(".mkv") }.count == 2)
    }

    @Test("refuses what is not playable before it is whole, and what cannot hold ids")
    func names() {
        for name in ["out.avi", "out.framemd5", "out.y4m", "out.png", "out", ".mkv"] {
            #expect(throws: OutputError.self, "\(name)") { try RotatingRecording(path: folder(name), style: .overlay) }
        }
        #expect(throws: EncodeError.self) { try RotatingRecording(path: folder("out.mp4"), style: .ids) }
        let long = folder(String(repeating: "x", count: 220) + ".mkv")
        #expect(throws: EncodeError.cannotCreate(path: long, errno: ENAMETOOLONG)) {
            try RotatingRecording(path: long, style: .overlay)
        }
        #expect(throws: Never.self) {
            try RotatingRecording(path: folder(String(repeating: "x", count: 200) + ".mkv"), style: .overlay)
        }
    }
}
