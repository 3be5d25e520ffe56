import Imaging
import Inference
import Kernels
import Networks

/// The network from its first operation up to one of its blocks, ready to run at one size: for measuring.
///
/// Not for two threads at once.
public final class NetworkPart: @unchecked Sendable {
    /// The block of Table II that it ends with, or `classes`, the whole network.
    public let block: String
    /// The size of its input.
    public let inputSize: ImageSize
    /// The graph as built: what the network is by definition.
    public let specification: Graph
    private let engine: Engine

    /// Prepares `model` for pictures of `inputSize`, up to and with `block`; what comes after is not compiled.
    ///
    /// - Throws: `UnknownBlock`; `Engine.Failure` as `Engine.init`.
    public init(
        model: Model, until block: String = NetworkOutput.classMap, inputSize: ImageSize, options: EngineOptions
    ) throws {
        let program: Program
        do { program = try model.program(size: inputSize, input: model.pictureInput) } catch {
            throw Engine.Failure.graph(error)
        }
        let part = try program.keeping(blocks: [block])
        engine = try Engine(part, options: options)
        specification = part.graph
        self.block = block
        self.inputSize = inputSize
    }

    /// Runs it on `input`, which is of `inputSize`. The result stays in the engine's memory.
    public func run(_ input: PlanarRGB) throws(Engine.Failure) {
        guard input.size == inputSize else {
            throw .size(of: "picture", expected: inputSize.description, got: input.size.description)
        }
        try input.withUnsafeBytes { (bytes) throws(Engine.Failure) in try engine.run(bytes) }
    }

    /// The block's tensor after a run, valid inside `body`.
    public func withOutput<Result>(_ body: (UnsafeRawBufferPointer) -> Result) throws(Engine.Failure) -> Result {
        try engine.withOutput(block, body)
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
