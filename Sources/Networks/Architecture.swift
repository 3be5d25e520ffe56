import Imaging
import Inference

/// A network as code. A model file names it; its weights are in the file.
///
/// A new one is one file, and one row in `Architectures`.
public protocol Architecture: Sendable {
    /// The value of `architecture` in a model file.
    var name: String { get }
    /// Heights and widths of the input must be multiples of this.
    var sizeMultiple: Int { get }
    /// Its blocks in order: outputs of the graph by these names, unless a variant lacks one.
    var blocks: [String] { get }
    /// All its variants.
    var variants: [NetworkVariant] { get }

    /// The variant that the metadata of a model file describes.
    func variant(of metadata: MetadataStrings) throws(ModelError) -> NetworkVariant

    /// The graph of the variant called `variant`, for inputs of `size` (H, W): every block an output of its name, and
    /// the class map one by `NetworkOutput.classMap`.
    ///
    /// Throws `GraphError` where there is no such variant, or the size is not one of this network's.
    func graph(variant: String, classes: Int, size: ImageSize, input: NetworkInput) throws(GraphError) -> Graph
}

/// The architectures that a model file may name.
public enum Architectures {
    /// All of them.
    public static let all: [any Architecture] = [PyramidShuffleNet()]

    /// The variants of all of them.
    public static var variants: [NetworkVariant] { all.flatMap(\.variants) }

    /// Whether one of them takes inputs of `size`.
    public static func take(_ size: ImageSize) -> Bool {
        all.contains { size.height.isMultiple(of: $0.sizeMultiple) && size.width.isMultiple(of: $0.sizeMultiple) }
    }

    /// The least multiple that heights and widths must be of.
    public static var sizeMultiple: Int { all.map(\.sizeMultiple).min() ?? 1 }
}

/// One variant of an architecture.
public struct NetworkVariant: Sendable {
    /// What it is a variant of.
    public let architecture: any Architecture
    /// Its name, no other one's.
    public let name: String
    /// What people call it.
    public let title: String

    /// The graph for inputs of `size` (H, W); see `Architecture.graph`.
    public func graph(classes: Int, size: ImageSize, input: NetworkInput) throws(GraphError) -> Graph {
        try architecture.graph(variant: name, classes: classes, size: size, input: input)
    }
}

/// What comes into a network.
public enum NetworkInput: Sendable {
    /// 8-bit red, green and blue planes, normalised with a model's mean and deviation.
    case picture(mean: [Float], std: [Float])
    /// Planes that are normalised already.
    case normalized
}

/// The names of outputs that every network has.
public enum NetworkOutput {
    /// The class of every pixel, (1, H, W), a byte each.
    public static let classMap = "classes"
}
