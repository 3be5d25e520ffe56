import ArgumentParser
<<<<<<< HEAD
import Foundation
import Imaging
import Kernels
import Networks

/// The options of every command that runs the network.
struct EngineArguments: ParsableArguments {
    @Option(help: "The model, a .safetensors file; the one that comes with segmentd where left out.")
    var model: String?

    @Option(help: "Threads that work on a picture; as many as there are processors for this process where left out.")
    var threads: Int?

    @Option(help: "Instruction set to use: scalar, avx2, avx512 or neon; the best of this machine where left out.")
=======
import Imaging
import Kernels
import Networks
import Operations
import Pipeline
import Segmentation

extension ImageSize: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Fit: ExpressibleByArgument {}
extension InstructionSet: ExpressibleByArgument {}

/// The options of commands that run the network.
struct EngineArguments: ParsableArguments {
    @Option(help: ArgumentHelp("The network's weights, a .safetensors file.", valueName: "file"))
    var model: String?

    @Option(help: "The network's input, HEIGHTxWIDTH in pixels, multiples of 16; smaller is faster and coarser.")
    var size = ImageSize(height: 768, width: 1024)

    @Option(help: "Threads the network runs on; all processors this process may use unless given.")
    var threads: Int?

    @Option(help: "The instructions the network uses; the best this processor has unless given.")
>>>>>>> 339126e (operations, segmentd: cameras, sockets, the service and its commands)
    var cpuFeatures: InstructionSet?

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
<<<<<<< HEAD
            throw ValidationError("--threads \(threads): expected 1 to 256")
        }
        if let cpuFeatures, !cpuFeatures.isSupported {
            throw ValidationError("--cpu-features: \(UnsupportedInstructionSet(requested: cpuFeatures))")
        }
    }

    /// The model named, or the one that comes with segmentd.
    func loadModel() throws -> Model {
        if let model { try Model.load(path: model) } else { try Model.bundled() }
    }

    /// The number of threads named, or that of the processors this process may use.
    var threadCount: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }
}

extension InstructionSet: ExpressibleByArgument {}

extension Configuration: ExpressibleByArgument {}

/// A network size on the command line, height × width, multiples of 16.
struct NetworkSize: ExpressibleByArgument {
    let size: ImageSize

    init?(argument: String) {
        guard let size = ImageSize(argument), size.height % PyramidShuffleNet.sizeMultiple == 0,
            size.width % PyramidShuffleNet.sizeMultiple == 0, size.height <= 8_192, size.width <= 8_192
        else { return nil }
        self.size = size
    }

    var defaultValueDescription: String { size.description }

    /// The size that the daemon runs at.
    static let standard = NetworkSize(size: ImageSize(height: 768, width: 1_024))

    private init(size: ImageSize) { self.size = size }
=======
            throw ValidationError("--threads takes 1 to 256, not \(threads).")
        }
        let multiple = PyramidShuffleNet.sizeMultiple
        guard size.height.isMultiple(of: multiple), size.width.isMultiple(of: multiple) else {
            throw ValidationError("--size takes multiples of \(multiple), such as 768x1024, not \(size).")
        }
    }

    /// Loads the model and makes it ready.
    func makeEngine() throws -> InferenceQueue {
        try Self.makeEngine(model: model, size: size, threads: threads, instructionSet: cpuFeatures)
    }

    /// Loads the model at `model` (nil: the one inside) and makes it ready.
    static func makeEngine(
        model path: String?, size: ImageSize, threads: Int?, instructionSet: InstructionSet?
    ) throws -> InferenceQueue {
        if let instructionSet, !instructionSet.isSupported {
            throw UnsupportedInstructionSet(requested: instructionSet)
        }
        let model = try path.map { try Model.load(path: $0) } ?? Model.bundled()
        return InferenceQueue(
            try Segmenter(
                model: model, inputSize: size, threads: threads ?? ProcessorCount.available,
                instructionSet: instructionSet))
    }
>>>>>>> 339126e (operations, segmentd: cameras, sockets, the service and its commands)
}
