/// Builds a graph operation by operation, checking shapes as it goes.
///
/// The methods return the value of the new node. Names are relative to the scopes opened by `scope`.
public struct GraphBuilder {
    private var graph = Graph()
    private var block = ""

    /// An empty graph.
    public init() {}

    /// The graph built so far.
    public var built: Graph { graph }

    /// The shape of `value`.
    public func shape(of value: Value) -> Shape { graph[value].shape }

    /// Opens block `name`: the nodes that follow belong to it.
    public mutating func begin(block name: String) { block = name }

    /// Makes `value` readable from outside as `name`.
    public mutating func mark(_ value: Value, as name: String) {
        graph.outputs.append((name, value))
    }

    /// The picture that comes in.
    public mutating func input(_ shape: Shape, _ type: ElementType) throws(GraphError) -> Value {
        try check(shape.channels > 0 && shape.height > 0 && shape.width > 0, "input", "an empty shape \(shape)")
        return add(.input(type), [], shape, type, name: "image")
    }

    /// 8-bit samples to normalised values.
    public mutating func normalize(_ x: Value, mean: [Float], std: [Float]) throws(GraphError) -> Value {
        let shape = shape(of: x)
        try check(
            graph[x].type == .uint8 && mean.count == shape.channels && std.count == shape.channels,
            "normalize", "\(mean.count) means and \(std.count) deviations for shape \(shape) of \(graph[x].type)")
        return add(.normalize(mean: mean, std: std), [x], shape, name: "normalize")
    }

    /// Convolution with weights `name.weight` and, where `bias`, `name.bias`.
    public mutating func convolution(
        _ x: Value, _ name: String, out: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = false
    ) throws(GraphError) -> Value {
        let shape = try numbers(x, name)
        try check(
            out > 0 && kernel > 0 && stride > 0 && padding >= 0 && dilation > 0 && groups > 0
                && shape.channels % groups == 0 && out % groups == 0,
            name, "\(shape.channels) input and \(out) output channels in \(groups) groups")
        guard let windows = shape.windows(kernel: kernel, stride: stride, padding: padding, dilation: dilation) else {
            throw error(
                name, "an input \(shape) smaller than its kernel, \(dilation * (kernel - 1) + 1) pixels wide")
        }
        let convolution = Convolution(
            weight: Parameter("\(name).weight", [out, shape.channels / groups, kernel, kernel]),
            bias: bias ? Parameter("\(name).bias", [out]) : nil, stride: stride, padding: padding,
            dilation: dilation, groups: groups)
        return add(.convolution(convolution), [x], Shape(out, windows.height, windows.width), name: name)
    }

    /// Batch normalisation with parameters `name.weight`, `.bias`, `.running_mean` and `.running_var`.
    public mutating func batchNorm(_ x: Value, _ name: String, epsilon: Float = 1e-5) -> Value {
        let shape = shape(of: x)
        func parameter(_ part: String) -> Parameter { Parameter("\(name).\(part)", [shape.channels]) }
        let norm = BatchNorm(
            weight: parameter("weight"), bias: parameter("bias"), mean: parameter("running_mean"),
            variance: parameter("running_var"), epsilon: epsilon)
        return add(.batchNorm(norm), [x], shape, name: name)
    }

    /// max(x, 0).
    public mutating func relu(_ x: Value) -> Value {
        add(.relu, [x], shape(of: x), name: graph[x].name)
    }

    /// a + b.
    public mutating func sum(_ a: Value, _ b: Value) throws(GraphError) -> Value {
        let (first, second) = (try numbers(a, "add"), try numbers(b, "add"))
        try check(first == second, "add", "shapes \(first) and \(second)")
        return add(.add, [a, b], shape(of: a), name: graph[b].name)
    }

    /// The tensors one after the other along the channels.
    public mutating func concat(_ parts: [Value]) throws(GraphError) -> Value {
        guard let first = parts.first.map({ shape(of: $0) }) else { throw GraphError("concat of nothing") }
        for part in parts {
            let shape = try numbers(part, "concat")
            try check(
                shape.height == first.height && shape.width == first.width, "concat",
                "planes of \(first.height)x\(first.width) and \(shape.height)x\(shape.width)")
        }
        let channels = parts.reduce(0) { $0 + shape(of: $1).channels }
        return add(.concat, parts, Shape(channels, first.height, first.width), name: "concat")
    }

