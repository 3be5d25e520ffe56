import Inference

/// Graphs of operations drawn at random, deep and tangled, with outputs in odd places.
enum RandomGraphs {
    static func make(seed: UInt64) throws -> Graph {
        var random = Random(seed: seed)
        var graph = GraphBuilder()
        var values: [Value] = []
        let (height, width) = (Int.random(in: 1...9, using: &random), random.pick([1, 3, 8, 15, 17, 33, 40]))
        if Bool.random(using: &random) {
            let picture = try graph.input(Shape(3, height, width), .uint8)
            values.append(try graph.normalize(picture, mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3]))
        } else {
            values.append(try graph.input(Shape(random.pick([1, 2, 4, 6]), height, width), .float32))
        }
        for number in 0..<Int.random(in: 3...25, using: &random) {
            // Mostly what was computed last, so that chains come about.
            let x = Bool.random(using: &random) ? values[values.count - 1] : random.pick(values)
            guard let y = try? add(to: &graph, x, values, "n\(number)", &random) else { continue }
            guard graph.shape(of: y).count < 60_000, graph.shape(of: y).channels < 100 else { continue }
            values.append(y)
        }
        graph.mark(values[values.count - 1], as: "last")
        for number in 0..<Int.random(in: 0...3, using: &random) {
            graph.mark(random.pick(values), as: "output \(number)")
        }
        if Bool.random(using: &random) { graph.mark(try graph.argmax(random.pick(values)), as: "classes") }
        return graph.built
    }

    private static func add(
        to graph: inout GraphBuilder, _ x: Value, _ values: [Value], _ name: String, _ random: inout Random
    ) throws -> Value {
        let shape = graph.shape(of: x)
        let (kernel, dilation) = (random.pick([1, 3, 3, 5]), random.pick([1, 1, 2, 9]))
        switch Int.random(in: 0..<16, using: &random) {
        case 0, 1:
            return try graph.convolution(
                x, name, out: random.pick([1, 3, 8, 17]), kernel: 1, bias: Bool.random(using: &random))
        case 2:
            return try graph.convolution(
                x, name, out: random.pick([1, 3, 8]), kernel: kernel, stride: random.pick([1, 1, 2]),
                padding: kernel / 2 * dilation, dilation: dilation)
        case 3, 4:
            return try graph.depthwise(x, name, kernel: kernel, stride: random.pick([1, 1, 2]), dilation: dilation)
        case 5: return graph.batchNorm(x, name)
        case 6, 7: return graph.relu(x)
        case 8, 9:
            let same = values.filter { graph.shape(of: $0) == shape }
            return try graph.sum(x, random.pick(same))
        case 10, 11:
            let same = values.filter {
                graph.shape(of: $0).height == shape.height && graph.shape(of: $0).width == shape.width
            }
            return try graph.concat((0..<Int.random(in: 1...3, using: &random)).map { _ in random.pick(same) } + [x])
        case 12:
            let lower = Int.random(in: 0..<shape.channels, using: &random)
            return try graph.slice(x, channels: lower..<Int.random(in: lower + 1...shape.channels, using: &random))
        case 13: return try graph.shuffle(x, groups: random.pick([1, 2, 3]))
        case 14:
            return Bool.random(using: &random)
                ? try graph.maxPool(x, kernel: 3, stride: random.pick([1, 2]), padding: 1)
                : try graph.averagePool(x, kernel: random.pick([3, 9]))
        default:
            let pooled = Bool.random(using: &random) ? graph.globalAveragePool(x) : x
            let target = Bool.random(using: &random) ? graph.shape(of: random.pick(values)) : nil
            let from = graph.shape(of: pooled)
            return try graph.resize(
                pooled, height: target?.height ?? 4 * from.height, width: target?.width ?? 4 * from.width)
        }
    }
}
