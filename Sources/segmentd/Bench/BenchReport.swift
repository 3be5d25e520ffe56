import Foundation
import Imaging
import Inference
import Segmentation

/// What `bench --json` prints.
struct BenchReport: Encodable {
    let model: String
    let until: String
    let frames: Int
    var threads = 0
    var instructionSet = ""
    var sizes: [SizeReport] = []

    enum CodingKeys: String, CodingKey {
        case model, until, frames, threads, sizes
        case instructionSet = "instruction_set"
    }

    init(model: String, until: String, frames: Int) {
        self.model = model
        self.until = until
        self.frames = frames
    }

    /// Adds what was measured at one size.
    mutating func add(_ network: CompiledNetwork, _ measurement: Measurement, sgemm: SgemmRate?, peakMemory: Int?) {
        threads = network.threads
        instructionSet = network.instructionSet.rawValue
        sizes.append(SizeReport(network, measurement, sgemm: sgemm, peakMemory: peakMemory))
    }

    var title: String {
        "\(model) until \(until), \(threads) \(threads == 1 ? "thread" : "threads"), \(instructionSet), "
            + "\(frames) pictures"
    }

    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

/// The machine's rate of multiplying matrices, GFLOP/s.
struct SgemmReport: Encodable {
    let side: Int
    let repetitions: Int
    let median: Double
    let best: Double
    /// Of the mean time, as operations' times are means.
    let mean: Double
    let coreName: String
    let warning: String?

    enum CodingKeys: String, CodingKey {
        case side, repetitions, warning
        case median = "gflops"
        case best = "best_gflops"
        case mean = "mean_gflops"
        case coreName = "openblas_core"
    }

    init?(_ sgemm: SgemmRate?, rates: [Double]) {
        guard let sgemm, !rates.isEmpty else { return nil }
        let ranks = Percentiles(rates)
        side = SgemmRate.side
        repetitions = rates.count
        median = ranks.at(0.5)
        best = ranks.largest
        mean = 1 / Percentiles(rates.map { 1 / $0 }).mean
        coreName = sgemm.coreName
        warning = sgemm.warning
    }
}

/// A part of the work: an operation, a block, or the network.
struct WorkReport: Encodable {
    let name: String
    /// The block that an operation belongs to, and what it is.
    let block: String?
    let kind: String?
    let milliseconds: Double
    /// Of the time of all operations.
    let share: Double
    let multiplyAccumulates: Int
    /// Read and written.
    let bytes: Int
    /// 2 × multiply–accumulates a nanosecond.
    let rate: Double
    /// Of the machine's rate of multiplying matrices.
    let fraction: Double?

    enum CodingKeys: String, CodingKey {
        case name, block, kind, share, bytes
        case milliseconds = "ms"
        case multiplyAccumulates = "multiply_accumulates"
        case rate = "gflops"
        case fraction = "sgemm_fraction"
    }

    init(
        _ name: String, block: String? = nil, kind: String? = nil, milliseconds: Double, of total: Double,
        multiplyAccumulates: Int, bytes: Int, sgemm: SgemmReport?
    ) {
        self.name = name
        self.block = block
        self.kind = kind
        self.milliseconds = milliseconds
        share = milliseconds / max(total, 1e-9)
        self.multiplyAccumulates = multiplyAccumulates
        self.bytes = bytes
        let rate = 2e-6 * Double(multiplyAccumulates) / max(milliseconds, 1e-6)
        self.rate = rate
        fraction = sgemm.map { rate / $0.mean }
    }
}
