import Kernels
import Testing

@testable import Inference

@Suite("A graph that makes no sense is refused, with the operation's name")
struct GraphValidationTests {
    /// A pass that spoils the graph.
    private struct Spoiling: Pass {
        let name = "spoil"
        let spoil: @Sendable (inout Graph) -> Void

        func apply(to program: Program) throws(GraphError) -> Program {
            var program = program
            spoil(&program.graph)
            return program
        }
    }

    /// A pass that leaves out the nodes of one kind, and keeps those that read them.
    private struct Dropping: Pass {
        let name = "drop"
        let kind: String

        func apply(to program: Program) throws(GraphError) -> Program {
            var rewriter = GraphRewriter(program.graph)
            for (index, node) in program.graph.nodes.enumerated() where node.operation.kind != kind {
                try rewriter.keep(Value(index: index))
            }
            return Program(graph: try rewriter.finish(), weights: program.weights)
        }
    }

    private func sample() throws -> Sample {
        try Sample(seed: 1) { graph in
            let x = try graph.normalized(try graph.input(Shape(3, 8, 8), .uint8))
            let a = try graph.convBNReLU(x, "a", out: 8, kernel: 3, padding: 1)
            let b = try graph.convBNReLU(a, "b", out: 8, kernel: 1)
            let sum = try graph.sum(a, b)
            graph.mark(try graph.argmax(try graph.concat([sum, a])), as: "classes")
        }
    }

    private func refusal(_ pass: any Pass) throws -> String {
        let error = #expect(throws: Engine.Failure.self) {
            try Engine(try sample().program, options: EngineOptions(passes: [pass]))
        }
        #expect(throws: GraphError.self) { try Rewriting(try sample().program, passes: [pass]) }
        return error?.description ?? ""
    }

    @Test(
        "where a pass drops what others read",
        arguments: [
            ("relu", "convolution 1x1"), ("batch norm", "relu"), ("convolution 3x3", "batch norm"),
            ("concat", "argmax"),
            ("normalize", "convolution 3x3"), ("argmax", "output \"classes\""),
        ])
    func dropped(kind: String, reader: String) throws {
        let text = try refusal(Dropping(kind: kind))
        #expect(text.contains(reader) && text.contains("dropped"), "\(text)")
    }

    @Test("whatever a pass makes of it", arguments: 0..<12)
    func spoilt(_ number: Int) throws {
        let faults: [(words: String, spoil: @Sendable (inout Graph) -> Void)] = [
            ("which is not computed before it", { $0.nodes[3].inputs = [Value(index: 3)] }),
            ("which is not computed before it", { $0.nodes[3].inputs = [Value(index: 99)] }),
            ("which is not computed before it", { $0.nodes[3].inputs = [Value(index: -1)] }),
            ("has 0 inputs; expected 1", { $0.nodes[3].inputs = [] }),
            ("has 1 inputs; expected 2", { $0.nodes[8].inputs.removeLast() }),
            ("has 0 inputs; expected 1", { $0.nodes[9].inputs = [] }),
            ("8-bit values; expected 32-bit", { $0.nodes[2].inputs = [Value(index: 0)] }),
            (
                "32-bit floating-point values; expected 8-bit values",
                {
                    $0.nodes[1].operation = .normalize(mean: [0, 0, 0], std: [1, 1, 1])
                    $0.nodes[1].inputs = [Value(index: 0)]
                    $0.nodes[2].operation = .normalize(mean: [0, 0, 0], std: [1, 1, 1])
                }
            ),
            ("has shape", { $0.nodes[9].inputs.removeLast() }),
            ("cannot read", { $0.nodes[8].inputs[0] = Value(index: 1) }),
            ("cannot read", { $0.nodes[4].operation = .slice(lower: 5, count: 4) }),
            ("output \"classes\"", { $0.outputs[0].value = Value(index: 50) }),
        ]
        let text = try refusal(Spoiling(spoil: faults[number].spoil))
        #expect(text.contains(faults[number].words) && text.contains("after the pass \"spoil\""), "\(text)")
    }

    @Test("and one that loses an output is refused")
    func lostOutput() throws {
        let text = try refusal(Spoiling { $0.outputs = [] })
        #expect(text.contains("expected classes"), "\(text)")
    }

    @Test("and whatever a builder or our passes make of any graph makes sense")
    func sound() throws {
        for seed in RandomGraphTests.seeds {
            var program = Sample(seed: seed, try RandomGraphs.make(seed: seed)).program
            try program.graph.validate()
            for pass in Passes.all + Passes.all.reversed() { program = try program.applying(pass) }
        }
    }
}
