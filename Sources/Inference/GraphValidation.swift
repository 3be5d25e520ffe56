extension Graph {
    /// Whether the graph makes sense: every operation has the inputs that it needs, computed before it, of shapes and
    /// element types that it takes, and parameters of the shapes that it reads; every output is a value of the graph.
    ///
    /// Throws with the first node for which this is not so. What a builder made always makes sense; this is for what
    /// passes make of it.
    public func validate() throws(GraphError) {
        for index in nodes.indices { try validate(index) }
        for output in outputs where !nodes.indices.contains(output.value.index) {
            throw GraphError(
                "output \"\(output.name)\" is value \(output.value.index), and the graph has \(nodes.count)")
        }
    }

    private func validate(_ index: Int) throws(GraphError) {
        let node = nodes[index]
        func fail(_ problem: String) -> GraphError { node.error(problem, at: index) }
        for input in node.inputs where !(0..<index).contains(input.index) {
            throw fail("reads value \(input.index), which is not computed before it")
        }
        let (inputs, expected) = (node.inputs.map { self[$0] }, node.operation.inputCount)
        guard expected.contains(inputs.count) else {
            throw fail("has \(inputs.count) inputs; expected \(expected.lowerBound)")
        }
        let types = node.operation.types
        if let input = inputs.first(where: { $0.type != types.input }) {
            throw fail("reads \"\(input.name)\", \(input.type.words); expected \(types.input.words)")
        }
        guard node.type == types.output else {
            throw fail("has \(node.type.words); expected \(types.output.words)")
        }
        if node.isInput { return }
        let shapes = inputs.map(\.shape)
        guard let shape = node.operation.shape(of: shapes) else {
            throw fail("cannot read \(shapes.map(\.description).joined(separator: ", "))")
        }
        guard shape == node.shape else { throw fail("has shape \(node.shape); its inputs make it \(shape)") }
    }
}

extension Node {
    /// An error about this node, number `index` of its graph.
    func error(_ problem: String, at index: Int) -> GraphError {
        let place = block.isEmpty || name.hasPrefix(block) ? name : "\(block): \(name)"
        return GraphError("\(place) (operation \(index), \(operation.kind)) \(problem)")
    }
}

extension Operation {
    /// How many inputs there may be.
    fileprivate var inputCount: ClosedRange<Int> {
        switch self {
        case .input: 0...0
        case .add: 2...2
        case .concat: 1...Int.max
        case .product(let product): product.inputCount...product.inputCount
        default: 1...1
        }
    }

    /// The element types of the inputs and of the result.
    fileprivate var types: (input: ElementType, output: ElementType) {
        switch self {
        case .input(let type): (type, type)
        case .normalize, .pictureConvolution: (.uint8, .float32)
        case .argmax, .resizeArgmax: (.float32, .uint8)
        default: (.float32, .float32)
        }
    }

    /// The shape of the result for inputs of `shapes`, as many as it needs; nil where they do not fit.
    fileprivate func shape(of shapes: [Shape]) -> Shape? {
        guard let first = shapes.first else { return nil }
        switch self {
        case .input: return nil
        case .normalize(let mean, let std):
            return mean.count == first.channels && std.count == first.channels ? first : nil
        case .convolution(let convolution): return convolution.shape(of: first)
        case .batchNorm(let norm):
            let all = [norm.weight, norm.bias, norm.mean, norm.variance]
            return all.allSatisfy { $0.shape == [first.channels] } ? first : nil
        case .relu: return first
        case .add: return shapes[1] == first ? first : nil
        case .concat:
            guard shapes.allSatisfy({ $0.height == first.height && $0.width == first.width }) else { return nil }
            return Shape(shapes.reduce(0) { $0 + $1.channels }, first.height, first.width)
        case .slice(let lower, let count):
            guard lower >= 0, count > 0, lower + count <= first.channels else { return nil }
            return Shape(count, first.height, first.width)
        case .shuffle(let groups): return groups > 0 && first.channels % groups == 0 ? first : nil
        case .maxPool(let kernel, let stride, let padding):
            return first.windows(kernel: kernel, stride: stride, padding: padding)
        case .averagePool(let kernel): return kernel % 2 == 1 ? first : nil
        case .globalAveragePool: return Shape(first.channels, 1, 1)
        case .resize(let height, let width): return Shape(first.channels, height, width)
        case .argmax: return Shape(1, first.height, first.width)
        case .resizeArgmax(let height, let width): return Shape(1, height, width)
        case .product(let product): return product.shape(of: shapes)
        case .pictureConvolution(let picture): return picture.shape(of: first)
        case .resizedTaps(let taps): return taps.shape(of: first)
        }
    }
}

