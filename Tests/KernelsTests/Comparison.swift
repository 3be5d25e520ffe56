import Kernels

/// Compares what a kernel wrote with its definition, value by value.
struct Comparison {
    /// Allowed difference as a share of `magnitudes`.
    var relative: Float = 0
    /// Allowed difference besides: what rounding to denormals costs.
    var absolute: Float = 0

    /// For sums of `terms` products that are rounded differently; magnitudes are sums of the terms' sizes.
    static func sum(of terms: Int) -> Comparison {
        Comparison(
            relative: Float(terms + 3) * Float.ulpOfOne, absolute: Float(terms + 3) * Float.leastNonzeroMagnitude)
    }

    /// The same value; zeros may differ in sign.
    static let exact = Comparison()

    /// The first difference that is too large, in words; nil where there is none.
    func mismatch(found: [Float], expected: [Float], magnitudes: [Float]? = nil) -> String? {
        guard found.count == expected.count else { return "\(found.count) values, expected \(expected.count)" }
        for index in found.indices {
            let (value, wanted) = (found[index], expected[index])
            if value == wanted || value.isNaN && wanted.isNaN { continue }
            let allowed = relative * abs((magnitudes ?? expected)[index]) + absolute
            if wanted.isFinite, abs(value - wanted) <= allowed { continue }
            return "value \(index) is \(value), expected \(wanted) ± \(allowed)"
        }
        return nil
    }
}

/// Where the values of `rows` rows of `width` lie: row r, column x at r · row + x / 32 · block + x mod 32, with blocks
/// of `KernelTable.block` columns.
struct Layout: CustomStringConvertible {
    let rows: Int, width: Int
    let row: Int, block: Int

    /// Packed rows.
    init(rows: Int, width: Int, row: Int, block: Int) {
        self.rows = rows
        self.width = width
        self.row = row
        self.block = block
    }

    /// A plane whose rows are `stride` apart.
    init(rows: Int, width: Int, stride: Int) {
        self.init(rows: rows, width: width, row: stride, block: KernelTable.block)
    }

    /// One row.
    init(count: Int) { self.init(rows: count > 0 ? 1 : 0, width: count, stride: count) }

    /// A plane, or packed rows with either the rows or the blocks further apart.
    static func any(rows: Int, width: Int, _ random: inout Random) -> Layout {
        let (size, more) = (KernelTable.block, random.pick([0, 0, 1, 2, 5, 19]))
        let blocks = (width + size - 1) / size
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return Layout(rows: rows, width: width, row: size + more, block: rows * (size + more))
        case 1: return Layout(rows: rows, width: width, row: blocks * (size + more), block: size + more)
        default: return Layout(rows: rows, width: width, stride: width + more)
        }
    }

    var description: String { "\(rows)x\(width) row \(row) block \(block)" }

    /// Where the values are: runs of elements, in order of rows and columns.
    var runs: [Range<Int>] {
        (0..<rows).flatMap { y in
            stride(from: 0, to: width, by: KernelTable.block).map { x in
                let start = y * row + x / KernelTable.block * block
                return start..<start + min(KernelTable.block, width - x)
            }
        }
    }

    /// Elements from the first to the last value.
    var count: Int { runs.map(\.upperBound).max() ?? 0 }

    /// The values out of memory laid out so, row by row.
    func gather(_ memory: [Float]) -> [Float] { runs.flatMap { memory[$0] } }
}

/// Widths round the vectors' lengths and the tiles, and those of the network.
let interestingWidths = Array(1...70) + [96, 127, 128, 129, 256]
