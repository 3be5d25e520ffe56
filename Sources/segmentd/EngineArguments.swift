import ArgumentParser
import Glibc
import Inference
import Imaging
import Kernels
import Networks
import Operations
import Pipeline
import Segmentation

/// The options of every command that runs the network.
struct EngineArguments: ParsableArguments {
    @Option(help: "The model, a .safetensors file; the one that comes with segmentd where left out.")
    var model: String?

    @Option(
        parsing: .unconditional,
        help: "Threads that work on a picture; as many as there are processors for this process where left out.")
    var threads: Int?

    @Option(help: "Instruction set to use: scalar, avx2, avx512 or neon; the best of this machine where left out.")
    var cpuFeatures: InstructionSet?

    func validate() throws {
        if let threads, !(1...256).contains(threads) {
            throw ValidationError("--threads \(threads): expected 1 to 256")
        }
        if let cpuFeatures, !cpuFeatures.isSupported {
            throw ValidationError("--cpu-features: \(UnsupportedInstructionSet(requested: cpuFeatures))")
        }
    }

    /// The model named, or the one that comes with segmentd.
    func loadModel() throws -> Model { try Self.loadModel(model) }

    /// The model at `path`, or the one that comes with segmentd.
    static func loadModel(_ path: String?) throws -> Model {
        guard let path else { return try Model.bundled() }
        guard access(path, R_OK) == 0 else {
            let code = errno
            let name = path.isEmpty ? "\"\"" : path
            throw CommandFailure(
                ExitStatus(reading: code),
                "cannot open the model \(name): \(String(cString: strerror(code))); give the path of a .safetensors file"
            )
        }
        return try Model.load(path: path)
    }

    /// The network ready to run at `size`, with a queue for it.
    func makeEngine(size: ImageSize) throws -> InferenceQueue {
        InferenceQueue(
            try CompiledNetwork(try loadModel(), size: size, options: options))
    }

    /// How a network is compiled for them.
    var options: EngineOptions { EngineOptions(threads: threadCount, instructionSet: cpuFeatures ?? .best) }

    /// The number of threads named, or that of the processors this process may use.
    var threadCount: Int { threads ?? ProcessorCount.available }
}

extension InstructionSet: ExpressibleByArgument {}

extension NetworkVariant: ExpressibleByArgument {
    /// By its name.
    public init?(argument: String) {
        guard let found = Architectures.variants.first(where: { $0.name == argument }) else { return nil }
        self = found
    }

    /// The names of all.
    public static var allValueStrings: [String] { Architectures.variants.map(\.name) }
}

/// A network size on the command line, height × width, multiples of 16.
struct NetworkSize: ExpressibleByArgument {
    let size: ImageSize

    init?(argument: String) {
        guard let size = ImageSize(argument), Architectures.take(size), size.height <= 8_192,
            size.width <= 8_192
        else { return nil }
        self.size = size
    }

    var defaultValueDescription: String { size.description }

    /// The size that the daemon runs at.
    static let standard = NetworkSize(size: ImageSize(height: 768, width: 1_024))

    private init(size: ImageSize) { self.size = size }
}
