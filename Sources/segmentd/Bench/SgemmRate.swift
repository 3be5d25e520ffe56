import Dispatch
import Kernels
import Synchronization
import Threads

/// The rate at which this machine multiplies matrices: OpenBLAS on 2048 × 2048 × 2048 of 32-bit floats, the rows cut
/// evenly over some threads. What a network of matrix products can hope for.
///
/// Between two measurements its threads sleep: they take nothing from what is measured beside it.
final class SgemmRate {
    /// Rows, columns and depth.
    static let side = 2_048

    /// OpenBLAS' name for the kernels it chose.
    let coreName: String
    private let team: Team

    /// Makes matrices and threads; throws where there is no OpenBLAS, or no threads.
    init(threads: Int) throws {
        let blas = try BLAS.load(callers: threads)
        coreName = blas.coreName
        team = try Team(blas, threads: threads)
        // The first product is OpenBLAS' warm-up.
        team.multiply()
    }

    deinit { team.stop() }

    /// Multiplies once more; GFLOP/s.
    func measure() -> Double {
        let clock = ContinuousClock()
        let time = clock.measure { team.multiply() }
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        return 2e-9 * Double(Self.side * Self.side * Self.side) / seconds
    }

    /// Why the rate says little of the machine: OpenBLAS runs kernels for lesser processors. nil where it does not.
    var warning: String? { Self.warning(coreName: coreName, instructionSet: .best) }

    static func warning(coreName: String, instructionSet: InstructionSet) -> String? {
        let avx512: Set = ["skylakex", "cooperlake", "sapphirerapids"]
        let avx2: Set = ["haswell", "zen", "excavator"]
        let core = coreName.lowercased()
        let isWell: Bool
        switch instructionSet {
        case .avx512: isWell = avx512.contains(core)
        case .avx2: isWell = avx2.contains(core)
        case .neon, .scalar: isWell = true
        }
        guard !isWell else { return nil }
        let wish = instructionSet == .avx512 ? "SkylakeX" : "Haswell"
        return "OpenBLAS runs its kernels for \(coreName) on a processor with \(instructionSet.rawValue): "
            + "its rate is not the machine's and fractions of it mean nothing; set OPENBLAS_CORETYPE=\(wish)"
    }
}

/// Threads that each multiply their rows when they are told to.
private final class Team: @unchecked Sendable {
    private let blas: BLAS
    private let threads: Int
    private let matrices: UnsafeMutableBufferPointer<Float>
    private let go: [DispatchSemaphore]
    private let done = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let isStopping = Atomic(false)

    init(_ blas: BLAS, threads: Int) throws(ThreadError) {
        self.blas = blas
        self.threads = threads
        let count = SgemmRate.side * SgemmRate.side
        matrices = .allocate(capacity: 3 * count)
        matrices.initialize(repeating: 0)
        // Numbers of either sign with no pattern in them; the sums of their products stay small.
        var state: UInt32 = 1
        for index in 0..<2 * count {
            state = state &* 1_664_525 &+ 1_013_904_223
            matrices[index] = Float(Int32(bitPattern: state) >> 8) * 0x1p-24
        }
        go = (1..<max(threads, 2)).map { _ in DispatchSemaphore(value: 0) }
        let members = (1..<max(threads, 1)).map { number in
            ThreadCrew.Member(
                name: "sgemm \(number)",
                work: { [self] in
                    while true {
                        go[number - 1].wait()
                        if isStopping.load(ordering: .acquiring) { break }
                        rows(of: number)
                        done.signal()
                    }
                })
        }
        try ThreadCrew.start(members) { [ended] in ended.signal() }
    }

    deinit { matrices.deallocate() }

    /// Ends the threads, which hold this object.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        for number in 1..<max(threads, 1) { go[number - 1].signal() }
        ended.wait()
    }

    /// C = A · B, once.
    func multiply() {
        for number in 1..<max(threads, 1) { go[number - 1].signal() }
        rows(of: 0)
        for _ in 1..<max(threads, 1) { done.wait() }
    }

    private func rows(of number: Int) {
        let side = SgemmRate.side
        let rows = side * number / threads..<side * (number + 1) / threads
        guard let a = matrices.baseAddress else { return }
        blas.product(
            rows: rows.count, columns: side, depth: side, a + rows.lowerBound * side, side, a + side * side, side,
            into: a + 2 * side * side + rows.lowerBound * side, side)
    }
}
