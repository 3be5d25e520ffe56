import Inference
import Kernels
import Testing

/// A way to compile a program.
struct Variant: CustomTestStringConvertible, Sendable {
    let name: String
    let options: EngineOptions

    var testDescription: String { name }

    static let specification = Variant(name: "specification", options: .specification)

    /// The specification, the graph as built on the best kernels, and all passes on each set of kernels.
    static let all: [Variant] =
        [specification, Variant(name: "no passes", options: EngineOptions(passes: []))]
        + InstructionSet.supported.flatMap { EngineOptions.both($0) }
}

extension EngineOptions {
    /// With OpenBLAS and with our own products.
    static func both(_ set: InstructionSet) -> [Variant] {
        Multiplier.allCases.map { multiplier in
            Variant(
                name: "all passes, \(set), \(multiplier)",
                options: EngineOptions(threads: 2, instructionSet: set, multiplier: multiplier))
        }
    }
}

/// A program with random weights, and an input for it.
struct Sample {
    private(set) var program: Program
    let input: [Float]
    private let bytes: [UInt8]?

    /// Builds a graph and draws weights for it. The input is of 8-bit samples where the graph's is.
    init(seed: UInt64, _ build: (inout GraphBuilder) throws -> Void) throws {
        var builder = GraphBuilder()
        try build(&builder)
        self.init(seed: seed, builder.built)
    }

    init(seed: UInt64, _ graph: Graph) {
        var random = Random(seed: seed)
        var weights = Weights()
        for parameter in graph.parameters {
            if parameter.name.hasSuffix("running_var") {
                weights.set(parameter.name, random.floats(parameter.count, size: 0.5).map { $0 + 1 })
            } else {
                let fanIn = max(1, parameter.shape.dropFirst().reduce(1, *))
                weights.set(parameter.name, random.floats(parameter.count, size: (3 / Float(fanIn)).squareRoot()))
            }
        }
        program = Program(graph: graph, weights: weights)
        let node = graph.nodes[0]
        if node.type == .uint8 {
            let bytes = random.bytes(node.shape.count)
            input = bytes.map { Float($0) }
            self.bytes = bytes
        } else {
            input = random.floats(node.shape.count)
            bytes = nil
        }
    }

    /// The same with other weights.
    func with(_ weights: Weights) -> Sample {
        var sample = self
        sample.program.weights = weights
        return sample
    }

    /// Runs the engine on the input, or on another of its kind.
    func run(_ engine: Engine, on other: [Float]? = nil) throws {
        let values = other ?? input
        if bytes != nil {
            try values.map { UInt8($0) }.withUnsafeBytes { try engine.run($0) }
        } else {
            try values.withUnsafeBytes { try engine.run($0) }
        }
    }

    /// All outputs by name, after a run.
    func outputs(_ engine: Engine) throws -> [String: [Float]] {
        var found: [String: [Float]] = [:]
        for (name, value) in program.graph.outputs {
            #expect(try engine.output(name).shape == program.graph[value].shape)
            found[name] = try engine.withOutput(name) { bytes in
                program.graph[value].type == .uint8
                    ? bytes.map { Float($0) } : Array(bytes.bindMemory(to: Float.self))
            }
        }
        return found
    }

    func outputs(_ options: EngineOptions) throws -> [String: [Float]] {
        let engine = try Engine(program, options: options)
        try run(engine)
        return try outputs(engine)
    }

    /// What is wrong with `found`, in words: it must be what the definitions say, but for rounding.
    func difference(_ found: [String: [Float]], from expected: [Tensor], tolerance: Float = 2e-5) -> String? {
        for (name, value) in program.graph.outputs {
            guard let values = found[name] else { return "there is no output \(name)" }
            guard values.count == program.graph[value].shape.count else { return "\(name) has \(values.count) values" }
            if case .argmax = program.graph[value].operation {
                let logits = expected[program.graph[value].inputs[0].index]
                if let problem = Self.difference(ids: values, logits, tolerance) { return "\(name): \(problem)" }
                continue
            }
            let wanted = expected[value.index].values
            let largest = wanted.reduce(0) { max($0, abs($1)) }
            for (index, (a, b)) in zip(values, wanted).enumerated() where !(abs(a - b) <= tolerance * largest + 1e-6) {
                return
                    "\(name) of \(program.graph[value].shape): value \(index) is \(a), expected \(b), largest \(largest)"
            }
        }
        return nil
    }

    /// Each id must be that of the largest value, or of one that rounding may have made the largest.
    private static func difference(ids: [Float], _ logits: Tensor, _ tolerance: Float) -> String? {
        let largest = logits.values.reduce(0) { max($0, abs($1)) }
        for (pixel, id) in ids.enumerated() {
            guard Int(id) < logits.shape.channels else { return "pixel \(pixel) has id \(id)" }
            let all = (0..<logits.shape.channels).map { logits.values[$0 * logits.shape.plane + pixel] }
            let best = all.max() ?? 0
            if all[Int(id)] < best - 2 * tolerance * largest { return "pixel \(pixel) has id \(id) of \(all)" }
            if let first = all.firstIndex(of: all[Int(id)]), first < Int(id), all[first] == best {
                return "pixel \(pixel) has id \(id), but \(first) is the first of equals"
            }
        }
        return nil
    }
}
