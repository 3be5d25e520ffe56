import CAllocationCounter
import Foundation
import Glibc
import Testing

/// Few threads and little memory: one sentence and a status of sysexits.h, and never a hang.
@Suite(.serialized) struct LimitTests {
    private static let osError: Int32 = 71
    private static let cgroup = "/sys/fs/cgroup/pids"
    private static let mayLimitThreads = access(cgroup + "/tasks", W_OK) == 0

    private static func shell(_ script: String, in folder: TemporaryFolder) throws -> Running {
        try Running(
            ["-c", script], in: folder, environment: ["SEGMENTD": Program.url.path(percentEncoded: false)],
            program: URL(filePath: "/bin/sh"))
    }

    /// Waits for its end, at most a minute: what hangs is killed, and fails the test.
    private static func end(of running: Running) -> Program.Result {
        let deadline = ContinuousClock.now + .seconds(60)
        while running.isRunning, ContinuousClock.now < deadline { usleep(20_000) }
        #expect(!running.isRunning, "it hangs: \(running.errors)")
        running.send(SIGKILL)
        return running.wait()
    }

    private static func withThreads(
        _ count: Int, _ command: String, in folder: TemporaryFolder
    ) throws -> Program.Result {
        let group = "\(cgroup)/segmentd-test-\(getpid())-\(count)"
        try FileManager.default.createDirectory(atPath: group, withIntermediateDirectories: true)
        defer { rmdir(group) }
        try "\(count)".write(toFile: group + "/pids.max", atomically: false, encoding: .utf8)
        return end(
            of: try shell("echo $$ >\(group)/cgroup.procs && exec \"$SEGMENTD\" \(command)", in: folder))
    }

    private static func configuration(_ folder: TemporaryFolder) throws {
        try folder.write(
            """
            size: 64x64
            sockets: { directory: \(folder.path("sockets")) }
            cameras: [{ name: front, source: "synthetic:seed=7,seconds=1,size=160x96" }]
            """, to: "c.yaml")
    }

    @Test(.enabled(if: mayLimitThreads, "needs a pids cgroup that may be changed"), arguments: 1...9)
    func segmentWithFewThreadsWorksOrSaysWhatIsMissing(count: Int) throws {
        let folder = try TemporaryFolder()
        let result = try Self.withThreads(
            count, "segment synthetic:seconds=0.2,size=160x96 --size 64x64 --threads 2 -o null:", in: folder)
        #expect(result.status == (count < 8 ? Self.osError : 0), result.summary)
        if count < 8 { #expect(result.errors.contains("cannot start a thread for"), result.summary) }
    }

    @Test(.enabled(if: mayLimitThreads, "needs a pids cgroup that may be changed"), arguments: 8...20)
    func aCodecWithoutItsThreadsSaysWhatIsMissing(count: Int) throws {
        let folder = try TemporaryFolder()
        let made = try Program.run("synthesize", "-o", "drive.mp4", "--seconds", "0.3", "--size", "96x160", in: folder)
        try #require(made.status == 0, made.summary)
        let result = try Self.withThreads(
            count, "segment drive.mp4 --size 64x64 --threads 2 -o a.mp4", in: folder)
        #expect([0, Self.osError].contains(result.status), result.summary)
        if result.status != 0 { #expect(result.lastLine.contains("cannot start"), result.summary) }
        if count == 20 { #expect(result.status == 0, result.summary) }
    }

    @Test(.enabled(if: mayLimitThreads, "needs a pids cgroup that may be changed"), arguments: [1, 2, 4, 6, 9, 12, 60])
    func runWithFewThreadsWorksOrSaysWhatIsMissing(count: Int) throws {
        let folder = try TemporaryFolder()
        try Self.configuration(folder)
        let result = try Self.withThreads(count, "run -c c.yaml", in: folder)
        #expect(result.status == (count < 60 ? Self.osError : 0), result.summary)
        if count < 60 { #expect(result.errors.contains("pids.max"), result.summary) }
    }

    @Test(
        .enabled(if: allocation_is_sanitized() == 0, "skipped: a sanitizer reserves terabytes of address space"),
        arguments: Array(stride(from: 300_000, through: 1_000_000, by: 50_000)))
    func littleAddressSpaceIsNeverAHang(kibibytes: Int) throws {
        let folder = try TemporaryFolder()
        try Self.configuration(folder)
        for command in ["segment synthetic:seconds=0.2 --size 64x64 --threads 2 -o a.mp4", "run -c c.yaml"] {
            let result = Self.end(
                of: try Self.shell("ulimit -v \(kibibytes); exec \"$SEGMENTD\" \(command)", in: folder))
            // 127: the dynamic linker had no room for the libraries.
            #expect([0, Self.osError, 127].contains(result.status), result.summary)
            if result.status == Self.osError {
                #expect(result.lastLine.contains("allow more"), result.summary)
                #expect(result.lastLine.contains("ulimit -v"), result.summary)
            }
        }
    }

    @Test func aCommandThatCannotEndByItselfIsEndedAfterTheFirstSignal() throws {
        let folder = try TemporaryFolder()
        // Nobody reads the pipe, so the write of a frame never returns.
        let running = try Self.shell(
            "mkfifo pipe; exec 3<>pipe; exec \"$SEGMENTD\" segment synthetic:size=640x480 --size 64x64 -o - >pipe",
            in: folder)
        usleep(3_000_000)
        running.send(SIGTERM)
        let result = Self.end(of: running)
        #expect(result.status == 70, result.summary)
        #expect(result.lastLine.contains("stopping took longer than 10 s"), result.summary)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP]) func aCommandThatTakesNoSignalsDiesOfThem(signal: Int32) throws {
        let running = try Running(["bench", "--frames", "100000", "--no-sgemm"])
        usleep(1_500_000)
        running.send(signal)
        let result = Self.end(of: running)
        #expect(result.status == -signal, result.summary)
    }
}
