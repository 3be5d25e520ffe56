/// What an operation costs, counted, not measured.
public struct Cost: Sendable, Hashable {
    /// Trained values; running statistics of batch normalisation are not counted, as PyTorch does not.
    public var parameters = 0
    /// Multiply–accumulates of convolutions.
    public var multiplyAccumulates = 0

    /// Nothing.
    public init() {}

    /// Both sums.
    public static func + (a: Cost, b: Cost) -> Cost {
        var sum = a
        sum.parameters += b.parameters
        sum.multiplyAccumulates += b.multiplyAccumulates
        return sum
    }
}

extension Node {
    /// What the operation costs.
    public var cost: Cost {
        var cost = Cost()
        switch operation {
        case .convolution(let convolution):
            cost.parameters = convolution.weight.count + (convolution.bias?.count ?? 0)
            cost.multiplyAccumulates = convolution.weight.count * shape.plane
        case .batchNorm(let norm):
            cost.parameters = norm.weight.count + norm.bias.count
        case .product(let product):
            cost.parameters = operation.parameters.reduce(0) { $0 + $1.count }
            cost.multiplyAccumulates =
                (product.weight.count + product.depthwise.reduce(0) { $0 + $1.weight.count }) * shape.plane
        case .pictureConvolution(let picture):
            cost.parameters = operation.parameters.reduce(0) { $0 + $1.count }
            cost.multiplyAccumulates = picture.convolution.weight.count * picture.result.plane
        case .resizedTaps(let taps):
            cost.parameters = operation.parameters.reduce(0) { $0 + $1.count }
            // Six terms down and six across for each of the kernel's columns, of which four outputs share the former.
            let interpolation = taps.channels * (6 * taps.kernel + 4 * 2 * taps.kernel) / 4
            cost.multiplyAccumulates = (interpolation + (taps.projection?.weight.count ?? 0)) * shape.plane
        default:
            break
        }
        return cost
    }
}

extension Graph {
    /// The cost of all nodes, or of those of one block.
    public func cost(ofBlock block: String? = nil) -> Cost {
        nodes.filter { block == nil || $0.block == block }.reduce(Cost()) { $0 + $1.cost }
    }
}
