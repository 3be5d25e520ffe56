/// A matrix product: (out, depth) weights times `depth` channels of pixels, each channel read or computed when it is
/// needed, so that concatenations and depthwise results never lie in memory.
public struct Product: Sendable, Hashable {
    /// Where channels come from; the depth is their channels in order.
    public var sources: [Source]
    /// (out, depth, 1, 1).
    public var weight: Parameter
    /// One value an output channel.
    public var bias: Parameter?
    /// Which input, if any, holds one more value an output channel (out, 1, 1), added like a bias.
    public var biasInput: Int?
    /// Whether negative results become 0.
    public var relu: Bool

    /// Channels of the product, computed from the node's input number `input`.
    public struct Source: Sendable, Hashable {
        /// Which of the node's inputs.
        public var input: Int
        /// What is done to it.
        public var kind: Kind

        /// How channels are made of an input of C channels.
        public enum Kind: Sendable, Hashable {
            /// The input's own C channels.
            case planes
            /// The taps of a convolution's windows, C · kernel² channels.
            case windows(kernel: Int, stride: Int, padding: Int, dilation: Int)
            /// Depthwise convolutions of the input, C channels each, one after the other.
            case depthwise([Convolution])
        }

        /// Channels made from `input`.
        public init(input: Int, kind: Kind) {
            self.input = input
            self.kind = kind
        }

        /// How many channels there are for an input of `channels`.
        func depth(channels: Int) -> Int {
            switch kind {
            case .planes: channels
            case .windows(let kernel, _, _, _): channels * kernel * kernel
            case .depthwise(let convolutions): channels * convolutions.count
            }
        }
    }

    var outChannels: Int { weight.shape[0] }

    var depthwise: [Convolution] {
        sources.flatMap { source -> [Convolution] in
            if case .depthwise(let convolutions) = source.kind { return convolutions }
            return []
        }
    }

    var parameters: [Parameter] {
        let own = [weight] + (bias.map { [$0] } ?? [])
        return own + depthwise.flatMap { [$0.weight] + ($0.bias.map { [$0] } ?? []) }
    }

    var kind: String {
        let kernels = depthwise.map { "\($0.kernel)" + ($0.dilation > 1 ? "d\($0.dilation)" : "") }
        let windows = sources.compactMap { source -> String? in
            if case .windows(let kernel, _, _, _) = source.kind { return "\(kernel)x\(kernel)" }
            return nil
        }
        if let window = windows.first { return "product \(window)" }
        return kernels.isEmpty ? "product 1x1" : "depthwise \(kernels.joined(separator: ",")) + 1x1"
    }
}

/// y(p) = Σ over taps t of [p + t inside] · resize×4(x_t)(p + t) + bias, with x_t the channels t·out ..< (t+1)·out of a
/// low-resolution input of kernel² · out channels; then ReLU, then a 1×1 convolution where asked.
public struct ResizedTaps: Sendable, Hashable {
    /// Taps a side.
    public var kernel: Int
    /// Channels of a tap.
    public var channels: Int
    /// One value a channel.
    public var bias: Parameter?
    /// Whether negative sums become 0.
    public var relu: Bool
    /// A 1×1 convolution on the result, which then never lies in memory.
    public var projection: Convolution?

    var parameters: [Parameter] {
        (bias.map { [$0] } ?? []) + (projection.map { [$0.weight] + ($0.bias.map { [$0] } ?? []) } ?? [])
    }
}
