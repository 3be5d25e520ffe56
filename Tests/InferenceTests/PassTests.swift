import Inference
import Kernels
import Testing

@Suite("A pass leaves the outputs as they are")
struct PassTests {
    /// Alone, together with those before it, all, and all in the wrong order.
    static let selections: [(name: String, passes: [any Pass])] = {
        let all = Passes.all
        var selections = all.map { (name: "only \($0.name)", passes: [$0]) }
        for count in 2..<all.count { selections.append(("the first \(count) passes", Array(all[..<count]))) }
        selections.append(("all passes", all))
        selections.append(("all passes twice", all + all))
        selections.append(("all passes in reverse", all.reversed()))
        return selections
    }()

    static let sizes = [(1, 1), (1, 6), (5, 1), (3, 7), (7, 12), (9, 33), (2, 70)]
    /// Pictures are cut into tasks of many rows.
    static let pictureSizes = sizes + [(101, 34), (96, 2)]

    @Test("on every pattern it is made for, and on those it is not", arguments: Pattern.all)
    func patterns(_ pattern: Pattern) throws {
        for (height, width) in pattern.type == .uint8 ? Self.pictureSizes : Self.sizes {
            let sample: Sample
            do {
                sample = try Sample(seed: UInt64(height * width)) { graph in
                    try pattern.build(&graph, try graph.input(pattern.input(height, width), pattern.type))
                }
            } catch is GraphError {
                // Too small for an unpadded kernel.
                continue
            }
            let expected = try Reference.run(sample.program, input: sample.input)
            for (name, passes) in Self.selections {
                for set in [InstructionSet.scalar, .best] {
                    let options = EngineOptions(instructionSet: set, passes: passes)
                    let problem: String?
                    do { problem = sample.difference(try sample.outputs(options), from: expected) } catch {
                        problem = "\(error)"
                    }
                    #expect(problem == nil, "\(name) on \(height)x\(width), \(set)")
                }
            }
        }
    }

    private func nodes(_ pattern: String, _ passes: [any Pass]) throws -> [Node] {
        let found = try #require(Pattern.all.first { $0.name == pattern })
        var program = try Sample(seed: 1) { try found.build(&$0, try $0.input(found.input(6, 8), found.type)) }.program
        for pass in passes { program = try pass.apply(to: program) }
        return program.graph.nodes
    }

    @Test("and does its work: what it removes is gone")
    func effects() throws {
        let kinds = try nodes("convolution, batch norm, ReLU", Passes.all).map(\.operation.kind)
        #expect(kinds.count == 2 && !kinds.contains("batch norm") && !kinds.contains("relu"), "\(kinds)")
        let head = try nodes(
            "3x3 padding 1 stride 1 over a resize by 4, 1x1, resize, argmax", Passes.all
        ).map(\.operation.kind)
        #expect(!head.contains("resize") && !head.contains("argmax"), "\(head)")
        let pyramid = try nodes("a pyramid: running sums of depthwise kernels, concatenated, then 1x1", Passes.all)
            .map(\.operation.kind)
        #expect(!pyramid.contains("add") && !pyramid.contains("batch norm"), "\(pyramid)")
        let vortex = try nodes("vortex pooling", Passes.all).map(\.operation.kind)
        #expect(!vortex.contains("resize") && !vortex.contains("batch norm"), "\(vortex)")
    }

    @Test("and the picture is read but once: neither its normalised values nor the convolution's result exist")
    func picture() throws {
        let stem = try nodes("a picture's 3x3 stride 2, batch norm, ReLU, max pool", Passes.all)
        #expect(stem.map(\.operation.kind) == ["input", "8-bit 3x3 s2 + pool 3x3"])
        #expect(stem.last?.cost.multiplyAccumulates == 24 * 27 * 3 * 4)
        let alone = try nodes("a picture's 3x3 stride 2 without pooling", Passes.all).map(\.operation.kind)
        #expect(alone == ["input", "8-bit 3x3 s2"])
        let shared = try nodes("a normalised picture that is read twice", Passes.all).map(\.operation.kind)
        #expect(shared.contains("normalize"), "\(shared)")
    }

    @Test("and needs the weights to be there, as many as the shapes say")
    func weights() throws {
        let pattern = try #require(Pattern.all.first)
        let sample = try Sample(seed: 1) { try pattern.build(&$0, try $0.input(pattern.input(6, 8), pattern.type)) }
        for options in [EngineOptions.specification, EngineOptions()] {
            for parameter in sample.program.graph.parameters {
                var missing = Weights()
                var short = sample.program.weights
                for other in sample.program.graph.parameters where other != parameter {
                    missing.set(other.name, try sample.program.weights.values(of: other))
                }
                short.set(parameter.name, [1])
                for (weights, words) in [(missing, "no tensor"), (short, "has 1")] {
                    let error = #expect(throws: Engine.Failure.self) {
                        try Engine(Program(graph: sample.program.graph, weights: weights), options: options)
                    }
                    let text = error?.description ?? ""
                    #expect(text.contains(parameter.name) && text.contains(words), "\(text)")
                }
            }
        }
    }
}
