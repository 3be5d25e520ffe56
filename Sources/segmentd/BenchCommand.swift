import ArgumentParser
import Foundation
import Imaging
import Inference
import Networks
import Segmentation

extension EngineOptions.Multiplier: ExpressibleByArgument {}

/// `segmentd bench`: the latency of the network alone, and where it goes.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the network alone: latency, frames a second, time of each operation.")

    @OptionGroup var engine: EngineArguments

    @Option(help: "Input size, height x width, multiples of 16; may be given several times. (default: 768x1024)")
    var size: [NetworkSize] = []

    @Option(parsing: .unconditional, help: "Pictures to measure, after three that are not.")
    var frames = 30

    @Option(help: "What multiplies matrices: kernels (ours) or openblas (the baseline).")
    var multiplier: EngineOptions.Multiplier?

    @Option(help: "The last block to compute, as trace names them: measures the network up to its tensor.")
    var until = PyramidShuffleNet.classMap

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard (1...1_000_000).contains(frames) else {
            throw ValidationError("--frames \(frames): expected 1 to 1000000")
        }
    }

    func run() throws {
        let model = try engine.loadModel()
        let sizes = size.isEmpty ? [NetworkSize.standard] : size
        var report = Report(
            model: model.name, until: until, threads: engine.threadCount, instructionSet: "", sizes: [])
        for size in sizes {
            let network = try NetworkPart(
                model: model, until: until, inputSize: size.size,
                options: EngineOptions(
                    threads: engine.threadCount, instructionSet: engine.cpuFeatures ?? .best, multiplier: multiplier))
            report.threads = network.threads
            report.instructionSet = network.instructionSet.rawValue
            report.sizes.append(try measure(network))
            if !json, let last = report.sizes.last {
                if report.sizes.count == 1 {
                    print(
                        "\(model.name) until \(until), \(report.threads) threads, \(report.instructionSet), "
                            + "\(frames) pictures")
                }
                print(last.table)
            }
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        }
    }

    private func measure(_ network: NetworkPart) throws -> SizeReport {
        let clock = SystemClock()
        let input = PlanarRGB(size: network.inputSize)
        input.withUnsafeMutableBytes { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 37 &+ index / 1_021) }
        }
        for _ in 0..<3 { try network.run(input) }
        var latencies: [Double] = []
        var sums = [UInt64](repeating: 0, count: network.timings.count)
        for _ in 0..<frames {
            let start = clock.monotonicNanoseconds
            try network.run(input)
            latencies.append(Double(clock.monotonicNanoseconds - start) / 1e6)
            for (index, timing) in network.timings.enumerated() { sums[index] += timing.nanoseconds }
        }
        return SizeReport(network, latencies: latencies.sorted(), sums: sums)
    }
}

/// What `bench --json` prints.
private struct Report: Encodable {
    let model: String
    let until: String
    var threads: Int
    var instructionSet: String
    var sizes: [SizeReport]

    enum CodingKeys: String, CodingKey {
        case model, until, threads, sizes
        case instructionSet = "instruction_set"
    }
}

private struct SizeReport: Encodable {
    struct Operation: Encodable {
        let name: String
        let block: String
        let kind: String
        let milliseconds: Double
        let share: Double
        let multiplyAccumulates: Int

        enum CodingKeys: String, CodingKey {
            case name, block, kind, share
            case milliseconds = "ms"
            case multiplyAccumulates = "multiply_accumulates"
        }
    }

    let height: Int
    let width: Int
    let p50: Double
    let p95: Double
    let p99: Double
    let framesPerSecond: Double
    let arenaBytes: Int
    let weightBytes: Int
    let operations: [Operation]

    enum CodingKeys: String, CodingKey {
        case height, width, operations
        case p50 = "p50_ms"
        case p95 = "p95_ms"
        case p99 = "p99_ms"
        case framesPerSecond = "fps"
        case arenaBytes = "arena_bytes"
        case weightBytes = "weight_bytes"
    }

    init(_ network: NetworkPart, latencies: [Double], sums: [UInt64]) {
        /// The smallest latency that `share` of the pictures did not exceed.
        func percentile(_ share: Double) -> Double {
            latencies[min(latencies.count - 1, max(0, Int((share * Double(latencies.count)).rounded(.up)) - 1))]
        }
        height = network.inputSize.height
        width = network.inputSize.width
        p50 = percentile(0.5)
        p95 = percentile(0.95)
        p99 = percentile(0.99)
        framesPerSecond = 1_000 * Double(latencies.count) / latencies.reduce(0, +)
        (arenaBytes, weightBytes) = network.memory
        let total = Double(max(1, sums.reduce(0, +)))
        operations = zip(network.timings, sums).map { timing, sum in
            Operation(
                name: timing.node.name, block: timing.node.block, kind: timing.node.operation.kind,
                milliseconds: Double(sum) / 1e6 / Double(latencies.count), share: Double(sum) / total,
                multiplyAccumulates: timing.node.cost.multiplyAccumulates)
        }
    }

    var table: String {
        var lines = [
            "",
            "\(height)x\(width): p50 \(TextTable.fixed(p50, 1)) ms, p95 \(TextTable.fixed(p95, 1)) ms, "
                + "p99 \(TextTable.fixed(p99, 1)) ms, \(TextTable.fixed(framesPerSecond, 2)) fps, "
                + "tensors \(TextTable.fixed(Double(arenaBytes) / 1e6, 1)) MB, "
                + "weights \(TextTable.fixed(Double(weightBytes) / 1e6, 1)) MB",
            TextTable.left("operation", 36) + TextTable.left("kind", 22) + TextTable.right("ms", 8)
                + TextTable.right("share", 8) + TextTable.right("GFLOP/s", 9),
        ]
        for operation in operations {
            let rate = 2e-6 * Double(operation.multiplyAccumulates) / max(operation.milliseconds, 1e-6)
            lines.append(
                TextTable.left(operation.name, 36) + TextTable.left(operation.kind, 22)
                    + TextTable.right(TextTable.fixed(operation.milliseconds, 3), 8)
                    + TextTable.right(TextTable.fixed(100 * operation.share, 1) + " %", 8)
                    + TextTable.right(operation.multiplyAccumulates > 0 ? TextTable.fixed(rate, 1) : "", 9))
        }
        return lines.joined(separator: "\n")
    }
}
