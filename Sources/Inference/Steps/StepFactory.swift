import Kernels

/// Chooses the step for each node of a graph.
struct StepFactory {
    let context: StepContext

    /// The step that computes node `index`; nil where there is nothing to do, as for a view.
    func step(for index: Int) throws(GraphError) -> Step? {
        let node = context.graph.nodes[index]
        let output = Value(index: index)
        guard let input = node.inputs.first else {
            return node.type == .float32 ? try InputStep(context, output: output) : nil
        }
        switch node.operation {
        case .input:
            return nil
        case .slice, .concat, .shuffle:
            return context.plan.offsets[index] == nil ? nil : try GatherStep(context, output: output)
        case .normalize(let mean, let std):
            guard context.graph[input].isInput else {
                throw GraphError("\(node.name): only the picture that comes in can be normalised")
            }
            return try NormalizeStep(context, output: output, mean: mean, std: std)
        case .convolution(let convolution):
            return try self.convolution(convolution, node, input, output)
        case .product(let product):
            return try ProductStep(context, product, inputs: node.inputs, output: output)
        case .pictureConvolution(let picture):
            return try PictureConvolutionStep(context, picture, input: input, output: output)
        case .resizedTaps(let taps):
            return try ResizedTapsStep(context, taps, input: input, output: output)
        case .batchNorm(let norm):
            return try batchNorm(norm, input, output)
        case .relu:
            let channels = node.shape.channels
            return try ScaleShiftStep(
                context, input: input, output: output, scale: Array(repeating: 1, count: channels),
                shift: Array(repeating: 0, count: channels), relu: true)
        case .add:
            return try AddStep(context, input, node.inputs[1], output: output)
        case .maxPool(let kernel, let stride, let padding):
            return try MaxPoolStep(
                context, input: input, output: output, kernel: kernel, stride: stride, padding: padding)
        case .averagePool(let kernel):
            return try AveragePoolStep(context, input: input, output: output, kernel: kernel)
        case .globalAveragePool:
            return try GlobalAveragePoolStep(context, input: input, output: output)
        case .resize:
            return try ResizeStep(context, input: input, output: output)
        case .argmax, .resizeArgmax:
            return try ArgmaxStep(context, input: input, output: output)
        }
    }

    private func batchNorm(_ norm: BatchNorm, _ input: Value, _ output: Value) throws(GraphError) -> Step {
        let scale = try context.weights.values(of: norm.weight)
        let variance = try context.weights.values(of: norm.variance)
        let mean = try context.weights.values(of: norm.mean)
        let shift = try context.weights.values(of: norm.bias)
        let factors = zip(scale, variance).map { $0 / ($1 + norm.epsilon).squareRoot() }
        return try ScaleShiftStep(
            context, input: input, output: output, scale: factors,
            shift: shift.indices.map { shift[$0] - mean[$0] * factors[$0] }, relu: false)
    }

    private func convolution(
        _ convolution: Convolution, _ node: Node, _ input: Value, _ output: Value
    ) throws(GraphError) -> Step {
        let from = context.shape(input)
        let shape = PlaneOperations.ConvolutionShape(
            channels: from.channels, height: from.height, width: from.width, outChannels: node.shape.channels,
            outHeight: node.shape.height, outWidth: node.shape.width, kernel: convolution.kernel,
            stride: convolution.stride, padding: convolution.padding, dilation: convolution.dilation,
            groups: convolution.groups)
        let weights = context.prepared.keep(try context.weights.values(of: convolution.weight))
        let bias = try convolution.bias.map { (bias) throws(GraphError) in
            context.prepared.keep(try context.weights.values(of: bias))
        }
        if convolution.isDepthwise {
            return try DepthwiseStep(
                context, shape: shape, input: input, output: output, weights: weights, bias: bias,
                relu: convolution.relu)
        }
        return try DirectConvolutionStep(
            context, shape: shape, input: input, output: output, weights: weights, bias: bias,
            relu: convolution.relu)
    }
}
