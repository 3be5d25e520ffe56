import Foundation
import Imaging
import Inference
import Kernels
import Networks
import Testing

@Suite("The network against PyTorch, block by block")
struct GoldenTests {
    /// The largest difference allowed, as a share of the block's largest magnitude.
    private static let tolerance: Float = 1e-4

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "Golden")

    private func check(_ golden: SafetensorsFile, _ program: Program, _ options: EngineOptions) throws {
        let blocks = PyramidShuffleNet.blocks.filter { golden.tensors[$0] != nil }
        let kept = Program(graph: program.graph.keeping(outputs: Set(blocks)), weights: program.weights)
        let engine = try Engine(kept, options: options)
        try golden.floats("image").withUnsafeBytes { try engine.run($0) }
        for block in blocks {
            let expected = try golden.floats(block)
            let shape = try engine.output(block).shape
            #expect(golden.tensors[block]?.shape == [1, shape.channels, shape.height, shape.width], "\(block)")
            let found = try engine.withOutput(block) { Array($0.bindMemory(to: Float.self)) }
            let largest = expected.map(abs).max() ?? 0
            let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(difference <= Self.tolerance * largest, "\(block): off by \(difference) of \(largest)")
        }
    }

    private func image(of golden: SafetensorsFile) throws -> ImageSize {
        let shape = try #require(golden.tensors["image"]?.shape)
        return ImageSize(height: shape[2], width: shape[3])
    }

    @Test(
        "every variant computes what PyTorch computes", arguments: PyramidShuffleNet.Variant.allCases,
        InstructionSet.supported)
    func variants(_ variant: PyramidShuffleNet.Variant, _ set: InstructionSet) throws {
        let golden = try SafetensorsFile(
            path: Self.folder.appendingPathComponent("\(variant.rawValue).activations.safetensors").path)
        let graph = try PyramidShuffleNet.graph(
            variant, classes: 5, size: try image(of: golden), input: .normalized)
        let program = Program(graph: graph, weights: WeightFormula.weights(for: graph))
        try check(golden, program, EngineOptions(threads: 2, instructionSet: set))
    }

    @Test("the graph as built, on scalar kernels, is the same network", arguments: PyramidShuffleNet.Variant.allCases)
    func specification(_ variant: PyramidShuffleNet.Variant) throws {
        let golden = try SafetensorsFile(
            path: Self.folder.appendingPathComponent("\(variant.rawValue).activations.safetensors").path)
        let graph = try PyramidShuffleNet.graph(
            variant, classes: 5, size: try image(of: golden), input: .normalized)
        try check(golden, Program(graph: graph, weights: WeightFormula.weights(for: graph)), .specification)
    }

    @Test("the bundled model computes what PyTorch computes with it")
    func bundledModel() throws {
        let golden = try SafetensorsFile(
            path: Self.folder.appendingPathComponent("street11.activations.safetensors").path)
        let model = try Model.bundled()
        try check(golden, try model.program(size: try image(of: golden), input: .normalized), EngineOptions(threads: 2))
    }

    private static let shared = folder.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/golden")

    @Test(
        "the shared golden activations are met by every variant",
        .enabled(if: FileManager.default.fileExists(atPath: shared.path), "skipped: ../shared/golden is not here"),
        arguments: ["plain", "pyramid", "full", "efficient", "street11"])
    func sharedGolden(_ name: String) throws {
        let golden = try SafetensorsFile(
            path: Self.shared.appendingPathComponent("\(name).activations.safetensors").path)
        let model = try Model.load(path: Self.shared.appendingPathComponent("\(name).model.safetensors").path)
        try check(golden, try model.program(size: try image(of: golden), input: .normalized), EngineOptions(threads: 2))
    }
}
