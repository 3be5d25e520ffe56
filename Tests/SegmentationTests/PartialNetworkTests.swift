import Imaging
import Inference
import Networks
import Segmentation
import Testing

@Suite("A part of the network")
struct PartialNetworkTests {
    private static let size = ImageSize(height: 64, width: 96)

    @Test(
        "yields its block's tensor, and computes nothing that comes after",
        arguments: PyramidShuffleNet.blocks + ["classes"])
    func blocks(_ block: String) throws {
        let model = try Model.bundled()
        let picture = try Pictures.street(Self.size, seed: 1)
        let part = try CompiledNetwork(
            model, size: Self.size, outputs: [block], options: EngineOptions(threads: 2))
        try part.run(picture)
        let found = try part.withOutput(block) { Array($0) }
        let whole = try CompiledNetwork(
            model, size: Self.size, outputs: [block], input: model.pictureInput, options: EngineOptions())
        let expected = try picture.withUnsafeBytes { try whole.activations(of: $0) }
        #expect(found == expected[0].bytes && Set(found).count > 1)
        let later = PyramidShuffleNet.blocks.drop { $0 != block }.dropFirst()
        #expect(part.timings.allSatisfy { !later.contains($0.node.block) })
        #expect(part.compiled.outputs.map(\.name) == [block] && part.specification.outputs.map(\.name) == [block])
    }

    @Test("costs more memory and more work the further it goes")
    func grows() throws {
        let model = try Model.bundled()
        let parts = try ["stem", "stage1", "stage3", "vortex"].map {
            try CompiledNetwork(
                model, size: Self.size, outputs: [$0], options: EngineOptions())
        }
        for (shorter, longer) in zip(parts, parts.dropFirst()) {
            #expect(shorter.timings.count < longer.timings.count)
            #expect(shorter.memory.weights < longer.memory.weights)
            #expect(shorter.compiled.cost().multiplyAccumulates < longer.compiled.cost().multiplyAccumulates)
        }
    }

    @Test("refuses blocks that the network has not, and names those that it has")
    func unknown() throws {
        let error = #expect(throws: UnknownBlock.self) {
            try CompiledNetwork(
                try Model.bundled(), size: Self.size, outputs: ["stage9"], options: EngineOptions())
        }
        #expect(error?.description.contains("\"stage9\"") == true)
        #expect(error?.description.contains("stem, pool, stage1, stage2, stage3, vortex, head") == true)
    }

    @Test("refuses pictures of another size")
    func sizes() throws {
        let part = try CompiledNetwork(
            try Model.bundled(), size: Self.size, outputs: ["stem"], options: EngineOptions())
        #expect(throws: Engine.Failure.self) { try part.run(PlanarRGB(size: Self.size.transposed)) }
    }
}
