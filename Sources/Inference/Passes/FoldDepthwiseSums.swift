/// Turns the sum of two depthwise convolutions of one tensor into a single one: kernels of different sizes but equal
/// centres add up tap by tap. So the running sums of a pyramid (y1, y1 + y2, …) cost nothing.
public struct FoldDepthwiseSums: Pass {
    /// As in tables.
    public let name = "fold depthwise sums"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        var weights = program.weights
        var rewriter = GraphRewriter(graph)
        var sums: [Int: (convolution: Convolution, input: Value)] = [:]
        for (index, node) in graph.nodes.enumerated() {
            let value = Value(index: index)
            switch node.operation {
            case .convolution(let convolution)
            where convolution.isDepthwise && convolution.isCentred && !convolution.relu:
                sums[index] = (convolution, node.inputs[0])
                try rewriter.keep(value)
            case .add:
                guard let a = sums[node.inputs[0].index], let b = sums[node.inputs[1].index], a.input == b.input,
                    a.convolution.stride == b.convolution.stride, a.convolution.dilation == b.convolution.dilation
                else {
                    try rewriter.keep(value)
                    continue
                }
                let sum = try add(a.convolution, b.convolution, name: "\(node.name)·sum\(index)", &weights)
                sums[index] = (sum, a.input)
                try rewriter.replace(value, with: .convolution(sum), of: [a.input])
            default:
                try rewriter.keep(value)
            }
        }
        let result = try rewriter.finish().withoutDeadNodes()
        weights.keep(only: Set(result.parameters.map(\.name)))
        return Program(graph: result, weights: weights)
    }

    private func add(
        _ a: Convolution, _ b: Convolution, name: String, _ weights: inout Weights
    ) throws(GraphError) -> Convolution {
        let (large, small) = a.kernel >= b.kernel ? (a, b) : (b, a)
        var kernel = try weights.values(of: large.weight)
        let added = try weights.values(of: small.weight)
        let (k, s) = (large.kernel, small.kernel)
        let margin = (k - s) / 2
        for channel in 0..<large.outChannels {
            for y in 0..<s {
                for x in 0..<s {
                    kernel[(channel * k + y + margin) * k + x + margin] += added[(channel * s + y) * s + x]
                }
            }
        }
        var bias = [Float](repeating: 0, count: large.outChannels)
        for parameter in [a.bias, b.bias].compactMap({ $0 }) {
            for (channel, value) in try weights.values(of: parameter).enumerated() { bias[channel] += value }
        }
        var sum = large
        sum.weight = Parameter("\(name).weight", large.weight.shape)
        let total = Parameter("\(name).bias", [large.outChannels])
        sum.bias = total
        weights.set(sum.weight.name, kernel)
        weights.set(total.name, bias)
        return sum
    }
}

extension Convolution {
    /// Whether output (y, x) sits on input (y · stride, x · stride), whatever the kernel.
    var isCentred: Bool { kernel % 2 == 1 && padding == dilation * (kernel / 2) }
}
