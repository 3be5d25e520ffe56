/// Folds a batch normalisation into the convolution before it: y = s·(w∗x + b − mean) + shift with
/// s = weight / √(variance + ε) is a convolution with weights s·w and bias s·(b − mean) + shift.
public struct FoldBatchNorm: Pass {
    /// As in tables.
    public let name = "fold batch norm"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        let uses = graph.uses
        var weights = program.weights
        var rewriter = GraphRewriter(graph)
        var folded: [Int: (convolution: Convolution, source: Value)] = [:]
        // A convolution whose only reader is a batch normalisation takes it over; the reader then stands for it.
        for (index, node) in graph.nodes.enumerated() {
            guard case .batchNorm(let norm) = node.operation, let source = node.inputs.first, uses[source.index] == 1,
                case .convolution(let convolution) = graph[source].operation, !convolution.relu
            else { continue }
            folded[index] = (try fold(norm, into: convolution, &weights), source)
        }
        let swallowed = Set(folded.values.map(\.source.index))
        for index in graph.nodes.indices where !swallowed.contains(index) {
            let value = Value(index: index)
            if let (convolution, source) = folded[index] {
                try rewriter.replace(value, with: .convolution(convolution), of: graph[source].inputs)
            } else {
                try rewriter.keep(value)
            }
        }
        let result = try rewriter.finish()
        weights.keep(only: Set(result.parameters.map(\.name)))
        return Program(graph: result, weights: weights)
    }

    private func fold(
        _ norm: BatchNorm, into convolution: Convolution, _ weights: inout Weights
    ) throws(GraphError) -> Convolution {
        let scale = try weights.values(of: norm.weight)
        let shift = try weights.values(of: norm.bias)
        let mean = try weights.values(of: norm.mean)
        let variance = try weights.values(of: norm.variance)
        var kernel = try weights.values(of: convolution.weight)
        var bias = [Float](repeating: 0, count: convolution.outChannels)
        if let old = convolution.bias { bias = try weights.values(of: old) }
        let taps = kernel.count / convolution.outChannels
        for channel in 0..<convolution.outChannels {
            let factor = Double(scale[channel]) / (Double(variance[channel]) + Double(norm.epsilon)).squareRoot()
            for tap in channel * taps..<(channel + 1) * taps { kernel[tap] = Float(Double(kernel[tap]) * factor) }
            bias[channel] = Float(
                (Double(bias[channel]) - Double(mean[channel])) * factor + Double(shift[channel]))
        }
        var result = convolution
        // Named by all that they come from: networks may share a convolution's or a normalisation's weights.
        let total = Parameter(
            "\(convolution.bias?.name ?? convolution.weight.name)·\(norm.bias.name)", [convolution.outChannels])
        result.weight = Parameter("\(convolution.weight.name)·\(norm.weight.name)", convolution.weight.shape)
        result.bias = total
        weights.set(result.weight.name, kernel)
        weights.set(total.name, bias)
        return result
    }
}
