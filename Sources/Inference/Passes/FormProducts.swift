/// Turns convolutions into matrix products that read or compute their channels when they need them: what is
/// concatenated, what is a depthwise convolution, and what is constant over the picture is not written and read again.
public struct FormProducts: Pass {
    /// As in tables.
    public let name = "form products"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        var weights = program.weights
        var rewriter = GraphRewriter(graph)
        let uses = graph.uses
        for (index, node) in graph.nodes.enumerated() {
            let value = Value(index: index)
            guard case .convolution(let convolution) = node.operation, convolution.groups == 1,
                let input = node.inputs.first
            else {
                try rewriter.keep(value)
                continue
            }
            guard convolution.isPointwise else {
                let source = Product.Source(
                    input: 0,
                    kind: .windows(
                        kernel: convolution.kernel, stride: convolution.stride, padding: convolution.padding,
                        dilation: convolution.dilation))
                try rewriter.replace(value, with: .product(product(convolution, [source])), of: [input])
                continue
            }
            var parts = [input]
            if case .concat = graph[input].operation, uses[input.index] == 1 { parts = graph[input].inputs }
            try form(convolution, value, parts, graph, uses, &rewriter, &weights)
        }
        let result = try rewriter.finish().withoutDeadNodes()
        weights.keep(only: Set(result.parameters.map(\.name)))
        return Program(graph: result, weights: weights)
    }

    private func product(_ convolution: Convolution, _ sources: [Product.Source]) -> Product {
        var weight = convolution.weight
        weight = Parameter(weight.name, [convolution.outChannels, weight.count / convolution.outChannels, 1, 1])
        return Product(
            sources: sources, weight: weight, bias: convolution.bias, biasInput: nil, relu: convolution.relu)
    }

    private func form(
        _ convolution: Convolution, _ value: Value, _ parts: [Value], _ graph: Graph, _ uses: [Int],
        _ rewriter: inout GraphRewriter, _ weights: inout Weights
    ) throws(GraphError) {
        var sources: [Product.Source] = []
        var inputs: [Value] = []
        var kept: [Range<Int>] = []
        var constants: [(value: Value, columns: Range<Int>)] = []
        var column = 0
        for part in parts {
            let node = graph[part]
            let columns = column..<column + node.shape.channels
            column = columns.upperBound
            switch node.operation {
            case .resize where graph[node.inputs[0]].shape.plane == 1:
                constants.append((node.inputs[0], columns))
                continue
            case .convolution(let depthwise)
            where depthwise.isDepthwise && depthwise.isCentred && !depthwise.relu && uses[part.index] == 1:
                kept.append(columns)
                if let last = sources.indices.last, inputs.last == node.inputs[0],
                    case .depthwise(let others) = sources[last].kind, others[0].stride == depthwise.stride,
                    others[0].dilation == depthwise.dilation
                {
                    sources[last].kind = .depthwise(others + [depthwise])
                    continue
                }
                inputs.append(node.inputs[0])
                sources.append(Product.Source(input: inputs.count - 1, kind: .depthwise([depthwise])))
            default:
                kept.append(columns)
                inputs.append(part)
                sources.append(Product.Source(input: inputs.count - 1, kind: .planes))
            }
        }
        var product = product(convolution, sources)
        if !constants.isEmpty, sources.isEmpty { return try rewriter.keep(value) }
        var newInputs: [Value] = []
        for input in inputs { newInputs.append(try rewriter.image(of: input, for: value)) }
        if !constants.isEmpty {
            let all = try weights.values(of: convolution.weight)
            product.weight = select(all, kept, column, convolution, "rest\(value.index)", &weights)
            // The constant parts' share is one vector, worked out once and added like a bias.
            let name = select(all, constants.map(\.columns), column, convolution, "constant\(value.index)", &weights)
            let vector = Product(
                sources: constants.indices.map { Product.Source(input: $0, kind: .planes) }, weight: name,
                bias: nil, biasInput: nil, relu: false)
            var parts: [Value] = []
            for constant in constants { parts.append(try rewriter.image(of: constant.value, for: value)) }
            let share = rewriter.add(.product(vector), parts, Shape(convolution.outChannels, 1, 1), like: value)
            product.biasInput = newInputs.count
            newInputs.append(share)
        }
        rewriter.replace(value, with: .product(product), ofNew: newInputs)
    }

    /// The columns `ranges` of the weights as a parameter of their own.
    private func select(
        _ values: [Float], _ ranges: [Range<Int>], _ depth: Int, _ convolution: Convolution, _ suffix: String,
        _ weights: inout Weights
    ) -> Parameter {
        let count = ranges.reduce(0) { $0 + $1.count }
        var selected: [Float] = []
        selected.reserveCapacity(convolution.outChannels * count)
        for row in 0..<convolution.outChannels {
            for range in ranges {
                selected.append(contentsOf: values[row * depth + range.lowerBound..<row * depth + range.upperBound])
            }
        }
        let parameter = Parameter("\(convolution.weight.name)·\(suffix)", [convolution.outChannels, count, 1, 1])
        weights.set(parameter.name, selected)
        return parameter
    }
}
