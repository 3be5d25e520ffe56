import Glibc
import Kernels
import Synchronization

/// Which is faster on this machine for a product of some shape: our kernel or OpenBLAS. Measured once a shape and
/// process, in the processor's time for the thread, so that other programs disturb it little.
struct ProductContest {
    let kernels: KernelTable
    let blas: BLAS

    /// A tile of a product.
    struct Shape: Hashable {
        let rows: Int
        let depth: Int
        /// Rows of pixels of a tile, and pixels in each.
        let lines: Int, width: Int
    }

    private struct Key: Hashable {
        let instructionSet: InstructionSet
        let shape: Shape
    }

    /// Engines of one process choose alike, so that they compute the same bits whatever their threads.
    private static let results = Mutex<[Key: Bool]>([:])

    /// OpenBLAS has to be clearly faster: the choice should be the same at every start.
    private static let margin = 0.9
    private static let rounds = 5

    /// Whether OpenBLAS is to multiply products of `shape`. Throws where there is no memory for the contest.
    func prefersBLAS(_ shape: Shape) throws(GraphError) -> Bool {
        let key = Key(instructionSet: kernels.instructionSet, shape: shape)
        if let known = Self.results.withLock({ $0[key] }) { return known }
        let (own, other) = try measure(shape)
        let answer = Double(other) < Self.margin * Double(own)
        return Self.results.withLock { results in
            let first = results[key] ?? answer
            results[key] = first
            return first
        }
    }

    /// The least nanoseconds that our kernel and OpenBLAS took for one tile.
    private func measure(_ shape: Shape) throws(GraphError) -> (own: UInt64, blas: UInt64) {
        let columns = shape.lines * shape.width
        let blocks = (shape.width + KernelTable.block - 1) / KernelTable.block
        let prepared = PreparedWeights()
        // Small numbers, none of them denormal.
        let matrix = (0..<shape.rows * shape.depth).map { Float($0 % 7 + 1) * 0.01 }
        let packed = PackedWeights(
            matrix, rows: shape.rows, stride: shape.depth, columns: Array(0..<shape.depth), kernels: kernels, prepared)
        let plain = prepared.keep(matrix)
        let bias = prepared.keep([Float](repeating: 0, count: shape.rows))
        let size = shape.depth * shape.lines * blocks * KernelTable.block
        let memory = try Memory(bytes: (size + shape.rows * columns + 16) * MemoryLayout<Float>.stride)
        let data = memory.floats(at: 0, count: size)
        let result = memory.floats(
            at: (size + 15) / 16 * 16 * MemoryLayout<Float>.stride, count: shape.rows * columns)
        for index in 0..<size { data[index] = Float(index % 5 + 1) * 0.1 }
        var least = (own: UInt64.max, blas: UInt64.max)
        for _ in 0...Self.rounds {
            least.own = min(
                least.own,
                Self.time {
                    packed.multiply(
                        kernels, depth: shape.depth, UnsafePointer(data), lines: shape.lines,
                        width: shape.width, into: result, plane: columns, bias, add: false, relu: true)
                })
            least.blas = min(
                least.blas,
                Self.time {
                    blas.product(
                        rows: shape.rows, columns: columns, depth: shape.depth, plain, shape.depth,
                        UnsafePointer(data), columns, into: result, columns)
                    // Our kernel does this on the way.
                    for row in 0..<shape.rows { kernels.scaleShift(result + row * columns, columns, 1, 0, 1) }
                })
        }
        return least
    }

    private static func time(_ body: () -> Void) -> UInt64 {
        func now() -> UInt64 {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
        }
        let start = now()
        body()
        return now() - start
    }
}
