extension PyramidShuffleNet {
    /// A variant of the network: the rows of Table IV.
    public enum Variant: String, CaseIterable, Sendable {
        /// ShuffleNetV2: depthwise kernels of 3×3 only, no Vortex Pooling.
        case plain
        /// Pyramid ShuffleNetV2, no Vortex Pooling.
        case pyramid
        /// Pyramid ShuffleNetV2 + Vortex Pooling, its branches standard convolutions.
        case full
        /// Pyramid ShuffleNetV2 + efficient Vortex Pooling: the paper's network, and the default.
        case efficient

        /// The row's name in Table IV.
        public var title: String {
            switch self {
            case .plain: "ShuffleNetV2"
            case .pyramid: "PyramidShuffleNetV2"
            case .full: "PyramidShuffleNetV2 + VortexPooling"
            case .efficient: "PyramidShuffleNetV2 + efficient VortexPooling"
            }
        }

        /// The depthwise kernels of stages 1 and 2 (section III.A: K).
        var pyramidKernels: [Int] { self == .plain ? [3] : [3, 5, 7] }

        /// Whether there is Vortex Pooling, and of which form.
        var vortex: VortexForm {
            switch self {
            case .plain, .pyramid: .none
            case .full: .full
            case .efficient: .efficient
            }
        }

        /// From a model file's metadata `pyramid` and `vortex`; nil where there is no such network.
        init?(pyramid: String, vortex: String) {
            switch (pyramid, vortex) {
            case ("false", "none"): self = .plain
            case ("true", "none"): self = .pyramid
            case ("true", "full"): self = .full
            case ("true", "efficient"): self = .efficient
            default: return nil
            }
        }
    }
}

/// The forms of Vortex Pooling.
enum VortexForm {
    /// No Vortex Pooling.
    case none
    /// Branches of standard 3×3 convolutions.
    case full
    /// Branches of depthwise 3×3 convolutions, their pointwise half in the projection (Figure 3).
    case efficient
}
