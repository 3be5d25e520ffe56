import CAllocationCounter
import Inference
import Kernels
import Testing

@Suite("An engine")
struct EngineTests {
    /// A network in small, odd in its sizes, with every kind of step.
    static func sample(seed: UInt64 = 1, height: Int = 13, width: Int = 37) throws -> Sample {
        try Sample(seed: seed) { graph in
            let picture = try graph.input(Shape(3, height, width), .uint8)
            var x = try graph.normalize(picture, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
            x = try graph.convBNReLU(x, "stem", out: 8, kernel: 3, padding: 1)
            x = try graph.maxPool(x, kernel: 3, stride: 2, padding: 1)
            x = try graph.basicUnit(graph.basicUnit(x, "1"), "2")
            graph.mark(x, as: "units")
            x = try graph.vortexPooling(x, "vortex", out: 10)
            graph.mark(try graph.sum(x, x), as: "sum")
            let shape = graph.shape(of: x)
            x = try graph.resize(x, height: 4 * shape.height, width: 4 * shape.width)
            x = try graph.convBNReLU(x, "head", out: 6, kernel: 3, padding: 1)
            x = try graph.convolution(x, "classifier", out: 5, kernel: 1, bias: true)
            graph.mark(x, as: "classifier")
            x = try graph.resize(x, height: 16 * shape.height, width: 16 * shape.width)
            graph.mark(try graph.argmax(x), as: "classes")
        }
    }

    @Test(
        "gives the same bits on one, two, three and five threads, and every time", arguments: InstructionSet.supported)
    func threads(_ set: InstructionSet) throws {
        let sample = try Self.sample()
        let one = try sample.outputs(EngineOptions(threads: 1, instructionSet: set))
        for threads in [2, 3, 5] {
            let engine = try Engine(sample.program, options: EngineOptions(threads: threads, instructionSet: set))
            #expect(engine.threads == threads && engine.instructionSet == set)
            for run in 0..<20 {
                try sample.run(engine)
                #expect(try sample.outputs(engine) == one, "\(threads) threads, run \(run)")
            }
        }
    }

    @Test("keeps nothing of one picture for the next", arguments: Variant.all)
    func reuse(_ variant: Variant) throws {
        let sample = try Self.sample()
        let other = try Self.sample(seed: 2).input
        let engine = try Engine(sample.program, options: variant.options)
        let fresh = try Engine(sample.program, options: variant.options)
        try sample.run(engine)
        try sample.run(engine, on: other)
        try sample.run(fresh, on: other)
        #expect(try sample.outputs(engine) == sample.outputs(fresh))
        try sample.run(engine)
        #expect(try sample.outputs(engine) == sample.outputs(variant.options))
    }

    @Test("lets OpenBLAS multiply where a measurement finds it faster, and then always")
    func contest() throws {
        // A product so large that no scalar loop wins.
        let large = try Sample(seed: 5) { graph in
            let x = try graph.input(Shape(256, 12, 64), .float32)
            graph.mark(try graph.convolution(x, "a", out: 256, kernel: 1), as: "y")
        }
        let options = EngineOptions(instructionSet: .scalar, multiplier: .measured)
        let engine = try Engine(large.program, options: options)
        #expect(engine.products == (byKernels: 0, byOpenBLAS: 1))
        try large.run(engine)
        let reference = try Reference.run(large.program, input: large.input)
        let problem = large.difference(try large.outputs(engine), from: reference)
        #expect(problem == nil, "\(problem ?? "")")
        for threads in 1...3 {
            let sample = try Self.sample()
            let products = try (0..<3).map { _ in
                let engine = try Engine(sample.program, options: EngineOptions(threads: threads))
                return "\(engine.products)"
            }
            #expect(Set(products).count == 1)
        }
        let own = try Engine(large.program, options: EngineOptions(multiplier: .kernels))
        #expect(own.products == (byKernels: 1, byOpenBLAS: 0))
    }

    @Test("forgets values that are no numbers", arguments: Variant.all)
    func poison(_ variant: Variant) throws {
        // All of Pattern on one input, so that no step's scratch memory is left out.
        for pattern in Pattern.all {
            let sample = try Sample(seed: 3) {
                try pattern.build(&$0, try $0.input(pattern.input(7, 20), pattern.type))
            }
            let engine = try Engine(sample.program, options: variant.options)
            for poison in pattern.type == .uint8 ? [255, 0] : [Float.nan, .infinity] {
                try sample.run(engine, on: Array(repeating: poison, count: sample.input.count))
            }
            try sample.run(engine)
            #expect(try sample.outputs(engine) == sample.outputs(variant.options), "\(pattern.name)")
        }
    }

    @Test("computes the same network at several sizes, and two engines do not know each other")
    func sizes() throws {
        for (height, width) in [(1, 1), (2, 90), (31, 3), (16, 16)] {
            let sample = try Self.sample(height: height, width: width)
            let expected = try Reference.run(sample.program, input: sample.input)
            let (a, b) = (try Engine(sample.program), try Engine(sample.program, options: EngineOptions(threads: 2)))
            try sample.run(a)
            try sample.run(b, on: Array(repeating: 0, count: sample.input.count))
            try sample.run(b)
            let problem = sample.difference(try sample.outputs(a), from: expected, tolerance: 1e-4)
            #expect(problem == nil, "\(height)x\(width)")
            #expect(try sample.outputs(a) == sample.outputs(b))
        }
    }

    @Test("refuses an input of the wrong size, with both sizes")
    func inputSize() throws {
        let sample = try Self.sample()
        let engine = try Engine(sample.program)
        let right = 3 * 13 * 37
        for count in [0, 1, right - 1, right + 1, 4 * right] {
            let error = #expect(throws: Engine.Failure.self) {
                try [UInt8](repeating: 0, count: count).withUnsafeBytes { try engine.run($0) }
            }
            #expect(error?.description == "the network's input takes \(right) bytes and was given \(count)")
        }
        try sample.run(engine)
    }

