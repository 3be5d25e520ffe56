import Imaging
import Inference

/// A model: what its file says, and its weights, checked.
public struct Model: Sendable {
    /// The file's name without folder and ending.
    public let name: String
    /// Where it was read.
    public let path: String
    /// What the file says of itself.
    public let metadata: ModelMetadata
    /// Equal for two models of the same content, whatever their paths; different, all but surely, for others. Good for
    /// comparisons within one process.
    public let fingerprint: Int
    private let weights: Weights

    /// Classes and colours.
    public var labels: LabelSet { metadata.labels }

    /// Reads the model at `path` and checks every tensor against the network: none missing, none
    /// unknown, shapes right, values finite.
    public static func load(path: String) throws(ModelError) -> Model {
        let file = try SafetensorsFile(path: path)
        let metadata = try ModelMetadata(file.metadata, path: path)
        let graph: Graph
        do {
            let multiple = metadata.variant.architecture.sizeMultiple
            graph = try metadata.variant.graph(
                classes: metadata.labels.count, size: ImageSize(height: multiple, width: multiple),
                input: .normalized)
        } catch {
            throw ModelError(path: path, error.description)
        }
        let parameters = graph.parameters
        for parameter in parameters {
            guard let entry = file.tensors[parameter.name] else {
                throw ModelError(
                    path: path,
                    "has no tensor \"\(parameter.name)\", of shape \(parameter.shape); the variant \"\(metadata.variant.name)\" needs it"
                )
            }
            guard entry.shape == parameter.shape else {
                throw ModelError(
                    path: path, "tensor \"\(parameter.name)\" has shape \(entry.shape); expected \(parameter.shape)")
            }
            guard entry.type != .uint8 else {
                throw ModelError(path: path, "tensor \"\(parameter.name)\" has element type U8; expected F32 or F16")
            }
        }
        let known = Set(parameters.map(\.name))
        if let unknown = file.tensors.keys.filter({ !known.contains($0) }).min() {
            throw ModelError(
                path: path,
                "has a tensor \"\(unknown)\" that the variant \"\(metadata.variant.name)\" does not know"
            )
        }
        var weights = Weights()
        // The header and its tensors, which leave no gap, are all of the file.
        var hasher = Hasher()
        file.header.withUnsafeBytes { hasher.combine(bytes: $0) }
        for parameter in parameters {
            let values = try file.floats(parameter.name)
            if parameter.name.hasSuffix(".running_var"), let bad = values.firstIndex(where: { $0 < 0 }) {
                throw ModelError(
                    path: path,
                    "tensor \"\(parameter.name)\" holds \(values[bad]) at element \(bad); a variance is not negative")
            }
            values.withUnsafeBytes { hasher.combine(bytes: $0) }
            weights.set(parameter.name, values)
        }
        try file.checkUnchanged()
        let fileName = path.split(separator: "/").last.map(String.init) ?? path
        let name = fileName.hasSuffix(".safetensors") ? String(fileName.dropLast(12)) : fileName
        return Model(
            name: name, path: path, metadata: metadata, fingerprint: hasher.finalize(), weights: weights)
    }

    /// The network for pictures of `size` with these weights; see `Architecture.graph`.
    public func program(size: ImageSize, input: NetworkInput) throws(GraphError) -> Program {
        Program(
            graph: try metadata.variant.graph(classes: labels.count, size: size, input: input), weights: weights)
    }

    /// The input for 8-bit pictures: the model's own mean and deviation.
    public var pictureInput: NetworkInput { .picture(mean: metadata.mean, std: metadata.std) }
}
