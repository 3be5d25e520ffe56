import Imaging
import Inference
import Kernels
import Networks

/// Runs a model on one input and keeps what its blocks compute: for `trace`, and for whoever checks the engine.
public struct Tracer {
    /// The outputs that can be asked for, in order: the blocks of Table II that the model has, and `classes`.
    public let available: [String]
    private let engine: Engine
    private let outputs: [String]

    /// One block's activations.
    public struct Activation {
        /// The block.
        public let name: String
        /// Channels, rows, columns.
        public let shape: Shape
        /// What the bytes are.
        public let type: ElementType
        /// The values, little-endian.
        public let bytes: [UInt8]
    }

    /// Prepares `model` for an input of `size`.
    ///
    /// - Parameters:
    ///   - blocks: what to keep; all that there is where empty.
    ///   - options: how to compile; `.specification` runs the graph as built.
    public init(
        model: Model, size: ImageSize, input: NetworkInput, blocks: [String], options: EngineOptions
    ) throws {
        let program: Program
        do { program = try model.program(size: size, input: input) } catch { throw Engine.Failure.graph(error) }
        let available = program.graph.outputs.map(\.name)
        let part = try program.keeping(blocks: blocks.isEmpty ? available : blocks)
        let outputs = part.graph.outputs.map(\.name)
        self.available = available
        self.outputs = outputs
        engine = try Engine(part, options: options)
    }

    /// Runs the model on `input`: 8-bit or 32-bit planes, as `init` was told.
    public func run(_ input: UnsafeRawBufferPointer) throws -> [Activation] {
        try engine.run(input)
        return try outputs.map { name in
            let (shape, type) = try engine.output(name)
            return Activation(name: name, shape: shape, type: type, bytes: try engine.withOutput(name) { Array($0) })
        }
    }
}