    @Test("says which outputs it has")
    func outputNames() throws {
        let sample = try Self.sample()
        let engine = try Engine(sample.program)
        let error = #expect(throws: Engine.Failure.self) { try engine.output("logit") }
        #expect(error?.description.contains("no output \"logit\"; it has units, sum, classifier, classes") == true)
        #expect(throws: Engine.Failure.self) { try engine.withOutput("") { $0.count } }
    }

    @Test("takes graphs of one input only")
    func inputs() throws {
        var graph = GraphBuilder()
        let a = try graph.input(Shape(1, 2, 2), .float32)
        let b = try graph.input(Shape(1, 2, 2), .float32)
        graph.mark(try graph.sum(a, b), as: "y")
        let error = #expect(throws: Engine.Failure.self) { try Engine(Program(graph: graph.built, weights: Weights())) }
        #expect(error?.description.contains("2 inputs") == true)
        #expect(throws: Engine.Failure.self) { try Engine(Program(graph: GraphBuilder().built, weights: Weights())) }
    }

    @Test("refuses two outputs of one name")
    func twoOfOneName() throws {
        let sample = try Sample(seed: 1) { graph in
            let x = try graph.input(Shape(1, 2, 2), .float32)
            graph.mark(x, as: "y")
            graph.mark(graph.relu(x), as: "y")
        }
        let error = #expect(throws: Engine.Failure.self) { try Engine(sample.program) }
        #expect(error?.description.contains("two outputs of one name") == true)
    }

    @Test(
        "is refused where there is not memory enough, with how much it needs",
        .enabled(if: allocation_is_sanitized() == 0, "skipped: the sanitizer ends a process that asks for so much"))
    func memory() throws {
        let sample = try Pattern.build("convolution, batch norm, ReLU", Shape(8, 1 << 20, 1 << 20))
        let error = #expect(throws: Engine.Failure.self) { try Engine(sample) }
        #expect(error?.description.contains("MB of memory") == true)
    }

    @Test("is refused where the machine lacks the instructions")
    func instructionSet() throws {
        let missing = try #require(InstructionSet.allCases.first { !$0.isSupported })
        let sample = try Self.sample()
        let error = #expect(throws: Engine.Failure.self) {
            try Engine(sample.program, options: EngineOptions(instructionSet: missing))
        }
        #expect(error?.description.contains("\"\(missing)\"") == true)
    }

    @Test("hands over an input that is an output too")
    func identity() throws {
        let sample = try Sample(seed: 4) { graph in
            let x = try graph.input(Shape(2, 3, 5), .float32)
            graph.mark(x, as: "image")
            graph.mark(try graph.averagePool(x, kernel: 1), as: "same")
        }
        for variant in Variant.all {
            let found = try sample.outputs(variant.options)
            #expect(found["image"] == sample.input && found["same"] == sample.input)
        }
    }

    @Test("keeps of a graph what the wanted outputs need, and no more")
    func keeping() throws {
        let sample = try Self.sample()
        let graph = sample.program.graph.keeping(outputs: ["units"])
        #expect(graph.outputs.map(\.name) == ["units"])
        #expect(!graph.nodes.contains { $0.operation.kind == "argmax" })
        let part = Sample(seed: 1, graph)
        let engine = try Engine(Program(graph: graph, weights: sample.program.weights))
        try part.run(engine, on: sample.input)
        let whole = try sample.outputs(EngineOptions())
        #expect(try engine.withOutput("units") { Array($0.bindMemory(to: Float.self)) } == whole["units"])
    }

    @Test("times each of its steps")
    func timings() throws {
        let sample = try Self.sample()
        let engine = try Engine(sample.program)
        try sample.run(engine)
        #expect(engine.timings.count > 5 && engine.timings.contains { $0.nanoseconds > 0 })
        #expect(engine.arenaBytes > 0 && engine.weightBytes > 0)
    }
}
