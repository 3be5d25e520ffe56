import Foundation
import Glibc
import Testing

@Suite("segmentd trace")
struct TraceTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func trace(_ arguments: String...) throws -> Program.Result {
        try Running(["trace"] + arguments + ["--size", "64x64", "--threads", "1"], in: folder).wait()
    }

    @Test("writes the blocks that are asked for")
    func blocks() throws {
        let result = try trace("synthetic:size=160x96", "-o", "t.safetensors", "--at", "logits")
        #expect(result.status == 0, result.summary)
        #expect(String(decoding: result.output, as: UTF8.self).hasPrefix("logits"))
        #expect(folder.names == ["t.safetensors"])
    }

    @Test(
        "refuses what it cannot do with the code that fits, and changes nothing",
        arguments: [
            (["drive.mkv", "-o", "drive.mkv"], 64), (["drive.mkv", "-o", "model", "--model", "model"], 64),
            (["drive.mkv", "-o", "t", "--at", "stage9"], 64), (["drive.mkv", "-o", "-"], 64),
            (["drive.mkv", "-o", "away/t"], 73), (["drive.mkv", "-o", "pipe"], 73),
            (["away.safetensors", "-o", "t"], 66), (["drive.mkv", "-o", "t", "--model", "away"], 66),
        ])
    func refused(arguments: [String], status: Int) throws {
        let drive = try Program.run(
            "synthesize", "-o", "drive.mkv", "--seconds", "0.1", "--size", "160x96", in: folder)
        #expect(drive.status == 0, drive.summary)
        try folder.write("precious", to: "model")
        // Stands for a device, which must never be replaced by a file.
        #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
        let sizes = [folder.size("drive.mkv"), folder.size("model")]
        let result = try Running(["trace"] + arguments, in: folder).wait()
        #expect(result.status == Int32(status), result.summary)
        #expect(!result.errors.isEmpty)
        #expect(folder.names == ["drive.mkv", "model", "pipe"])
        var facts = stat()
        #expect(lstat(folder.path("pipe"), &facts) == 0 && facts.st_mode & S_IFMT == S_IFIFO)
        #expect([folder.size("drive.mkv"), folder.size("model")] == sizes)
    }
}
