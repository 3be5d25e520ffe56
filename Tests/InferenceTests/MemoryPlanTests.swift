import Inference
import Kernels
import Testing

@Suite("Graphs drawn at random")
struct RandomGraphTests {
    static let seeds = Array(UInt64(1)...150)

    @Test("compute the same however they are compiled")
    func results() throws {
        var random = Random(seed: 99)
        for seed in Self.seeds {
            let sample = Sample(seed: seed, try RandomGraphs.make(seed: seed))
            let expected = try Reference.run(sample.program, input: sample.input)
            let passes = Passes.all.filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
            let variants =
                Variant.all + [
                    Variant(
                        name: "passes \(passes.map(\.name))",
                        options: EngineOptions(
                            threads: 3, instructionSet: random.pick(InstructionSet.supported), passes: passes))
                ]
            for variant in variants {
                let problem: String?
                do {
                    problem = sample.difference(try sample.outputs(variant.options), from: expected, tolerance: 1e-4)
                } catch {
                    problem = "\(error)"
                }
                #expect(problem == nil, "seed \(seed), \(variant.name)")
            }
        }
    }

    @Test("have no tensor overwritten while another operation still reads it")
    func memory() throws {
        for seed in Self.seeds {
            let sample = Sample(seed: seed, try RandomGraphs.make(seed: seed))
            for passes in [[], Passes.all] {
                var program = sample.program
                for pass in passes { program = try pass.apply(to: program) }
                let problem = MemoryRehearsal(program.graph).problem
                #expect(problem == nil, "seed \(seed), \(passes.count) passes")
            }
        }
    }
}

/// Goes through a graph as the engine does, and keeps account of what each byte of the plan holds.
private struct MemoryRehearsal {
    /// What goes wrong first, in words.
    var problem: String?
    private let graph: Graph
    private let plan: MemoryPlan
    private let outputs: Set<Int>
    private var owners: [Int]

    private func bytes(_ node: Int) -> Int { graph.nodes[node].shape.count * graph.nodes[node].type.size }

    private func isView(_ node: Int) -> Bool {
        switch graph.nodes[node].operation {
        case .slice, .concat, .shuffle: !outputs.contains(node)
        default: false
        }
    }

    /// For each channel of `node` the node that computed it.
    private func sources(_ node: Int) -> [Int] {
        let inputs = graph.nodes[node].inputs
        switch graph.nodes[node].operation {
        case .slice(let lower, let count): return Array(sources(inputs[0].index)[lower..<lower + count])
        case .concat: return inputs.flatMap { sources($0.index) }
        case .shuffle: return sources(inputs[0].index)
        default: return Array(repeating: node, count: graph.nodes[node].shape.channels)
        }
    }

    init(_ graph: Graph) {
        self.graph = graph
        plan = MemoryPlan(graph)
        outputs = Set(graph.outputs.map(\.value.index))
        owners = Array(repeating: -1, count: plan.size)
        var total = 0
        for (index, node) in graph.nodes.enumerated() {
            if case .input(.uint8) = node.operation { continue }
            if isView(index) {
                if plan.offsets[index] != nil {
                    problem = "node \(index), \(node.operation.kind), has memory and needs none"
                }
                continue
            }
            for source in Set(node.inputs.flatMap { sources($0.index) }) {
                if case .input(.uint8) = graph.nodes[source].operation { continue }
                check(source, readBy: "node \(index)")
            }
            guard let offset = plan.offsets[index], offset % 64 == 0, offset + bytes(index) <= plan.size else {
                problem = problem ?? "node \(index) lies at \(plan.offsets[index] ?? -1) of \(plan.size)"
                return
            }
            total += (bytes(index) + 63) & ~63
            for byte in offset..<offset + bytes(index) { owners[byte] = index }
        }
        for output in outputs { check(output, readBy: "the outside") }
        if plan.size > total { problem = problem ?? "takes \(plan.size) bytes, more than the \(total) of all tensors" }
    }

    private mutating func check(_ source: Int, readBy reader: String) {
        guard problem == nil else { return }
        guard let offset = plan.offsets[source] else {
            problem = "node \(source) has no memory, and \(reader) reads it"
            return
        }
        if let byte = (offset..<offset + bytes(source)).first(where: { owners[$0] != source }) {
            problem = "\(reader) reads node \(source), which node \(owners[byte]) has overwritten"
        }
    }
}

@Suite("A memory plan")
struct MemoryPlanTests {
    private func plan(_ build: (inout GraphBuilder, Value) throws -> Void) throws -> (MemoryPlan, Graph) {
        var graph = GraphBuilder()
        try build(&graph, try graph.input(Shape(4, 8, 8), .float32))
        return (MemoryPlan(graph.built), graph.built)
    }

    @Test("uses memory again: a chain needs two tensors, however long it is")
    func reuse() throws {
        let (plan, _) = try plan { graph, x in
            var y = x
            for _ in 0..<10 { y = graph.relu(y) }
            graph.mark(y, as: "y")
        }
        #expect(plan.size == 2 * 4 * 64 * 4)
    }

    @Test("moves nothing for slices, shuffles and concatenations that only operations read")
    func views() throws {
        let (plan, graph) = try plan { graph, x in
            let left = graph.relu(try graph.slice(x, channels: 0..<2))
            let all = try graph.shuffle(graph.concat([left, graph.slice(x, channels: 2..<4)]), groups: 2)
            graph.mark(graph.relu(all), as: "y")
        }
        let kinds = zip(graph.nodes, plan.offsets).filter { $1 == nil }.map(\.0.operation.kind)
        #expect(kinds == ["slice", "slice", "concat", "shuffle"])
    }

    @Test("gives what the outside reads memory of its own, to the end")
    func outputs() throws {
        let (plan, graph) = try plan { graph, x in
            let slice = try graph.slice(x, channels: 1..<3)
            graph.mark(slice, as: "slice")
            var y = graph.relu(slice)
            for _ in 0..<4 { y = graph.relu(y) }
            graph.mark(y, as: "y")
        }
        let slice = try #require(plan.offsets[1])
        for index in 2..<graph.nodes.count {
            let offset = try #require(plan.offsets[index])
            #expect(offset >= slice + 512 || offset + 512 <= slice)
        }
    }
}
