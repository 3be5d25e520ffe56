import Foundation
import Imaging
import Inference
import Segmentation

/// What was measured at one size.
struct SizeReport: Encodable {
    let height: Int
    let width: Int
    let fastest: Double
    let p50: Double
    let p90: Double
    let p99: Double
    let slowest: Double
    let framesPerSecond: Double
    /// Multiply–accumulates of the network by its definition, and of what is executed.
    let specificationAccumulates: Int
    let executedAccumulates: Int
    let rate: Double
    /// Of the machine's rate of multiplying matrices: the middle one of the groups of pictures, each compared with the
    /// matrices multiplied before and after it.
    let fraction: Double?
    /// The fastest picture against the fastest matrices: where another's work on the machine's processors disturbs the
    /// one more than the other, this does not see it.
    let bestFraction: Double?
    let sgemm: SgemmReport?
    let arenaBytes: Int
    let weightBytes: Int
    let engineBytes: Int
    let peakMemory: Int?
    /// Matrix products that our kernels and that OpenBLAS computed.
    let kernelProducts: Int
    let blasProducts: Int
    /// Calls of malloc and its kin while the pictures ran; null where nobody counted.
    let allocations: UInt64?
    let blocks: [WorkReport]
    let operations: [WorkReport]

    enum CodingKeys: String, CodingKey {
        case height, width, sgemm, blocks, operations
        case fastest = "min_ms"
        case p50 = "p50_ms"
        case p90 = "p90_ms"
        case p99 = "p99_ms"
        case slowest = "max_ms"
        case framesPerSecond = "fps"
        case specificationAccumulates = "specification_multiply_accumulates"
        case executedAccumulates = "executed_multiply_accumulates"
        case rate = "gflops"
        case fraction = "sgemm_fraction"
        case bestFraction = "best_sgemm_fraction"
        case arenaBytes = "arena_bytes"
        case weightBytes = "weight_bytes"
        case engineBytes = "engine_bytes"
        case peakMemory = "peak_rss_bytes"
        case allocations = "heap_allocations"
        case kernelProducts = "products_by_kernels"
        case blasProducts = "products_by_openblas"
    }

    init(_ network: CompiledNetwork, _ measurement: Measurement, sgemm: SgemmRate?, peakMemory: Int?) {
        let machine = SgemmReport(sgemm, rates: measurement.rates)
        let ranks = Percentiles(measurement.latencies)
        height = network.inputSize.height
        width = network.inputSize.width
        fastest = ranks.smallest
        p50 = ranks.at(0.5)
        p90 = ranks.at(0.9)
        p99 = ranks.at(0.99)
        slowest = ranks.largest
        framesPerSecond = 1_000 / max(ranks.mean, 1e-6)
        specificationAccumulates = network.specification.cost().multiplyAccumulates
        let graph = network.compiled
        let nodes = network.executed.map { (node: graph.nodes[$0], bytes: graph.traffic(ofNode: $0).total) }
        executedAccumulates = nodes.reduce(0) { $0 + $1.node.cost.multiplyAccumulates }
        rate = 2e-6 * Double(executedAccumulates) / max(p50, 1e-6)
        let work = 2e-6 * Double(executedAccumulates)
        fraction =
            machine == nil
            ? nil : Percentiles(measurement.groups.map { work / max($0.milliseconds, 1e-6) / $0.sgemm }).at(0.5)
        bestFraction = machine.map { [fastest] in work / max(fastest, 1e-6) / $0.best }
        self.sgemm = machine
        (arenaBytes, weightBytes) = network.memory
        engineBytes = arenaBytes + weightBytes
        self.peakMemory = peakMemory
        (kernelProducts, blasProducts) = network.products
        allocations = measurement.allocations

        let times = measurement.operations.map { Double($0) / 1e6 / Double(max(1, measurement.latencies.count)) }
        let total = times.reduce(0, +)
        let operations = zip(nodes, times).map { item, time in
            WorkReport(
                item.node.name, block: item.node.block, kind: item.node.operation.kind, milliseconds: time, of: total,
                multiplyAccumulates: item.node.cost.multiplyAccumulates, bytes: item.bytes, sgemm: machine)
        }
        self.operations = operations
        var names: [String] = []
        for operation in operations {
            if let block = operation.block, !names.contains(block) { names.append(block) }
        }
        blocks = names.map { name in
            let own = operations.filter { $0.block == name }
            return WorkReport(
                name, milliseconds: own.reduce(0) { $0 + $1.milliseconds }, of: total,
                multiplyAccumulates: own.reduce(0) { $0 + $1.multiplyAccumulates },
                bytes: own.reduce(0) { $0 + $1.bytes }, sgemm: machine)
        }
    }

