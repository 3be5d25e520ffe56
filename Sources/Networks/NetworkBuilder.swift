import Inference

/// The paper's building blocks (Figures 1 and 3) on a graph builder. Shapes are (C, H, W).
struct NetworkBuilder {
    private var graph = GraphBuilder()

    /// The graph built so far.
    var built: Graph { graph.built }

    mutating func begin(block name: String) { graph.begin(block: name) }

    mutating func mark(_ x: Value, as name: String) { graph.mark(x, as: name) }

    /// (3, H, W) normalised.
    mutating func image(_ shape: Shape, _ input: NetworkInput) throws(GraphError) -> Value {
        switch input {
        case .picture(let mean, let std):
            return try graph.normalize(try graph.input(shape, .uint8), mean: mean, std: std)
        case .normalized:
            return try graph.input(shape, .float32)
        }
    }

    /// ConvBN: (C, H, W) → (out, H/stride, W/stride). Padding keeps the size at stride 1, whatever the dilation.
    mutating func convBN(
        _ x: Value, _ name: String, out: Int, kernel: Int, stride: Int = 1, dilation: Int = 1, groups: Int = 1
    ) throws(GraphError) -> Value {
        let y = try graph.convolution(
            x, "\(name).conv", out: out, kernel: kernel, stride: stride, padding: dilation * (kernel / 2),
            dilation: dilation, groups: groups)
        return graph.batchNorm(y, "\(name).bn")
    }

    /// ConvBN and ReLU.
    mutating func convBNReLU(
        _ x: Value, _ name: String, out: Int, kernel: Int, stride: Int = 1, dilation: Int = 1
    ) throws(GraphError) -> Value {
        graph.relu(try convBN(x, name, out: out, kernel: kernel, stride: stride, dilation: dilation))
    }

    /// Depthwise ConvBN: a kernel for each channel, no ReLU.
    mutating func depthwise(
        _ x: Value, _ name: String, kernel: Int, stride: Int = 1, dilation: Int = 1
    ) throws(GraphError) -> Value {
        let channels = graph.shape(of: x).channels
        return try convBN(
            x, name, out: channels, kernel: kernel, stride: stride, dilation: dilation, groups: channels)
    }

    /// Max-pool 3×3, stride 2: (C, H, W) → (C, H/2, W/2).
    mutating func maxPool(_ x: Value) throws(GraphError) -> Value {
        try graph.maxPool(x, kernel: 3, stride: 2, padding: 1)
    }

    /// Pyramid convolution, Figure 2 and equation (1): depthwise convolutions y1, y2, … of x with the kernels K;
    /// y1, y1 + y2, … concatenated: (C, H, W) → (|K|·C, H/stride, W/stride).
    mutating func pyramid(
        _ x: Value, _ name: String, kernels: [Int], stride: Int, dilation: Int
    ) throws(GraphError) -> Value {
        var sums: [Value] = []
        for (j, kernel) in kernels.enumerated() {
            let y = try depthwise(x, "\(name).\(j)", kernel: kernel, stride: stride, dilation: dilation)
            if let sum = sums.last { sums.append(try graph.sum(sum, y)) } else { sums.append(y) }
        }
        return sums.count == 1 ? sums[0] : try graph.concat(sums)
    }

    /// The right branch of both units: 1×1, pyramid, 1×1 → (c, H/stride, W/stride).
    private mutating func branch(
        _ x: Value, _ name: String, c: Int, kernels: [Int], stride: Int, dilation: Int
    ) throws(GraphError) -> Value {
        var y = try convBNReLU(x, "\(name).reduce", out: c, kernel: 1)
        y = try pyramid(y, "\(name).pyramid", kernels: kernels, stride: stride, dilation: dilation)
        return try convBNReLU(y, "\(name).fuse", out: c, kernel: 1)
    }

    /// Figure 1(a): split, the right half through the branch, concatenate, shuffle: (C, H, W) → (C, H, W).
    mutating func basicUnit(
        _ x: Value, _ name: String, kernels: [Int], dilation: Int = 1
    ) throws(GraphError) -> Value {
        let channels = graph.shape(of: x).channels
        let c = channels / 2
        let left = try graph.slice(x, channels: 0..<c)
        let right = try graph.slice(x, channels: c..<channels)
        let y = try branch(right, name, c: c, kernels: kernels, stride: 1, dilation: dilation)
        return try graph.shuffle(try graph.concat([left, y]), groups: 2)
    }

    /// Figure 1(b): both branches see all of x: (C, H, W) → (out, H/stride, W/stride).
    mutating func downsamplingUnit(
        _ x: Value, _ name: String, out: Int, kernels: [Int], stride: Int
    ) throws(GraphError) -> Value {
        let c = out / 2
        var left = try depthwise(x, "\(name).shortcut.depthwise", kernel: 3, stride: stride)
        left = try convBNReLU(left, "\(name).shortcut.pointwise", out: c, kernel: 1)
        let right = try branch(x, name, c: c, kernels: kernels, stride: stride, dilation: 1)
        return try graph.shuffle(try graph.concat([left, right]), groups: 2)
    }

    /// Figure 3: global pooling and four branches of rates k, each an average over k × k and a convolution with
    /// dilation k, concatenated and projected: (C, h, w) → (out, h, w).
    ///
    /// In the efficient form the branches are depthwise, and their pointwise half is `project`: a 1×1 convolution
    /// over the concatenation is the sum of one for each branch.
    mutating func vortexPooling(
        _ x: Value, _ name: String, out: Int, form: VortexForm
    ) throws(GraphError) -> Value {
        let shape = graph.shape(of: x)
        var image = graph.globalAveragePool(x)
        image = try convBNReLU(image, "\(name).image_pool", out: shape.channels, kernel: 1)
        var parts = [try graph.resize(image, height: shape.height, width: shape.width)]
        for (j, k) in [1, 3, 9, 27].enumerated() {
            let pooled = try graph.averagePool(x, kernel: k)
            let branch = "\(name).branches.\(j)"
            parts.append(
                form == .full
                    ? try convBNReLU(pooled, branch, out: shape.channels, kernel: 3, dilation: k)
                    : try depthwise(pooled, branch, kernel: 3, dilation: k))
        }
        return try convBNReLU(try graph.concat(parts), "\(name).project", out: out, kernel: 1)
    }

    /// 1×1 convolution with bias.
    mutating func pointwise(_ x: Value, _ name: String, out: Int) throws(GraphError) -> Value {
        try graph.convolution(x, name, out: out, kernel: 1, bias: true)
    }

    /// Bilinear resize, half-pixel centres.
    mutating func upsample(_ x: Value, height: Int, width: Int) throws(GraphError) -> Value {
        try graph.resize(x, height: height, width: width)
    }

    mutating func argmax(_ x: Value) throws(GraphError) -> Value { try graph.argmax(x) }
}
