import Foundation
import Testing

@Suite("segmentd synthesize")
struct SynthesizeTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("writes a video and a label for each of its frames, the same every time")
    func labels() throws {
        for name in ["one", "two"] {
            let result = try Program.run(
                "synthesize", "-o", "\(name).mkv", "--labels", name, "--seconds", "0.2", "--seed", "7", "--size",
                "160x96", "--rate", "15", in: folder)
            #expect(result.status == 0, result.summary)
            #expect(result.errors.contains(": 3 frames in "))
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(name)).sorted()
            #expect(names == ["frame_000000.png", "frame_000001.png", "frame_000002.png"])
        }
        for name in ["frame_000000.png", "frame_000002.png"] {
            let one = try Data(contentsOf: folder.url.appending(path: "one/\(name)"))
            #expect(try Data(contentsOf: folder.url.appending(path: "two/\(name)")) == one)
            // A palette PNG: colour type 3, eight bits, 160 by 96.
            #expect(Array(one[16..<26]) == [0, 0, 0, 160, 0, 0, 0, 96, 8, 3])
        }
    }

    @Test("ends at Ctrl-C however long the drive was to be")
    func interrupted() throws {
        let running = try Running(
            ["synthesize", "-o", "long.mkv", "--seconds", "1e12", "--size", "160x96"], in: folder)
        #expect(running.wait { folder.size(".long.mkv.partial-\(running.identifier)") > 0 })
        running.send(2)
        let result = running.wait()
        #expect(result.status == 130, result.summary)
        #expect(folder.names == ["long.mkv"])
    }

    @Test(
        "refuses what makes no drive",
        arguments: [
            ["-o", "x.mkv", "--size", "0x0"], ["-o", "x.mkv", "--seconds", "0"], ["-o", "x.mkv", "--rate", "fast"],
            ["-o", "x.mkv", "--seed", "-1"], ["-o", "folder/"], ["-o", "-"], [],
        ])
    func usage(arguments: [String]) throws {
        let result = try Running(["synthesize"] + arguments, in: folder).wait()
        #expect(result.status == 64, result.summary)
        #expect(folder.names.isEmpty)
    }
}
