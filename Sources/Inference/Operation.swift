/// A primitive operation on tensors of one picture. PyTorch's words and conventions.
public enum Operation: Sendable, Hashable {
    /// The picture: 8-bit samples or values already normalised.
    case input(ElementType)
    /// 8-bit samples to values: (sample / 255 − mean) / std, by channel.
    case normalize(mean: [Float], std: [Float])
    /// Convolution, with or without bias; `groups` = channels makes it depthwise.
    case convolution(Convolution)
    /// Batch normalisation with fixed statistics.
    case batchNorm(BatchNorm)
    /// max(x, 0).
    case relu
    /// The sum of two tensors.
    case add
    /// Tensors one after the other along the channels.
    case concat
    /// Channels `lower ..< lower + count`.
    case slice(lower: Int, count: Int)
    /// Channel shuffle: channel g·(C/groups) + i goes to i·groups + g.
    case shuffle(groups: Int)
    /// The largest value in k × k windows; what lies outside is left out.
    case maxPool(kernel: Int, stride: Int, padding: Int)
    /// The mean of the k × k window around each pixel (k odd); what lies outside is left out of the mean.
    case averagePool(kernel: Int)
    /// The mean of each plane, 1 × 1.
    case globalAveragePool
    /// Bilinear resize with half-pixel centres (`align_corners=False`).
    case resize(height: Int, width: Int)
    /// The channel with the largest value, 8-bit; the first of equals.
    case argmax
    /// `resize` and then `argmax`, row by row: the resized tensor never exists.
    case resizeArgmax(height: Int, width: Int)
    /// A matrix product of weights with channels that may be computed on the way; what passes make of convolutions.
    case product(Product)
    /// A convolution of the 8-bit picture, normalised on the way, and max-pooled; what a pass makes of those three.
    case pictureConvolution(PictureConvolution)
    /// The sum of a convolution's taps, each a low-resolution tensor, resized ×4 and shifted; what a pass makes of a
    /// convolution over a resize.
    case resizedTaps(ResizedTaps)
}

/// A convolution's parameters and geometry.
public struct Convolution: Sendable, Hashable {
    /// (out, in / groups, kernel, kernel).
    public var weight: Parameter
    /// One value an output channel.
    public var bias: Parameter?
    /// Pixels from one output to the next.
    public var stride: Int
    /// Zeros around the input.
    public var padding: Int
    /// Pixels from one tap to the next.
    public var dilation: Int
    /// Groups of channels that do not see each other.
    public var groups: Int
    /// Whether negative results become 0.
    public var relu: Bool

    /// A convolution with `weight`.
    public init(
        weight: Parameter, bias: Parameter? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
        groups: Int = 1, relu: Bool = false
    ) {
        self.weight = weight
        self.bias = bias
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.relu = relu
    }

    /// Taps a side.
    public var kernel: Int { weight.shape[2] }
    /// Output channels.
    public var outChannels: Int { weight.shape[0] }
    /// Whether every output channel sees one input channel of its own.
    public var isDepthwise: Bool { groups > 1 && weight.shape[1] == 1 && outChannels == groups }
}

/// A batch normalisation's parameters, each of one value a channel.
public struct BatchNorm: Sendable, Hashable {
    /// The scale.
    public let weight: Parameter
    /// The shift.
    public let bias: Parameter
    /// The mean seen in training.
    public let mean: Parameter
    /// The variance seen in training.
    public let variance: Parameter
    /// Added to the variance.
    public let epsilon: Float

    /// Batch normalisation with these parameters.
    public init(weight: Parameter, bias: Parameter, mean: Parameter, variance: Parameter, epsilon: Float = 1e-5) {
        self.weight = weight
        self.bias = bias
        self.mean = mean
        self.variance = variance
        self.epsilon = epsilon
    }
}

extension Operation {
    /// The parameters that the operation reads.
    public var parameters: [Parameter] {
        switch self {
        case .convolution(let convolution): [convolution.weight] + (convolution.bias.map { [$0] } ?? [])
        case .batchNorm(let norm): [norm.weight, norm.bias, norm.mean, norm.variance]
        case .product(let product): product.parameters
        case .pictureConvolution(let picture): picture.parameters
        case .resizedTaps(let taps): taps.parameters
        default: []
        }
    }

    /// The kind, for tables.
    public var kind: String {
        switch self {
        case .input: "input"
        case .normalize: "normalize"
        case .convolution(let convolution):
            (convolution.isDepthwise ? "depthwise " : "convolution ")
                + "\(convolution.kernel)x\(convolution.kernel)"
                + (convolution.stride > 1 ? " s\(convolution.stride)" : "")
                + (convolution.dilation > 1 ? " d\(convolution.dilation)" : "")
        case .batchNorm: "batch norm"
        case .relu: "relu"
        case .add: "add"
        case .concat: "concat"
        case .slice: "slice"
        case .shuffle: "shuffle"
        case .maxPool(let kernel, let stride, _): "max pool \(kernel)x\(kernel) s\(stride)"
        case .averagePool(let kernel): "average pool \(kernel)x\(kernel)"
        case .globalAveragePool: "global average pool"
        case .resize: "resize"
        case .argmax: "argmax"
        case .resizeArgmax: "resize + argmax"
        case .product(let product): product.kind
        case .pictureConvolution(let picture): picture.kind
        case .resizedTaps(let taps): "taps \(taps.kernel)x\(taps.kernel)" + (taps.projection == nil ? "" : " + 1x1")
        }
    }
}
