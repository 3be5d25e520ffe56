import ArgumentParser
import Foundation
import Imaging
import Inference
import MediaIO
import Networks
import Operations
import Segmentation
import VideoInput

/// `segmentd trace`: what each block of the network computes for one input, as a safetensors file.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Write the activations of the network's blocks for one picture.",
        discussion: """
            INPUT is a picture (or the first frame of a video), brought to --size, or a safetensors file that holds \
            the normalised input as "image" of shape (1, 3, height, width).
            Blocks of \(Architectures.all.map { "\($0.name): \($0.blocks.joined(separator: " "))" }.joined(separator: "; of ")), \
            and \(NetworkOutput.classMap), the class of every pixel.
            """)

    @Argument(help: "A picture, a video, or a safetensors file with the tensor \"image\".")
    var input: String

    @Option(name: .shortAndLong, help: "The safetensors file to write.")
    var output: String

    @Option(name: .customLong("at"), help: "A block to keep; may be given several times. (default: all)")
    var blocks: [String] = []

    @OptionGroup var inputs: InputArguments

    @OptionGroup var engine: EngineArguments

    @Option(help: "Input size for pictures, height x width, multiples of 16. (default: 768x1024)")
    var size: NetworkSize?

    @Option(help: "How a picture is brought to the size: stretch, letterbox or crop.")
    var fit = Fit.stretch

    @Flag(help: "Run the graph as built, with scalar kernels and no rewriting: slow, the engine's own oracle.")
    var specification = false

    func validate() throws {
        if output == "-" { throw ValidationError("--output -: give the name of a file; numbers are no text") }
    }

    func run() throws {
        try Overwriting.check(SourceInput(input), output: output)
        if let model = engine.model { try Overwriting.check(.media(MediaLocation(model)), output: output) }
        // What cannot be written is told before anything is computed.
        let file = try PartialFile(path: output)
        let model = try engine.loadModel()
        var options = engine.options
        if specification { options = .specification }
        let activations: [CompiledNetwork.Activation]
        if input.hasSuffix(".safetensors") {
            guard access(input, R_OK) == 0 else {
                let code = errno
                throw CommandFailure(
                    ExitStatus(reading: code), "cannot open \(input): \(String(cString: strerror(code)))")
            }
            let tensors = try SafetensorsFile(path: input)
            guard let shape = tensors.tensors["image"]?.shape, shape.count == 4, shape[0] == 1, shape[1] == 3 else {
                let found = tensors.tensors["image"].map { "\($0.shape)" } ?? "none"
                throw refused("needs a tensor \"image\" of shape (1, 3, height, width); found \(found)")
            }
            if let size, size.size != ImageSize(height: shape[2], width: shape[3]) {
                throw refused("its image is \(shape[2])x\(shape[3]), and --size says \(size.size)")
            }
            let values = try tensors.floats("image")
            let network = try CompiledNetwork(
                model, size: ImageSize(height: shape[2], width: shape[3]), outputs: blocks, input: .normalized,
                options: options)
            activations = try values.withUnsafeBytes { try network.activations(of: $0) }
        } else {
            let picture = try firstPicture()
            let pixels = PlanarRGB(size: (size ?? .standard).size)
            _ = try Preprocessor(inputSize: pixels.size, fit: fit).prepare(picture, into: pixels)
            let network = try CompiledNetwork(model, size: pixels.size, outputs: blocks, options: options)
            activations = try pixels.withUnsafeBytes { try network.activations(of: $0) }
        }
        var writer = SafetensorsWriter(metadata: ["model": model.name, "input": (input as NSString).lastPathComponent])
        for activation in activations {
            let (shape, isClassMap) = (activation.shape, activation.type == .uint8)
            activation.bytes.withUnsafeBytes { bytes in
                writer.add(
                    activation.name, type: isClassMap ? .uint8 : .float32,
                    shape: isClassMap
                        ? [1, shape.height, shape.width] : [1, shape.channels, shape.height, shape.width],
                    bytes: bytes)
            }
        }
        try writer.encoded().withUnsafeBytes { try file.write($0) }
        try file.commit()
        for activation in activations { print("\(TextTable.left(activation.name, 12))\(activation.shape)") }
    }

    private func refused(_ problem: String) -> CommandFailure { CommandFailure(.dataError, "\(input): \(problem)") }

    private func firstPicture() throws -> Picture {
        let source = try VideoSources.source(SourceInput(input), camera: "trace", options: inputs.sourceOptions)
        defer { source.close() }
        _ = try source.open()
        guard let frame = try source.next() else {
            throw refused("holds no picture")
        }
        if frame.flags.contains(.corrupt) {
            StandardError.write(
                "segmentd: warning: the picture of \(input) is damaged or cut off; the rest was taken\n")
        }
        return frame.picture
    }
}