    var table: String {
        func megabytes(_ bytes: Int) -> String { TextTable.fixed(Double(bytes) / 1e6, 1) + " MB" }
        var lines = [
            "",
            "\(height)x\(width): min \(TextTable.fixed(fastest, 1)) ms, p50 \(TextTable.fixed(p50, 1)) ms, p90 \(TextTable.fixed(p90, 1)) ms, "
                + "p99 \(TextTable.fixed(p99, 1)) ms, max \(TextTable.fixed(slowest, 1)) ms, "
                + "\(TextTable.fixed(framesPerSecond, 2)) fps",
            "multiply-accumulates: \(TextTable.fixed(Double(executedAccumulates) / 1e9, 3)) G executed, "
                + "\(TextTable.fixed(Double(specificationAccumulates) / 1e9, 3)) G by definition",
        ]
        var speed = "rate: \(TextTable.fixed(rate, 1)) GFLOP/s"
        if let sgemm, let fraction, let bestFraction {
            speed +=
                ", \(TextTable.fixed(100 * fraction, 1)) % of sgemm's in the same moment, best to best "
                + "\(TextTable.fixed(100 * bestFraction, 1)) %"
            lines.append(speed)
            speed =
                "sgemm: \(TextTable.fixed(sgemm.median, 1)) GFLOP/s, the median of \(sgemm.repetitions), best "
                + "\(TextTable.fixed(sgemm.best, 1)) (OpenBLAS \(sgemm.coreName), \(sgemm.side) cubed)"
        }
        lines.append(speed)
        lines.append("matrix products: \(kernelProducts) by our kernels, \(blasProducts) by OpenBLAS")
        lines.append(
            "engine memory \(megabytes(engineBytes)): tensors \(megabytes(arenaBytes)), "
                + "weights \(megabytes(weightBytes)); process at its peak "
                + (peakMemory.map(megabytes) ?? "unknown")
                + "; heap allocations "
                + (allocations.map { "\($0)" } ?? "not counted (scripts/bench.sh counts them)"))
        lines += ["", header("block")] + blocks.map(row)
        lines += ["", header("operation")] + operations.map(row)
        return lines.joined(separator: "\n")
    }

    private func header(_ name: String) -> String {
        TextTable.left(name, 36) + TextTable.left(name == "block" ? "" : "kind", 26) + TextTable.right("ms", 8)
            + TextTable.right("share", 8) + TextTable.right("GMAC", 8) + TextTable.right("MB", 8)
            + TextTable.right("GFLOP/s", 9) + TextTable.right(sgemm == nil ? "" : "of sgemm", 10)
    }

    private func row(_ work: WorkReport) -> String {
        let counts = work.multiplyAccumulates > 0
        return TextTable.left(work.name, 36) + TextTable.left(work.kind ?? "", 26)
            + TextTable.right(TextTable.fixed(work.milliseconds, 3), 8)
            + TextTable.right(TextTable.fixed(100 * work.share, 1) + " %", 8)
            + TextTable.right(counts ? TextTable.fixed(Double(work.multiplyAccumulates) / 1e9, 3) : "", 8)
            + TextTable.right(TextTable.fixed(Double(work.bytes) / 1e6, 2), 8)
            + TextTable.right(counts ? TextTable.fixed(work.rate, 1) : "", 9)
            + TextTable.right(
                counts ? work.fraction.map { TextTable.fixed(100 * $0, 1) + " %" } ?? "" : "", 10)
    }
}
