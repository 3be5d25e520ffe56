import Imaging
import Inference
import Kernels
import Networks

/// The network ready to run at one size: pictures in, class maps out.
///
/// Cameras share one segmenter, and so its weights and its threads; calls come from one queue, one at a time.
public final class Segmenter: @unchecked Sendable {
    /// The size of the network's input, and of the class maps.
    public let inputSize: ImageSize
    /// Classes and colours, as the model file gives them.
    public let labels: LabelSet
    /// The model's name.
    public let modelName: String
    private let engine: Engine

    /// Prepares `model` for pictures of `inputSize`.
    ///
    /// - Parameters:
    ///   - threads: threads that work on a picture, the caller's included.
    ///   - instructionSet: the kernels to use; the best of this machine where nil.
    ///   - multiplier: what multiplies matrices; chosen by `EngineOptions` where nil.
    /// - Throws: `Engine.Failure` where the size is no multiple of 16, OpenBLAS is missing, or the machine has no
    ///   such instructions.
    public init(
        model: Model, inputSize: ImageSize, threads: Int, instructionSet: InstructionSet? = nil,
        multiplier: EngineOptions.Multiplier? = nil
    ) throws(Engine.Failure) {
        let program: Program
        do {
            let whole = try model.program(size: inputSize, input: model.pictureInput)
            program = Program(
                graph: whole.graph.keeping(outputs: [NetworkOutput.classMap]), weights: whole.weights)
        } catch {
            throw .graph(error)
        }
        engine = try Engine(
            program,
            options: EngineOptions(
                threads: threads, instructionSet: instructionSet ?? .best, multiplier: multiplier))
        self.inputSize = inputSize
        labels = model.labels
        modelName = model.name
    }

    /// Writes the class of every pixel of `input` into `classes`. Both are of `inputSize`.
    public func segment(_ input: PlanarRGB, into classes: ClassMap) throws(Engine.Failure) {
        guard input.size == inputSize else {
            throw .size(of: "picture", expected: inputSize.description, got: input.size.description)
        }
        guard classes.size == inputSize else {
            throw .size(of: "class map", expected: inputSize.description, got: classes.size.description)
        }
        try input.withUnsafeBytes { (bytes) throws(Engine.Failure) in try engine.run(bytes) }
        try classes.withUnsafeMutableBytes { (target) throws(Engine.Failure) in
            try engine.withOutput(NetworkOutput.classMap) { target.copyMemory(from: $0) }
        }
    }

    /// Bytes of tensors and scratch memory, and of weights made ready.
    public var memory: (arena: Int, weights: Int) { (engine.arenaBytes, engine.weightBytes) }

    /// The kernels in use.
    public var instructionSet: InstructionSet { engine.instructionSet }

    /// Threads that work on a picture.
    public var threads: Int { engine.threads }

    /// What the last picture's operations took, in order.
    public var timings: [(node: Node, nanoseconds: UInt64)] { engine.timings }
}
