import Foundation
import Testing

@Suite("segmentd describe")
struct DescribeTests {
    private struct Description: Decodable {
        struct Amount: Decodable, Equatable {
            let operations: Int
            let multiplyAccumulates: Int
            let bytesRead: Int
            let bytesWritten: Int
            var bytes: Int { bytesRead + bytesWritten }
        }

        struct Block: Decodable {
            let block: String
            let specification: Amount
            let compiled: Amount
        }

        struct Pass: Decodable {
            let name: String
            let after: Amount
        }

        struct Operation: Decodable {
            let kind: String
            let inputs: [[Int]]
            let output: [Int]
            let multiplyAccumulates: Int
            let bytes: Int
        }

        let threads: Int
        let instructionSet: String
        let specification: Amount
        let compiled: Amount
        let blocks: [Block]
        let passes: [Pass]
        let operations: [Operation]
        let arenaBytes: Int
        let weightBytes: Int
        let engineBytes: Int
    }

    private func describe(_ arguments: String...) throws -> Program.Result {
        try Running(["describe"] + arguments).wait()
    }

    private func compiled(_ arguments: String..., size: String = "96x160") throws -> Description {
        let result = try Running(["describe", "--compiled", "--json", "--size", size] + arguments).wait()
        try #require(result.status == 0, result.summary)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Description.self, from: result.output)
    }

    @Test("prints Table II without being told more")
    func table() throws {
        let text = String(decoding: try describe("--variant", "efficient").output, as: UTF8.self)
        #expect(text.contains("vortex      256, 48, 64") && text.contains("20.8"))
    }

    @Test("prints the terms of the model, and none for a configuration without a model")
    func terms() throws {
        let text = String(decoding: try describe().output, as: UTF8.self)
        #expect(text.contains("license: research use only, not commercial: trained on CamVid (CC BY-NC 4.0)"))
        let json = String(decoding: try describe("--json").output, as: UTF8.self)
        #expect(json.contains("\"license\" : \"research use only"))
        let configuration = String(decoding: try describe("--configuration", "plain").output, as: UTF8.self)
        #expect(!configuration.contains("license"))
    }

    @Test("tells of the compiled network what it was, what it is and what it takes, and the sums are right")
    func sums() throws {
        let found = try compiled("--threads", "2")
        #expect(found.threads == 2 && found.engineBytes == found.arenaBytes + found.weightBytes)
        for (whole, parts) in [
            (found.specification, found.blocks.map(\.specification)), (found.compiled, found.blocks.map(\.compiled)),
        ] {
            #expect(whole.operations == parts.reduce(0) { $0 + $1.operations })
            #expect(whole.multiplyAccumulates == parts.reduce(0) { $0 + $1.multiplyAccumulates })
            #expect(whole.bytes == parts.reduce(0) { $0 + $1.bytes })
        }
        #expect(found.passes.last?.after == found.compiled && found.passes.first?.after != found.compiled)
        #expect(found.operations.count == found.compiled.operations)
        #expect(found.operations.reduce(0) { $0 + $1.multiplyAccumulates } == found.compiled.multiplyAccumulates)
        #expect(found.operations.reduce(0) { $0 + $1.bytes } == found.compiled.bytes)
        #expect(found.operations.first?.inputs == [[3, 96, 160]] && found.operations.last?.output == [1, 96, 160])
    }

    @Test("shows that the passes leave half of the work, a fifth of the bytes, and nothing that only copies")
    func less() throws {
        let found = try compiled(size: "768x1024")
        #expect(2 * found.compiled.multiplyAccumulates < found.specification.multiplyAccumulates)
        #expect(5 * found.compiled.bytes < found.specification.bytes)
        #expect(
            found.operations.allSatisfy { !["concat", "slice", "shuffle", "batch norm", "relu"].contains($0.kind) })
        for (before, after) in zip([found.specification] + found.passes.map(\.after), found.passes.map(\.after)) {
            #expect(after.multiplyAccumulates <= before.multiplyAccumulates && after.bytes <= before.bytes)
        }
    }

    @Test(
        "describes every configuration of Table IV and every size",
        arguments: ["plain", "pyramid", "full", "efficient"])
    func configurations(_ configuration: String) throws {
        let found = try compiled("--configuration", configuration, "--classes", "3", "--cpu-features", "scalar")
        #expect(found.instructionSet == "scalar")
        #expect(found.blocks.contains { $0.block == "vortex" } == ["full", "efficient"].contains(configuration))
        #expect(found.compiled.multiplyAccumulates < found.specification.multiplyAccumulates)
    }

    @Test("in words as well")
    func words() throws {
        let result = try describe("--compiled", "--threads", "1")
        let text = String(decoding: result.output, as: UTF8.self)
        #expect(result.status == 0, result.summary)
        for word in ["768x1024, compiled for 1 thread", "fold batch norm", "place tensors", "engine memory", "argmax"] {
            #expect(text.contains(word), "\(word)")
        }
    }

    @Test("refuses what belongs to the compiled network where it is not asked for")
    func refused() throws {
        #expect(try describe("--threads", "2").status == 64)
        #expect(try describe("--compiled", "--classes", "3").status == 64)
        #expect(try describe("--compiled", "--model", "away.safetensors").status == 66)
    }
}
