import Imaging
import Inference

/// Pyramid ShuffleNetV2 with efficient Vortex Pooling, as a graph (Table II).
public struct PyramidShuffleNet {
    /// The blocks of Table II by name, in order: what `trace` and `describe` speak of.
    public static let blocks = ["stem", "pool", "stage1", "stage2", "stage3", "vortex", "head", "classifier", "logits"]
    /// One without state.
    public init() {}

    /// Heights and widths must be multiples of this: the network halves them four times.
    public static let sizeMultiple = 16

    /// The network for pictures of `size` (H, W), with every block an output of its name and the class map besides.
    ///
    /// Throws `GraphError` where the size is no positive multiple of 16.
    public static func graph(
        _ variant: Variant, classes: Int, size: ImageSize, input: NetworkInput
    ) throws(GraphError) -> Graph {
        guard size.height > 0, size.width > 0, size.height % sizeMultiple == 0, size.width % sizeMultiple == 0 else {
            throw GraphError("size \(size): height and width must be positive multiples of \(sizeMultiple)")
        }
        guard (1...255).contains(classes) else { throw GraphError("\(classes) classes; there can be 1 to 255") }
        var net = NetworkBuilder()
        let kernels = variant.pyramidKernels

        // Layer      Output size        Stride  Rate       Repeat
        // Image      H × W × 3
        net.begin(block: "stem")
        var x = try net.image(Shape(3, size.height, size.width), input)
        // Conv2D     H/2 × W/2 × 24     2                  1
        x = try net.convBNReLU(x, "stem", out: 24, kernel: 3, stride: 2)
        net.mark(x, as: "stem")
        // MaxPool    H/4 × W/4 × 24     2
        net.begin(block: "pool")
        x = try net.maxPool(x)
        net.mark(x, as: "pool")
        // Stage1     H/8 × W/8 × 116    2, 1    1, 1       1, 3
        net.begin(block: "stage1")
        x = try net.downsamplingUnit(x, "stage1.0", out: 116, kernels: kernels, stride: 2)
        for i in 1...3 { x = try net.basicUnit(x, "stage1.\(i)", kernels: kernels) }
        net.mark(x, as: "stage1")
        // Stage2     H/16 × W/16 × 232  2, 1    1, 1       1, 7
        net.begin(block: "stage2")
        x = try net.downsamplingUnit(x, "stage2.0", out: 232, kernels: kernels, stride: 2)
        for i in 1...7 { x = try net.basicUnit(x, "stage2.\(i)", kernels: kernels) }
        net.mark(x, as: "stage2")
        // Stage3     H/16 × W/16 × 464  1, 1    1, (1,2,3) 1, 3
        net.begin(block: "stage3")
        x = try net.downsamplingUnit(x, "stage3.0", out: 464, kernels: [3], stride: 1)
        for i in 1...3 { x = try net.basicUnit(x, "stage3.\(i)", kernels: [3], dilation: i) }
        net.mark(x, as: "stage3")
        // Vortex Pool  H/4 × W/4 × 256                     1
        if variant.vortex != .none {
            net.begin(block: "vortex")
            x = try net.vortexPooling(x, "vortex", out: 256, form: variant.vortex)
            net.mark(x, as: "vortex")
        }
        net.begin(block: "head")
        x = try net.upsample(x, height: size.height / 4, width: size.width / 4)
        // Conv2D     H/4 × W/4 × 128    1                  1
        x = try net.convBNReLU(x, "head", out: 128, kernel: 3)
        net.mark(x, as: "head")
        // Conv2D     H/4 × W/4 × n      1                  1
        net.begin(block: "classifier")
        x = try net.pointwise(x, "classifier", out: classes)
        net.mark(x, as: "classifier")
        // Bilinear Up  H × W × n                           1
        net.begin(block: "logits")
        x = try net.upsample(x, height: size.height, width: size.width)
        net.mark(x, as: "logits")
        net.mark(try net.argmax(x), as: NetworkOutput.classMap)
        return net.built
    }
}

extension PyramidShuffleNet: Architecture {
    /// `pyramid-shufflenet-v2`.
    public var name: String { "pyramid-shufflenet-v2" }
    /// 16.
    public var sizeMultiple: Int { Self.sizeMultiple }
    /// Those of Table II.
    public var blocks: [String] { Self.blocks }
    /// The rows of Table IV.
    public var variants: [NetworkVariant] { Variant.allCases.map(variant) }

    private func variant(_ variant: Variant) -> NetworkVariant {
        NetworkVariant(architecture: self, name: variant.rawValue, title: variant.title)
    }

    /// By the metadata `pyramid` and `vortex`.
    public func variant(of metadata: MetadataStrings) throws(ModelError) -> NetworkVariant {
        let (pyramid, vortex) = (try metadata.string("pyramid"), try metadata.string("vortex"))
        guard let found = Variant(pyramid: pyramid, vortex: vortex) else {
            throw ModelError(
                path: metadata.path,
                "metadata says pyramid \"\(pyramid)\" and vortex \"\(vortex)\"; expected true or false, and efficient, full or none"
            )
        }
        return variant(found)
    }

    /// See `Architecture`; by the raw value of a `Variant`.
    public func graph(
        variant: String, classes: Int, size: ImageSize, input: NetworkInput
    ) throws(GraphError) -> Graph {
        guard let variant = Variant(rawValue: variant) else {
            throw GraphError("\(name) has no variant \"\(variant)\"")
        }
        return try Self.graph(variant, classes: classes, size: size, input: input)
    }
}
