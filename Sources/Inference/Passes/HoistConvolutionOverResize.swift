/// Computes a convolution over a ×4 bilinear resize at the low resolution: resizing commutes with each tap's 1×1
/// product, so k·k products at (h, w) and a cheap interpolation take the place of a convolution at (4h, 4w).
public struct HoistConvolutionOverResize: Pass {
    /// As in tables.
    public let name = "hoist convolution over resize"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        var weights = program.weights
        var rewriter = GraphRewriter(graph)
        for (index, node) in graph.nodes.enumerated() {
            let value = Value(index: index)
            guard case .convolution(let convolution) = node.operation, let resize = node.inputs.first,
                applies(convolution, graph, resize), let source = graph[resize].inputs.first
            else {
                try rewriter.keep(value)
                continue
            }
            let (taps, channels) = (convolution.kernel * convolution.kernel, convolution.outChannels)
            let shape = graph[source].shape
            let low = try rewriter.image(of: source, for: value)
            let product = Parameter("\(convolution.weight.name)·taps", [taps * channels, shape.channels, 1, 1])
            weights.set(product.name, byTap(try weights.values(of: convolution.weight), taps, channels))
            let partial = rewriter.add(
                .convolution(Convolution(weight: product)), [low],
                Shape(taps * channels, shape.height, shape.width), like: value)
            let sum = ResizedTaps(
                kernel: convolution.kernel, channels: channels, bias: convolution.bias, relu: convolution.relu)
            rewriter.replace(value, with: .resizedTaps(sum), ofNew: [partial])
        }
        let result = try Self.fuseProjection(try rewriter.finish().withoutDeadNodes())
        weights.keep(only: Set(result.parameters.map(\.name)))
        return Program(graph: result, weights: weights)
    }

    private func applies(_ convolution: Convolution, _ graph: Graph, _ resize: Value) -> Bool {
        guard case .resize(let height, let width) = graph[resize].operation, let source = graph[resize].inputs.first
        else { return false }
        let low = graph[source].shape
        return height == 4 * low.height && width == 4 * low.width && convolution.groups == 1
            && convolution.kernel == 3 && convolution.padding == 1 && convolution.stride == 1
            && convolution.dilation == 1
    }

    /// (out, in, k, k) → (k·k·out, in): the taps one after the other.
    private func byTap(_ kernel: [Float], _ taps: Int, _ channels: Int) -> [Float] {
        let inputs = kernel.count / (taps * channels)
        var sorted = [Float](repeating: 0, count: kernel.count)
        for channel in 0..<channels {
            for input in 0..<inputs {
                for tap in 0..<taps {
                    sorted[(tap * channels + channel) * inputs + input] =
                        kernel[(channel * inputs + input) * taps + tap]
                }
            }
        }
        return sorted
    }

    /// A 1×1 convolution that alone reads such a sum is taken along.
    private static func fuseProjection(_ graph: Graph) throws(GraphError) -> Graph {
        let uses = graph.uses
        var rewriter = GraphRewriter(graph)
        var swallowed: Set<Int> = []
        for node in graph.nodes {
            if case .convolution(let convolution) = node.operation, convolution.isPointwise,
                let source = node.inputs.first, uses[source.index] == 1,
                case .resizedTaps = graph[source].operation
            {
                swallowed.insert(source.index)
            }
        }
        for (index, node) in graph.nodes.enumerated() where !swallowed.contains(index) {
            let value = Value(index: index)
            if case .convolution(let convolution) = node.operation, let source = node.inputs.first,
                swallowed.contains(source.index), case .resizedTaps(var taps) = graph[source].operation
            {
                taps.projection = convolution
                try rewriter.replace(value, with: .resizedTaps(taps), of: graph[source].inputs)
            } else {
                try rewriter.keep(value)
            }
        }
        return try rewriter.finish()
    }
}

extension Convolution {
    /// Whether it is a 1×1 convolution of all channels.
    var isPointwise: Bool { kernel == 1 && stride == 1 && padding == 0 && groups == 1 }
}
