import Imaging
import Segmentation

/// Pictures run through a network one by one, the machine's rate of multiplying matrices measured in between.
struct Measurement {
    /// Milliseconds of each picture, in order.
    private(set) var latencies: [Double] = []
    /// Nanoseconds of each operation, all pictures together.
    private(set) var operations: [UInt64]
    /// Calls of malloc and its kin while the pictures ran, on all threads; nil where nobody counts.
    private(set) var allocations: UInt64?
    /// The machine's rates, GFLOP/s, in order.
    private(set) var rates: [Double] = []
    /// Groups of pictures, each between two multiplications: the middle latency of the group, in milliseconds, and the
    /// mean of the two rates, GFLOP/s.
    private(set) var groups: [(milliseconds: Double, sgemm: Double)] = []

    /// Runs three pictures that do not count, then `frames` that do.
    ///
    /// The matrices are multiplied every few pictures, so that whatever else the machine does hits both alike; they
    /// fill the caches with their own, so that one picture after them does not count.
    init(of network: CompiledNetwork, frames: Int, sgemm: SgemmRate?) throws {
        let input = PlanarRGB(size: network.inputSize)
        input.withUnsafeMutableBytes { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 37 &+ index / 1_021) }
        }
        for _ in 0..<3 { try network.run(input) }
        operations = [UInt64](repeating: 0, count: network.timings.count)
        latencies.reserveCapacity(frames)
        let counter = AllocationCounter()
        if counter != nil { allocations = 0 }
        guard let sgemm else {
            try measure(network, input, frames, counter)
            return
        }
        let count = min(max(1, frames / 2), 50)
        rates = [sgemm.measure()]
        for group in 0..<count {
            try network.run(input)
            let first = latencies.count
            try measure(network, input, frames * (group + 1) / count - frames * group / count, counter)
            let (before, after) = (rates[group], sgemm.measure())
            rates.append(after)
            groups.append((Percentiles(Array(latencies[first...])).at(0.5), (before + after) / 2))
        }
    }

    private mutating func measure(
        _ network: CompiledNetwork, _ input: PlanarRGB, _ frames: Int, _ counter: AllocationCounter?
    ) throws {
        let clock = SystemClock()
        for _ in 0..<frames {
            let before = counter?.total ?? 0
            let start = clock.monotonicNanoseconds
            try network.run(input)
            let end = clock.monotonicNanoseconds
            if let counter { allocations? += counter.total - before }
            latencies.append(Double(end - start) / 1e6)
            for (index, timing) in network.timings.enumerated() { operations[index] += timing.nanoseconds }
        }
    }
}