    /// Channels `range` of x.
    public mutating func slice(_ x: Value, channels range: Range<Int>) throws(GraphError) -> Value {
        let shape = try numbers(x, "slice")
        try check(
            range.lowerBound >= 0 && !range.isEmpty && range.upperBound <= shape.channels, "slice",
            "channels \(range) of \(shape)")
        return add(
            .slice(lower: range.lowerBound, count: range.count), [x],
            Shape(range.count, shape.height, shape.width), name: "slice")
    }

    /// Channel shuffle in `groups` groups.
    public mutating func shuffle(_ x: Value, groups: Int) throws(GraphError) -> Value {
        let shape = try numbers(x, "shuffle")
        try check(
            groups > 0 && shape.channels % groups == 0, "shuffle", "\(shape.channels) channels in \(groups) groups")
        return add(.shuffle(groups: groups), [x], shape, name: "shuffle")
    }

    /// Max-pooling.
    public mutating func maxPool(_ x: Value, kernel: Int, stride: Int, padding: Int) throws(GraphError) -> Value {
        let shape = try numbers(x, "max pool")
        guard padding < kernel, let windows = shape.windows(kernel: kernel, stride: stride, padding: padding) else {
            throw error("max pool", "windows of \(kernel), stride \(stride) and padding \(padding) on \(shape)")
        }
        return add(.maxPool(kernel: kernel, stride: stride, padding: padding), [x], windows, name: "max pool")
    }

    /// The mean of the window around each pixel; the tensor itself for windows of one pixel.
    public mutating func averagePool(_ x: Value, kernel: Int) throws(GraphError) -> Value {
        try check(kernel > 0 && kernel % 2 == 1, "average pool", "a window of \(kernel), which has no middle")
        let shape = try numbers(x, "average pool")
        return kernel == 1 ? x : add(.averagePool(kernel: kernel), [x], shape, name: "average pool \(kernel)")
    }

    /// The mean of each plane.
    public mutating func globalAveragePool(_ x: Value) -> Value {
        add(.globalAveragePool, [x], Shape(shape(of: x).channels, 1, 1), name: "global average pool")
    }

    /// Bilinear resize with half-pixel centres.
    public mutating func resize(_ x: Value, height: Int, width: Int) throws(GraphError) -> Value {
        try check(height > 0 && width > 0, "resize", "an empty result, \(height)x\(width)")
        let channels = try numbers(x, "resize").channels
        return add(.resize(height: height, width: width), [x], Shape(channels, height, width), name: "resize")
    }

    /// The id of the channel with the largest value.
    public mutating func argmax(_ x: Value) throws(GraphError) -> Value {
        let shape = try numbers(x, "argmax")
        try check(shape.channels <= 255, "argmax", "\(shape.channels) channels; 8-bit ids count 255")
        return add(.argmax, [x], Shape(1, shape.height, shape.width), .uint8, name: "argmax")
    }

    private mutating func add(
        _ operation: Operation, _ inputs: [Value], _ shape: Shape, _ type: ElementType = .float32, name: String
    ) -> Value {
        graph.nodes.append(
            Node(operation: operation, inputs: inputs, shape: shape, type: type, name: name, block: block))
        return Value(index: graph.nodes.count - 1)
    }

    /// The shape of `x`, which must be of numbers: samples are normalised first, and class ids are only read.
    private func numbers(_ x: Value, _ name: String) throws(GraphError) -> Shape {
        try check(graph[x].type == .float32, name, "the 8-bit values of \(graph[x].name), which are no numbers")
        return graph[x].shape
    }

    private func check(_ holds: Bool, _ name: String, _ found: String) throws(GraphError) {
        guard holds else { throw error(name, found) }
    }

    private func error(_ name: String, _ found: String) -> GraphError {
        GraphError("\(block.isEmpty ? "" : "\(block): ")\(name) was given \(found)")
    }
}
