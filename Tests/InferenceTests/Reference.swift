import Inference

/// A tensor as the tests compute it.
struct Tensor {
    let shape: Shape
    var values: [Float]

    init(_ shape: Shape, _ value: (_ channel: Int, _ y: Int, _ x: Int) -> Double) {
        self.shape = shape
        values = []
        values.reserveCapacity(shape.count)
        for c in 0..<shape.channels {
            for y in 0..<shape.height { for x in 0..<shape.width { values.append(Float(value(c, y, x))) } }
        }
    }

    init(_ shape: Shape, values: [Float]) {
        self.shape = shape
        self.values = values
    }

    subscript(channel: Int, y: Int, x: Int) -> Double {
        Double(values[(channel * shape.height + y) * shape.width + x])
    }

    func contains(_ y: Int, _ x: Int) -> Bool { y >= 0 && y < shape.height && x >= 0 && x < shape.width }
}

/// The operations written down once more, as plainly as can be and in double precision: what PyTorch's documentation
/// says of each. A graph as built is run node by node.
enum Reference {
    /// An operation that only passes make, or one that these definitions do not have yet.
    struct Unknown: Error, CustomStringConvertible {
        let description: String
    }

    /// The result of every node.
    static func run(_ program: Program, input: [Float]) throws -> [Tensor] {
        var results: [Tensor] = []
        for node in program.graph.nodes {
            results.append(
                try run(node, node.inputs.map { results[$0.index] }, program.weights, Tensor(node.shape, values: input))
            )
        }
        return results
    }

    private static func run(_ node: Node, _ inputs: [Tensor], _ weights: Weights, _ input: Tensor) throws -> Tensor {
        let shape = node.shape
        switch node.operation {
        case .input: return input
        case .normalize(let mean, let std):
            return Tensor(shape) { (inputs[0][$0, $1, $2] / 255 - Double(mean[$0])) / Double(std[$0]) }
        case .convolution(let convolution):
            return convolve(
                inputs[0], convolution, shape, try weights.values(of: convolution.weight),
                try convolution.bias.map { try weights.values(of: $0) })
        case .batchNorm(let norm):
            let (weight, bias) = (try weights.values(of: norm.weight), try weights.values(of: norm.bias))
            let (mean, variance) = (try weights.values(of: norm.mean), try weights.values(of: norm.variance))
            return Tensor(shape) {
                (inputs[0][$0, $1, $2] - Double(mean[$0])) / (Double(variance[$0]) + Double(norm.epsilon)).squareRoot()
                    * Double(weight[$0]) + Double(bias[$0])
            }
        case .relu: return Tensor(shape) { max(inputs[0][$0, $1, $2], 0) }
        case .add: return Tensor(shape) { inputs[0][$0, $1, $2] + inputs[1][$0, $1, $2] }
        case .concat: return Tensor(shape, values: inputs.flatMap(\.values))
        case .slice(let lower, _): return Tensor(shape) { inputs[0][lower + $0, $1, $2] }
        case .shuffle(let groups):
            // View as (groups, size), transpose, flatten.
            let size = shape.channels / groups
            return Tensor(shape) { c, y, x in inputs[0][c % groups * size + c / groups, y, x] }
        case .maxPool(let kernel, let stride, let padding):
            return Tensor(shape) { c, y, x in
                window(inputs[0], c, y * stride - padding, x * stride - padding, kernel).max() ?? -.infinity
            }
        case .averagePool(let kernel):
            return Tensor(shape) { c, y, x in
                let values = window(inputs[0], c, y - kernel / 2, x - kernel / 2, kernel)
                return values.reduce(0, +) / Double(values.count)
            }
        case .globalAveragePool:
            let plane = inputs[0].shape.plane
            return Tensor(shape) { c, _, _ in
                inputs[0].values[c * plane..<(c + 1) * plane].reduce(0) { $0 + Double($1) } / Double(plane)
            }
        case .resize: return resize(inputs[0], shape)
        case .argmax:
            return Tensor(shape) { _, y, x in
                let pixel = (0..<inputs[0].shape.channels).map { inputs[0][$0, y, x] }
                return Double(pixel.firstIndex(of: pixel.max() ?? 0) ?? 0)
            }
        default: throw Unknown(description: "the tests have no definition of \(node.operation.kind)")
        }
    }

    private static func window(_ input: Tensor, _ c: Int, _ top: Int, _ left: Int, _ kernel: Int) -> [Double] {
        (top..<top + kernel).flatMap { y in
            (left..<left + kernel).compactMap { x in input.contains(y, x) ? input[c, y, x] : nil }
        }
    }

    private static func convolve(
        _ input: Tensor, _ convolution: Convolution, _ shape: Shape, _ weights: [Float], _ bias: [Float]?
    ) -> Tensor {
        let kernel = convolution.kernel
        let (groupIn, groupOut) = (input.shape.channels / convolution.groups, shape.channels / convolution.groups)
        return Tensor(shape) { o, y, x in
            var sum = Double(bias?[o] ?? 0)
            for i in 0..<groupIn {
                for ky in 0..<kernel {
                    for kx in 0..<kernel {
                        let v = y * convolution.stride + ky * convolution.dilation - convolution.padding
                        let u = x * convolution.stride + kx * convolution.dilation - convolution.padding
                        guard input.contains(v, u) else { continue }
                        sum +=
                            Double(weights[((o * groupIn + i) * kernel + ky) * kernel + kx])
                            * input[o / groupOut * groupIn + i, v, u]
                    }
                }
            }
            return convolution.relu ? max(sum, 0) : sum
        }
    }

    /// Half-pixel centres, `align_corners=False`.
    private static func resize(_ input: Tensor, _ shape: Shape) -> Tensor {
        func place(_ output: Int, _ from: Int, _ to: Int) -> (low: Int, high: Int, share: Double) {
            let place = max((Double(output) + 0.5) * Double(from) / Double(to) - 0.5, 0)
            let low = min(Int(place), from - 1)
            return (low, min(low + 1, from - 1), place - Double(low))
        }
        return Tensor(shape) { c, y, x in
            let (top, bottom, down) = place(y, input.shape.height, shape.height)
            let (left, right, across) = place(x, input.shape.width, shape.width)
            let upper = input[c, top, left] * (1 - across) + input[c, top, right] * across
            let lower = input[c, bottom, left] * (1 - across) + input[c, bottom, right] * across
            return upper * (1 - down) + lower * down
        }
    }
}
