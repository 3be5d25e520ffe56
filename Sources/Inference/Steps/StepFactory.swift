import Kernels

/// Chooses the step for each node of a graph and prepares its weights.
struct StepFactory {
    let context: StepContext
    private var prepared = PreparedWeights()
    private var convolutions: [Int: (weights: Int, bias: Int?)] = [:]

    /// Lays out the weights of all convolutions.
    init(_ context: StepContext) throws(GraphError) {
        self.context = context
        for (index, node) in context.graph.nodes.enumerated() {
            guard case .convolution(let convolution) = node.operation else { continue }
            let weights = prepared.add(try context.weights.values(of: convolution.weight))
            var bias: Int?
            if let parameter = convolution.bias { bias = prepared.add(try context.weights.values(of: parameter)) }
            convolutions[index] = (weights, bias)
        }
    }

    /// The weights, in one block; the steps point into it.
    func seal() -> Memory { prepared.seal() }

    /// The step that computes node `index`; nil where there is nothing to do, as for a view.
    func step(for index: Int, weights: Memory) throws(GraphError) -> Step? {
        let node = context.graph.nodes[index]
        let output = Value(index: index)
        guard let input = node.inputs.first else {
            return node.type == .float32 ? InputStep(context, output: output) : nil
        }
        switch node.operation {
        case .input, .slice:
            return nil
        case .normalize(let mean, let std):
            guard context.graph[input].isInput else {
                throw GraphError("\(node.name): only the picture that comes in can be normalised")
            }
            return NormalizeStep(context, output: output, mean: mean, std: std)
        case .convolution(let convolution):
            return try self.convolution(convolution, index, input, weights)
        case .batchNorm(let norm):
            let scale = try context.weights.values(of: norm.weight)
            let variance = try context.weights.values(of: norm.variance)
            let mean = try context.weights.values(of: norm.mean)
            let shift = try context.weights.values(of: norm.bias)
            let factors = zip(scale, variance).map { $0 / ($1 + norm.epsilon).squareRoot() }
            let shifts = shift.indices.map { shift[$0] - mean[$0] * factors[$0] }
            return ScaleShiftStep(context, input: input, output: output, scale: factors, shift: shifts, relu: false)
        case .relu:
            let channels = node.shape.channels
            return ScaleShiftStep(
                context, input: input, output: output, scale: Array(repeating: 1, count: channels),
                shift: Array(repeating: 0, count: channels), relu: true)
        case .add:
            return AddStep(context, input, node.inputs[1], output: output)
        case .concat:
            return concat(node, index)
        case .shuffle(let groups):
            let size = node.shape.channels / groups
            let plane = node.shape.plane
            let (source, target) = (UnsafePointer(context.floats(input)), context.floats(output))
            return CopyPlanesStep(
                (0..<node.shape.channels).map {
                    (source + $0 * plane, target + ($0 % size * groups + $0 / size) * plane)
                }, plane: plane)
        case .maxPool(let kernel, let stride, let padding):
            return MaxPoolStep(
                context, input: input, output: output, kernel: kernel, stride: stride, padding: padding)
        case .averagePool(let kernel):
            return AveragePoolStep(context, input: input, output: output, kernel: kernel)
        case .globalAveragePool:
            return GlobalAveragePoolStep(context, input: input, output: output)
        case .resize:
            return ResizeStep(context, input: input, output: output)
        case .argmax, .resizeArgmax:
            return ArgmaxStep(context, input: input, output: output)
        }
    }

    private func concat(_ node: Node, _ index: Int) -> Step? {
        var moves: [(source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>)] = []
        var channel = 0
        let target = context.floats(Value(index: index))
        for (number, input) in node.inputs.enumerated() {
            let source = UnsafePointer(context.floats(input))
            let channels = context.shape(input).channels
            if context.plan.copies.contains(MemoryPlan.Copy(node: index, input: number)) {
                for plane in 0..<channels {
                    moves.append((source + plane * node.shape.plane, target + (channel + plane) * node.shape.plane))
                }
            }
            channel += channels
        }
        return moves.isEmpty ? nil : CopyPlanesStep(moves, plane: node.shape.plane)
    }

    private func convolution(
        _ convolution: Convolution, _ index: Int, _ input: Value, _ memory: Memory
    ) throws(GraphError) -> Step {
        guard let place = convolutions[index] else { throw GraphError("a convolution without weights") }
        let node = context.graph.nodes[index]
        let from = context.shape(input)
        let shape = PlaneOperations.ConvolutionShape(
            channels: from.channels, height: from.height, width: from.width, outChannels: node.shape.channels,
            outHeight: node.shape.height, outWidth: node.shape.width, kernel: convolution.kernel,
            stride: convolution.stride, padding: convolution.padding, dilation: convolution.dilation,
            groups: convolution.groups)
        let weights = UnsafePointer(memory.floats(at: place.weights, count: convolution.weight.count))
        let bias = place.bias.map { UnsafePointer(memory.floats(at: $0, count: node.shape.channels)) }
        let output = Value(index: index)
        if convolution.isDepthwise {
            return DepthwiseStep(
                context, shape: shape, input: input, output: output, weights: weights, bias: bias,
                relu: convolution.relu)
        }
        if let blas = context.blas, convolution.groups == 1 {
            return ProductStep(
                context, blas: blas, shape: shape, input: input, output: output, weights: weights, bias: bias,
                relu: convolution.relu)
        }
        return DirectConvolutionStep(
            context, shape: shape, input: input, output: output, weights: weights, bias: bias,
            relu: convolution.relu)
    }
}
