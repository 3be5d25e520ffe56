import ArgumentParser
import Foundation
import Imaging
import Inference
import Kernels
import Networks
import Segmentation
import SyntheticDrive
import VideoInput

extension EngineOptions.Multiplier: ExpressibleByArgument {}

/// `segmentd bench`: the latency of the network alone, where it goes, and how near it is to what the machine can do.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the network alone: latency, frames a second, time of each operation.",
        discussion: """
            The rate of the network is compared with this machine's rate of multiplying matrices, measured between \
            the pictures: OpenBLAS on 2048x2048x2048 of 32-bit floats, with as many threads. Rates count the \
            multiply-accumulates of the operations that are executed, which are fewer than the network's by definition.
            """)

    @OptionGroup var engine: EngineArguments

    @Option(help: "Input size, height x width, multiples of 16; may be given several times. (default: 768x1024)")
    var size: [NetworkSize] = []

    @Flag(name: .customLong("figure5"), help: "Measure the three sizes of the paper's Figure 5.")
    var isFigure5 = false

    @Option(parsing: .unconditional, help: "Pictures to measure, after three that are not.")
    var frames = 30

    @Option(
        help:
            "What multiplies matrices: kernels (ours), openblas (the baseline), or measured: for each shape, whichever is faster here."
    )
    var multiplier: EngineOptions.Multiplier?

    @Option(help: "The last block to compute, as trace names them: measures the network up to its tensor.")
    var until = NetworkOutput.classMap

    @Flag(name: .customLong("no-sgemm"), help: "Leave out the machine's rate of multiplying matrices.")
    var withoutSgemm = false

    @Flag(
        name: .customLong("pipeline"),
        help: "Measure the whole way instead: from decoded pictures of --source to the readers of both sockets.")
    var isPipeline = false

    @Option(help: "Size of the decoded pictures of --pipeline, height x width. (default: 1080x1920)")
    var source: SourceSize?

    @Flag(help: "Print JSON.")
    var json = false

    private static let figure5 = [(512, 1_024), (768, 1_024), (1_024, 2_048)].map {
        ImageSize(height: $0.0, width: $0.1)
    }

    func validate() throws {
        guard (1...1_000_000).contains(frames) else {
            throw ValidationError("--frames \(frames): expected 1 to 1000000")
        }
        if isPipeline, isFigure5 || size.count > 1 || multiplier != nil || until != NetworkOutput.classMap {
            throw ValidationError("--pipeline measures the whole network at one size, as the service runs it")
        }
        if source != nil, !isPipeline { throw ValidationError("--source goes with --pipeline") }
        if isFigure5, !size.isEmpty { throw ValidationError("--figure5 and --size exclude each other") }
    }

    func run() throws {
        let model = try engine.loadModel()
        if isPipeline { return try runPipeline(model) }
        let named = size.isEmpty ? [NetworkSize.standard.size] : size.map(\.size)
        let sizes = isFigure5 ? Self.figure5 : named
        // Before there are the comparison's matrices, which are no part of the engine.
        let peaks = try sizes.map { try peakMemory(of: model, size: $0) }
        let sgemm = try makeSgemm()
        var report = BenchReport(model: model.name, until: until, frames: frames)
        for (size, peak) in zip(sizes, peaks) {
            let network = try makeNetwork(model, size)
            let measurement = try Measurement(of: network, frames: frames, sgemm: sgemm)
            report.add(network, measurement, sgemm: sgemm, peakMemory: peak)
            if !json, let last = report.sizes.last {
                if report.sizes.count == 1 { print(report.title) }
                print(last.table)
            }
        }
        if json { print(try report.json) }
    }

    private func runPipeline(_ model: Model) throws {
        let source = source?.size ?? ImageSize(height: 1_080, width: 1_920)
        let segmenter = try CompiledNetwork(
            model, size: size.first?.size ?? NetworkSize.standard.size, options: engine.options)
        let measurement = try PipelineMeasurement(of: segmenter, from: source, frames: frames)
        let report = PipelineReport(measurement, of: segmenter, from: source)
        print(json ? try report.json : report.table)
    }

    private func makeNetwork(_ model: Model, _ size: ImageSize) throws -> CompiledNetwork {
        try CompiledNetwork(
            model, size: size, outputs: [until],
            options: EngineOptions(
                threads: engine.threadCount, instructionSet: engine.cpuFeatures ?? .best, multiplier: multiplier))
    }

    /// The largest memory of the process while the network is made ready for `size` and run.
    private func peakMemory(of model: Model, size: ImageSize) throws -> Int? {
        ProcessMemory.forgetPeak()
        let network = try makeNetwork(model, size)
        try network.run(PlanarRGB(size: size))
        return ProcessMemory.peak
    }

    /// nil where it is not wanted, and, said so, where there is no OpenBLAS.
    private func makeSgemm() throws -> SgemmRate? {
        if withoutSgemm { return nil }
        do {
            let sgemm = try SgemmRate(threads: engine.threadCount)
            if let warning = sgemm.warning { StandardError.write("segmentd: warning: \(warning)\n") }
            return sgemm
        } catch {
            StandardError.write("segmentd: warning: the machine's rate is not measured: \(error)\n")
            return nil
        }
    }
}

/// The size of pictures that a camera might give.
struct SourceSize: ExpressibleByArgument {
    let size: ImageSize

    init?(argument: String) {
        guard let size = ImageSize(argument), size.height >= 16, size.width >= 16,
            size.area <= SyntheticOptions.largestArea
        else { return nil }
        self.size = size
    }
}
