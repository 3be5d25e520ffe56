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
    /// The rates that were measured in between, GFLOP/s.
    private(set) var sgemm: [Double] = []

    /// Runs three pictures that do not count, then `frames` that do.
    ///
    /// The matrices are multiplied every few pictures, so that whatever else the machine does hits both alike; they
    /// fill the caches with their own, so that one picture after them does not count.
    init(of network: NetworkPart, frames: Int, sgemm: SgemmRate?) throws {
        let clock = SystemClock()
        let input = PlanarRGB(size: network.inputSize)
        input.withUnsafeMutableBytes { bytes in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index &* 37 &+ index / 1_021) }
        }
        for _ in 0..<3 { try network.run(input) }
        operations = [UInt64](repeating: 0, count: network.timings.count)
        latencies.reserveCapacity(frames)
        let counter = AllocationCounter()
        if counter != nil { allocations = 0 }
        let repetitions = sgemm == nil ? 0 : min(max(3, frames / 3), 20)
        let first = sgemm?.rates.count ?? 0
        for frame in 0..<frames {
            let due = frame * repetitions / frames..<(frame + 1) * repetitions / frames
            if let sgemm, !due.isEmpty {
                for _ in due { sgemm.measure() }
                try network.run(input)
            }
            let before = counter?.total ?? 0
            let start = clock.monotonicNanoseconds
            try network.run(input)
            let end = clock.monotonicNanoseconds
            if let counter { allocations? += counter.total - before }
            latencies.append(Double(end - start) / 1e6)
            for (index, timing) in network.timings.enumerated() { operations[index] += timing.nanoseconds }
        }
        if let sgemm { self.sgemm = Array(sgemm.rates[first...]) }
    }
}
