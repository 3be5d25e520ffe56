import Foundation
import Testing

@Suite("segmentd bench")
struct BenchTests {
    private func bench(_ arguments: [String]) throws -> Program.Result {
        try Running(["bench", "--size", "64x64", "--threads", "1", "--frames", "4"] + arguments).wait()
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
        // Operations of two blocks may have become one.
        let blocks = Set(some.compactMap { $0["block"] as? String })
        #expect(blocks.contains("stage1") && blocks.isSubset(of: ["stem", "pool", "stage1"]))
        #expect(!some.isEmpty && some.count < all.count)
    }

    @Test("names the blocks there are where it is asked for another")
    func unknown() throws {
        let result = try bench(["--until", "stage9"])
        #expect(result.status == 64, result.summary)
        #expect(result.lastLine.contains("\"stage9\"") && result.lastLine.contains("vortex, head"), result.summary)
    }

    @Test("compares itself with this machine's multiplication of matrices, measured in the same run")
    func sgemm() throws {
        let found = try size(try json())
        guard let sgemm = found["sgemm"] as? [String: Any] else {
            // Without OpenBLAS it says so and goes on.
            #expect(try bench([]).errors.contains("OpenBLAS"))
            return
        }
        let rate = try #require(sgemm["gflops"] as? Double)
        let mean = try #require(sgemm["mean_gflops"] as? Double)
        let best = try #require(sgemm["best_gflops"] as? Double)
        let fraction = try #require(found["sgemm_fraction"] as? Double)
        // Before and after each of two groups of two pictures.
        #expect(rate > 0 && rate <= best && sgemm["side"] as? Int == 2_048 && sgemm["repetitions"] as? Int == 3)
        let executed = try #require(found["executed_multiply_accumulates"] as? Double)
        let fastest = try #require(found["min_ms"] as? Double)
        let bestFraction = try #require(found["best_sgemm_fraction"] as? Double)
        #expect(fraction > 0 && abs(bestFraction - 2e-6 * executed / fastest / best) < 1e-9)
        let operations = try #require(found["operations"] as? [[String: Any]])
        for operation in operations {
            let (own, part) = (operation["gflops"] as? Double ?? -1, operation["sgemm_fraction"] as? Double ?? -1)
            #expect(abs(part - own / mean) < 1e-9)
        }
    }

    @Test("leaves the matrices out where it is told to, and says what it measured")
    func report() throws {
        let found = try size(try json("--no-sgemm"))
        #expect(found["sgemm"] == nil && found["sgemm_fraction"] == nil)
        func number(_ key: String) -> Double { (found[key] as? NSNumber)?.doubleValue ?? -1 }
        let ranks = ["min_ms", "p50_ms", "p90_ms", "p99_ms", "max_ms"].map(number)
        #expect(ranks == ranks.sorted() && ranks[0] > 0)
        #expect(number("engine_bytes") == number("arena_bytes") + number("weight_bytes"))
        #expect(number("arena_bytes") > 0 && number("weight_bytes") > 1e6)
        #expect(number("peak_rss_bytes") > number("engine_bytes"))
        // Nobody counts malloc here, and nothing is made up.
        #expect(found["heap_allocations"] == nil)
        let (executed, defined) = (
            number("executed_multiply_accumulates"), number("specification_multiply_accumulates")
        )
        #expect(executed > 0 && 2 * executed < defined)
        #expect(abs(number("gflops") - 2e-6 * executed / ranks[1]) < 1e-6 * number("gflops"))
        let operations = try #require(found["operations"] as? [[String: Any]])
        let blocks = try #require(found["blocks"] as? [[String: Any]])
        for key in ["ms", "share", "multiply_accumulates", "bytes"] {
            let (all, byBlock) = (
                operations.reduce(0) { $0 + (($1[key] as? NSNumber)?.doubleValue ?? -1) },
                blocks.reduce(0) { $0 + (($1[key] as? NSNumber)?.doubleValue ?? -1) }
            )
            #expect(all > 0 && abs(all - byBlock) <= 1e-9 * all, "\(key)")
            if key == "multiply_accumulates" { #expect(all == executed) }
        }
    }

    @Test("says in words what it measured, and at every size that is asked for")
    func words() throws {
        let result = try bench(["--size", "32x64", "--no-sgemm"])
        let text = String(decoding: result.output, as: UTF8.self)
        #expect(result.status == 0, result.summary)
        for word in ["64x64: min", "32x64: min", "engine memory", "G executed", "stage2.3.fuse", "not counted"] {
            #expect(text.contains(word), "\(word)")
        }
    }

    #if arch(x86_64)
        @Test("warns where OpenBLAS runs kernels for a lesser processor")
        func fallback() throws {
            let result = try Running(
                ["bench", "--size", "32x32", "--frames", "1", "--threads", "1"],
                environment: ["OPENBLAS_CORETYPE": "Prescott"]
            ).wait()
            #expect(result.status == 0, result.summary)
            // Only where there are better ones, and an OpenBLAS that knows Prescott.
            if String(decoding: result.output, as: UTF8.self).contains("OpenBLAS Prescott") {
                #expect(result.errors.contains("warning: OpenBLAS runs its kernels for Prescott"), result.summary)
            }
        }
    #endif

    @Test("refuses what makes no sense")
    func refused() throws {
        #expect(try bench(["--figure5"]).status == 64)
        #expect(try Program.run("bench", "--frames", "0").status == 64)
        #expect(try Program.run("bench", "--size", "90x64").status == 64)
    }

    @Test("measures the whole way from decoded pictures to readers, stage by stage, and leaves nothing behind")
    func pipeline() throws {
        let folder = try TemporaryFolder()
        let result = try Running(
            [
                "bench", "--pipeline", "--json", "--size", "64x96", "--source", "90x160", "--threads", "2", "--frames",
                "4",
            ], environment: ["TMPDIR": folder.path("")]
        ).wait()
        try #require(result.status == 0, result.summary)
        let found = try #require(try JSONSerialization.jsonObject(with: result.output) as? [String: Any])
        let stages = try #require(found["stages"] as? [[String: Any]])
        let names = stages.compactMap { $0["name"] as? String }
        for name in ["scale and convert", "network", "argmax", "paint", "socket"] {
            #expect(names.contains(name), "\(names)")
        }
        let shares = stages.compactMap { $0["share"] as? Double }
        #expect(shares.count == stages.count && abs(shares.reduce(0, +) - 1) < 1e-9)
        let network = stages.filter { $0["network"] as? Bool == true }.compactMap { $0["share"] as? Double }
        #expect(network.count == 1 && abs(network[0] + (found["outside_share"] as? Double ?? -1) - 1) < 1e-9)
        #expect(stages.allSatisfy { ($0["p50_ms"] as? Double ?? -1) > 0 })
        // The ids and three planes of colours.
        #expect(found["socket_bytes"] as? Int == 4 * 64 * 96 && found["frames"] as? Int == 4)
        #expect(folder.names.isEmpty, "\(folder.names)")
    }

    @Test("says in words where the time of a picture goes")
    func pipelineWords() throws {
        let result = try bench(["--pipeline", "--source", "90x160"])
        let text = String(decoding: result.output, as: UTF8.self)
        #expect(result.status == 0, result.summary)
        #expect(text.contains("90x160 yuv420p to 64x64, 1 thread") && text.contains("all but the network"))
        for arguments in [["--pipeline", "--until", "stem"], ["--pipeline", "--size", "32x32"], ["--source", "9x9"]] {
            #expect(try bench(arguments).status == 64, "\(arguments)")
        }
    }
}