extension ElementType {
    fileprivate var words: String { self == .uint8 ? "8-bit values" : "32-bit floating-point values" }
}

extension Shape {
    /// The shape of what is computed from windows of `kernel` pixels a side; nil where none fits.
    func windows(kernel: Int, stride: Int, padding: Int, dilation: Int = 1) -> Shape? {
        let reach = dilation * (kernel - 1) + 1
        guard kernel > 0, stride > 0, padding >= 0, dilation > 0, height + 2 * padding >= reach,
            width + 2 * padding >= reach
        else { return nil }
        return Shape(
            channels, (height + 2 * padding - reach) / stride + 1, (width + 2 * padding - reach) / stride + 1)
    }

    /// The same planes, `channels` of them.
    fileprivate func with(channels: Int) -> Shape { Shape(channels, height, width) }
}

extension Convolution {
    fileprivate func shape(of input: Shape) -> Shape? {
        guard groups > 0, weight.shape.count == 4, weight.shape[1] * groups == input.channels,
            weight.shape[3] == kernel, outChannels % groups == 0, bias.map({ $0.shape == [outChannels] }) ?? true
        else { return nil }
        return input.windows(kernel: kernel, stride: stride, padding: padding, dilation: dilation)?
            .with(channels: outChannels)
    }
}

extension Product {
    /// The inputs that the sources and the bias name are numbered without a gap.
    fileprivate var inputCount: Int {
        Set(sources.map(\.input) + (biasInput.map { [$0] } ?? [])).count
    }

    fileprivate func shape(of shapes: [Shape]) -> Shape? {
        var result: Shape?
        var depth = 0
        for source in sources {
            guard shapes.indices.contains(source.input) else { return nil }
            let input = shapes[source.input]
            depth += source.depth(channels: input.channels)
            var made: [Shape?]
            switch source.kind {
            case .planes: made = [input]
            case .windows(let kernel, let stride, let padding, let dilation):
                made = [input.windows(kernel: kernel, stride: stride, padding: padding, dilation: dilation)]
            case .depthwise(let convolutions):
                made = convolutions.map { $0.shape(of: input)?.with(channels: input.channels) }
            }
            for shape in made.map({ $0?.with(channels: outChannels) }) {
                guard let shape, result ?? shape == shape else { return nil }
                result = shape
            }
        }
        guard weight.shape == [outChannels, depth, 1, 1], bias.map({ $0.shape == [outChannels] }) ?? true,
            biasInput.map({ shapes.indices.contains($0) && shapes[$0] == Shape(outChannels, 1, 1) }) ?? true
        else { return nil }
        return result
    }
}

extension PictureConvolution {
    fileprivate func shape(of input: Shape) -> Shape? {
        guard mean.count == input.channels, std.count == input.channels, convolution.shape(of: input) == result
        else { return nil }
        return pool.map { result.windows(kernel: $0.kernel, stride: 2, padding: $0.padding) } ?? result
    }
}

extension ResizedTaps {
    fileprivate func shape(of input: Shape) -> Shape? {
        guard input.channels == kernel * kernel * channels, bias.map({ $0.shape == [channels] }) ?? true
        else { return nil }
        let sum = Shape(channels, 4 * input.height, 4 * input.width)
        return projection.map { $0.shape(of: sum) } ?? sum
    }
}
