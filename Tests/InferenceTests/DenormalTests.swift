import Inference
import Kernels
import Testing

@Suite("Numbers too small to be normal")
struct DenormalTests {
    /// 1e-20 · 1e-20 is 1e-40, which is denormal.
    private static func sample() throws -> Sample {
        let sample = try Sample(seed: 1) { graph in
            let x = try graph.input(Shape(8, 40, 40), .float32)
            let tiny = try graph.convolution(x, "tiny", out: 32, kernel: 1)
            graph.mark(tiny, as: "tiny")
            graph.mark(try graph.convBNReLU(tiny, "after", out: 32, kernel: 3, padding: 1), as: "after")
            graph.mark(try graph.depthwise(tiny, "depthwise", kernel: 3), as: "depthwise")
            graph.mark(try graph.averagePool(tiny, kernel: 3), as: "mean")
        }
        var weights = sample.program.weights
        weights.set("tiny.weight", [Float](repeating: 1e-20, count: 32 * 8))
        return sample.with(weights)
    }

    @Test("are zero on every thread of the engine, which makes pictures of them no slower", arguments: [1, 2, 4])
    func flushed(_ threads: Int) throws {
        let sample = try Self.sample()
        let input = [Float](repeating: 1e-20, count: sample.input.count)
        let expected = try Reference.run(sample.program, input: input)
        for set in InstructionSet.supported {
            for passes in [[], Passes.all] {
                let engine = try Engine(
                    sample.program,
                    options: EngineOptions(threads: threads, instructionSet: set, passes: passes, multiplier: .kernels))
                for _ in 0..<20 {
                    try sample.run(engine, on: input)
                    let found = try sample.outputs(engine)
                    #expect(found["tiny"]?.allSatisfy { $0 == 0 } == true, "\(set), \(threads) threads")
                    #expect(sample.difference(found, from: expected) == nil)
                }
            }
        }
    }

    @Test("are numbers again for the caller once the engine is done")
    func restored() throws {
        let sample = try Self.sample()
        // Read anew each time, so that the compiler works nothing out.
        var values = [Float.leastNormalMagnitude, 2]
        values.reserveCapacity(16)
        for threads in [1, 3] {
            let engine = try Engine(sample.program, options: EngineOptions(threads: threads))
            try sample.run(engine)
            #expect(values[0] / values[1] > 0)
            #expect(throws: Engine.Failure.self) {
                try [UInt8](repeating: 0, count: 1).withUnsafeBytes { try engine.run($0) }
            }
            #expect(values[0] / values[1] > 0)
        }
        let mode = FloatMode.flushDenormals()
        let flushed = values[0] / values[1]
        mode.restore()
        #expect(flushed == 0 && values[0] / values[1] > 0)
    }
}
