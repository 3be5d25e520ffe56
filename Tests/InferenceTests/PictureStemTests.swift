import Inference
import Kernels
import Testing

@Suite("The beginning of a network, from the picture to the first pooling")
struct PictureStemTests {
    /// A convolution of the picture and a max-pooling, of any geometry.
    private static func stem(_ random: inout Random) throws -> Sample {
        let height = Int.random(in: 1...40, using: &random)
        let width = Int.random(in: 1...35, using: &random) * random.pick([1, 2, 2])
        let kernel = random.pick([1, 3, 3, 3, 5, 7, 31])
        let (stride, dilation) = (random.pick([2, 2, 2, 2, 1, 3]), random.pick([1, 1, 1, 1, 2]))
        let padding =
            random.pick([true, true, false]) ? kernel / 2 * dilation : Int.random(in: 0...kernel, using: &random)
        let poolKernel = random.pick([1, 2, 3, 3, 3, 4, 5, 9, 33, 40])
        let poolPadding = random.pick([0, poolKernel / 2, Int.random(in: 0...poolKernel / 2, using: &random)])
        let poolStride = random.pick([2, 2, 2, 1, 3])
        let (hasBias, hasReLU) = (Bool.random(using: &random), Bool.random(using: &random))
        let sample = try Sample(seed: random.next()) { graph in
            let picture = try graph.normalized(try graph.input(Shape(3, height, width), .uint8))
            var x = try graph.convolution(
                picture, "a", out: random.pick([1, 2, 5]), kernel: kernel, stride: stride, padding: padding,
                dilation: dilation, bias: hasBias)
            if hasReLU { x = graph.relu(x) }
            graph.mark(try graph.maxPool(x, kernel: poolKernel, stride: poolStride, padding: poolPadding), as: "y")
        }
        guard hasBias, Bool.random(using: &random) else { return sample }
        // Everything below zero: a maximum that saw a zero of the padding would show it.
        var weights = sample.program.weights
        weights.set("a.bias", [Float](repeating: -100, count: sample.program.graph.nodes[2].shape.channels))
        return sample.with(weights)
    }

    @Test("is joined to one step only where that computes the same, whatever its sizes", arguments: 0..<4)
    func property(_ group: Int) throws {
        var random = Random(seed: UInt64(group) + 70)
        var (drawn, fused) = (0, 0)
        while drawn < 150 {
            let sample: Sample
            do { sample = try Self.stem(&random) } catch is GraphError { continue }
            drawn += 1
            let expected = try Reference.run(sample.program, input: sample.input)
            for set in [InstructionSet.scalar, .best] {
                let engine = try Engine(
                    sample.program, options: EngineOptions(threads: 2, instructionSet: set, passes: Passes.all))
                if engine.graph.nodes.count == 2 { fused += 1 }
                // What is left in scratch memory by brighter and darker pictures must not show.
                for value: Float in [255, 0] {
                    try sample.run(engine, on: Array(repeating: value, count: sample.input.count))
                }
                try sample.run(engine)
                let problem = sample.difference(try sample.outputs(engine), from: expected)
                let kinds = sample.program.graph.nodes.map(\.operation.kind)
                #expect(problem == nil, "\(set), \(kinds), \(sample.program.graph.nodes[0].shape)")
            }
        }
        #expect(fused > 40, "\(fused) of 300 were joined: that tests little")
    }

    @Test(
        "whose windows reach further than the step's margin is left as it is",
        arguments: [(33, 3), (35, 3), (3, 33), (3, 35), (3, 40)])
    func reach(kernel: Int, pool: Int) throws {
        let sample = try Sample(seed: 3) { graph in
            let picture = try graph.normalized(try graph.input(Shape(3, 80, 96), .uint8))
            let x = try graph.convolution(
                picture, "a", out: 2, kernel: kernel, stride: 2, padding: kernel / 2, bias: true)
            graph.mark(try graph.maxPool(x, kernel: pool, stride: 2, padding: pool / 2), as: "y")
        }
        let engine = try Engine(sample.program, options: EngineOptions(passes: Passes.all))
        try sample.run(engine)
        let expected = try Reference.run(sample.program, input: sample.input)
        #expect(sample.difference(try sample.outputs(engine), from: expected) == nil)
        #expect((engine.graph.nodes.count == 2) == (max(kernel, pool) == 33))
    }
}
