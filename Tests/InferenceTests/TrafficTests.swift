import Inference
import Testing

@Suite("What a graph moves is counted")
struct TrafficTests {
    private static let size = (height: 8, width: 12)

    /// A picture, two convolutions of it concatenated and shuffled, and a 1×1 convolution of that.
    private func graph(marking marks: Set<String> = []) throws -> Graph {
        var graph = GraphBuilder()
        graph.begin(block: "a")
        let picture = try graph.input(Shape(3, Self.size.height, Self.size.width), .uint8)
        let x = try graph.normalize(picture, mean: [0, 0, 0], std: [1, 1, 1])
        let left = try graph.convolution(x, "left", out: 4, kernel: 3, padding: 1, bias: true)
        let right = try graph.convolution(x, "right", out: 4, kernel: 1)
        graph.begin(block: "b")
        let all = try graph.concat([left, right])
        if marks.contains("concat") { graph.mark(all, as: "concat") }
        let shuffled = try graph.shuffle(all, groups: 2)
        if marks.contains("shuffle") { graph.mark(shuffled, as: "shuffle") }
        graph.mark(try graph.convolution(shuffled, "out", out: 2, kernel: 1), as: "out")
        return graph.built
    }

    private func weights(_ graph: Graph) -> Weights {
        var weights = Weights()
        for parameter in graph.parameters { weights.set(parameter.name, Array(repeating: 1, count: parameter.count)) }
        return weights
    }

    @Test("operation by operation: inputs, parameters and result, in bytes of their types")
    func operations() throws {
        let graph = try graph()
        let plane = Self.size.height * Self.size.width
        let expected = [
            "input": (0, 0), "normalize": (3 * plane, 4 * 3 * plane),
            "convolution 3x3": (4 * (3 * plane + 4 * 27 + 4), 4 * 4 * plane),
            "concat": (4 * 8 * plane, 4 * 8 * plane), "shuffle": (4 * 8 * plane, 4 * 8 * plane),
        ]
        for (index, node) in graph.nodes.enumerated() {
            guard let (read, written) = expected[node.operation.kind] else { continue }
            let traffic = graph.traffic(ofNode: index)
            #expect(traffic.read == read && traffic.written == written, "\(node.operation.kind)")
            #expect(traffic.total == read + written)
        }
    }

    @Test("all together, and block by block")
    func sums() throws {
        let graph = try graph()
        let (whole, a, b) = (
            graph.work(placing: false), graph.work(ofBlock: "a", placing: false),
            graph.work(ofBlock: "b", placing: false)
        )
        #expect(whole.operations == 6 && a.operations == 3 && b.operations == 3)
        #expect(whole.traffic == a.traffic + b.traffic && a.traffic != b.traffic)
        #expect(whole.multiplyAccumulates == a.multiplyAccumulates + b.multiplyAccumulates)
        #expect(whole.multiplyAccumulates == graph.cost().multiplyAccumulates)
        #expect(graph.work(ofBlock: "c", placing: false).operations == 0)
    }

    @Test("but for what a memory plan places where it is read: that moves nothing unless the outside reads it")
    func placing() throws {
        for (marks, operations) in [([], 4), (["concat"], 5), (["concat", "shuffle"], 6)] as [(Set<String>, Int)] {
            let graph = try graph(marking: marks)
            let work = graph.work(placing: true)
            #expect(work.operations == operations, "\(marks)")
            let engine = try Engine(
                Program(graph: graph, weights: weights(graph)), options: EngineOptions(passes: []))
            #expect(engine.executed == graph.placed.indices.filter { graph.placed[$0] }, "\(marks)")
            #expect(engine.executed.count == engine.timings.count)
        }
    }

    @Test("after every pass; and what is compiled is what the last pass leaves")
    func rewriting() throws {
        let graph = try graph()
        let program = Program(graph: graph, weights: weights(graph))
        let rewriting = try Rewriting(program)
        #expect(rewriting.passes.map(\.name) == Passes.all.map(\.name))
        #expect(rewriting.specification.nodes.count == graph.nodes.count)
        let engine = try Engine(program)
        #expect(rewriting.compiled.work(placing: true) == engine.graph.work(placing: true))
        #expect(try Rewriting(program, passes: []).compiled.nodes.count == graph.nodes.count)
    }
}
