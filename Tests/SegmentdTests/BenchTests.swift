import Foundation
import Testing

@Suite("segmentd bench")
struct BenchTests {
    private func bench(_ arguments: [String]) throws -> Program.Result {
        try Running(["bench", "--size", "64x64", "--threads", "1", "--frames", "2"] + arguments).wait()
    }

    private func json(_ arguments: String...) throws -> [String: Any] {
        let result = try bench(arguments + ["--json"])
        try #require(result.status == 0, result.summary)
        return try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
    }

    private func size(_ report: [String: Any]) throws -> [String: Any] {
        try #require((report["sizes"] as? [[String: Any]])?.first)
    }

    @Test("measures the whole network, or the part of it up to a block")
    func until() throws {
        let whole = try json()
        #expect(whole["until"] as? String == "classes")
        let all = try #require(try size(whole)["operations"] as? [[String: Any]])
        #expect(all.contains { $0["block"] as? String == "logits" })
        let part = try json("--until", "stage1")
        #expect(part["until"] as? String == "stage1")
        let some = try #require(try size(part)["operations"] as? [[String: Any]])
        #expect(Set(some.compactMap { $0["block"] as? String }) == ["stem", "pool", "stage1"])
        #expect(!some.isEmpty && some.count < all.count)
    }

    @Test("names the blocks there are where it is asked for another")
    func unknown() throws {
        let result = try bench(["--until", "stage9"])
        #expect(result.status == 64, result.summary)
        #expect(result.lastLine.contains("\"stage9\"") && result.lastLine.contains("vortex, head"), result.summary)
    }
}
