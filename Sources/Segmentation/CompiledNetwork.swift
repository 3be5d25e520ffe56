import Imaging
import Inference
import Kernels
import Networks

/// A model compiled for inputs of one size: what cameras share, and what `bench` and `trace` run.
///
/// Not for two threads at once. The threads that it works with are its own.
public final class CompiledNetwork: @unchecked Sendable {
    /// One output of a run.
    public struct Activation {
        /// The block, or `NetworkOutput.classMap`.
        public let name: String
        /// Channels, rows, columns.
        public let shape: Shape
        /// What the bytes are.
        public let type: ElementType
        /// The values, little-endian.
        public let bytes: [UInt8]
    }

    /// The size of the network's input, and of the class maps.
    public let inputSize: ImageSize
    /// Classes and colours, as the model file gives them.
    public let labels: LabelSet
    /// The model's name.
    public let modelName: String
    /// What it computes, in the network's order. What no output needs is not compiled.
    public let outputs: [String]
    /// What can be asked for: the blocks that the model has, and `NetworkOutput.classMap`.
    public let available: [String]
    /// The graph as built: what the network is by definition.
    public let specification: Graph
    private let engine: Engine

    /// Compiles `model` for inputs of `size`.
    ///
    /// - Parameters:
    ///   - outputs: what to compute; the class map where left out, all that is available where empty.
    ///   - input: what comes in; 8-bit pictures where nil.
    ///   - options: threads, instruction set, and how to compile; `.specification` runs the graph as built.
    /// - Throws: `UnknownBlock`; `Engine.Failure` where the network does not take the size, OpenBLAS is missing, or the
    ///   machine has no such instructions.
    public init(
        _ model: Model, size: ImageSize, outputs: [String] = [NetworkOutput.classMap], input: NetworkInput? = nil,
        options: EngineOptions
    ) throws {
        let program: Program
        do {
            program = try model.program(size: size, input: input ?? model.pictureInput)
        } catch {
            throw Engine.Failure.graph(error)
        }
        available = program.graph.outputs.map(\.name)
        let part = try program.keeping(blocks: outputs.isEmpty ? available : outputs)
        engine = try Engine(part, options: options)
        specification = part.graph
        self.outputs = part.graph.outputs.map(\.name)
        inputSize = size
        labels = model.labels
        modelName = model.name
    }

    /// Runs it on `input`, which is of `inputSize`. The results stay in its memory.
    public func run(_ input: PlanarRGB) throws(Engine.Failure) {
        guard input.size == inputSize else {
            throw .size(of: "picture", expected: inputSize.description, got: input.size.description)
        }
        try input.withUnsafeBytes { (bytes) throws(Engine.Failure) in try engine.run(bytes) }
    }

    /// Writes the class of every pixel of `input` into `classes`. Both are of `inputSize`; the class map is one of
    /// `outputs`.
    public func segment(_ input: PlanarRGB, into classes: ClassMap) throws(Engine.Failure) {
        guard classes.size == inputSize else {
            throw .size(of: "class map", expected: inputSize.description, got: classes.size.description)
        }
        try run(input)
        try classes.withUnsafeMutableBytes { (target) throws(Engine.Failure) in
            try withOutput(NetworkOutput.classMap) { target.copyMemory(from: $0) }
        }
    }

    /// Runs it on `input`, 8-bit or 32-bit planes as `init` was told, and copies all its outputs.
    public func activations(of input: UnsafeRawBufferPointer) throws(Engine.Failure) -> [Activation] {
        try engine.run(input)
        var activations: [Activation] = []
        for name in outputs {
            let (shape, type) = try engine.output(name)
            let bytes = try withOutput(name) { Array($0) }
            activations.append(Activation(name: name, shape: shape, type: type, bytes: bytes))
        }
        return activations
    }

    /// The tensor of the output called `name` after a run, valid inside `body`.
    public func withOutput<Result>(
        _ name: String, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(Engine.Failure) -> Result {
        try engine.withOutput(name, body)
    }

    /// The graph as executed.
    public var compiled: Graph { engine.graph }

    /// Of the matrix products, how many our kernels compute and how many OpenBLAS.
    public var products: (byKernels: Int, byOpenBLAS: Int) { engine.products }

    /// Bytes of tensors and scratch memory, and of weights made ready.
    public var memory: (arena: Int, weights: Int) { (engine.arenaBytes, engine.weightBytes) }

    /// The kernels in use.
    public var instructionSet: InstructionSet { engine.instructionSet }

    /// Threads that work on a picture.
    public var threads: Int { engine.threads }

    /// The nodes of `compiled` that are executed, by index and in order, as in `timings`.
    public var executed: [Int] { engine.executed }

    /// What the last picture's operations took, in order.
    public var timings: [(node: Node, nanoseconds: UInt64)] { engine.timings }
}
