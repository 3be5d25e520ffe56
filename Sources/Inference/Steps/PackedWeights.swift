import Kernels

/// A weight matrix cut into panels of a few output channels each, as the product kernel reads it.
struct PackedWeights {
    /// A few output channels.
    struct Panel {
        /// The first of them.
        let first: Int
        /// How many.
        let rows: Int
        /// depth × rows values.
        let values: UnsafePointer<Float>
    }

    let panels: [Panel]
    /// Panels that are used together for a whole tile before the next are.
    let groups: [Range<Int>]

    /// Values of a group: it shares the second-level cache with a tile and its result. More than that is never faster;
    /// where the processor does not tell, the cache is taken to be small.
    private static let groupValues: Int = {
        let bytes = ProcessorCaches.secondLevelBytes ?? 512 * 1_024
        return min(max(bytes * 3 / 16 / MemoryLayout<Float>.stride, 8 * 1_024), 48 * 1_024)
    }()

    /// Packs `columns` (in that order) of a row-major matrix of `rows` rows and `stride` columns.
    init(_ matrix: [Float], rows: Int, stride: Int, columns: [Int], kernels: KernelTable, _ prepared: PreparedWeights) {
        let count = (rows + kernels.productRows - 1) / kernels.productRows
        panels = (0..<count).map { number in
            let range = part(number, of: count, rows)
            var values: [Float] = []
            values.reserveCapacity(columns.count * range.count)
            for column in columns { for row in range { values.append(matrix[row * stride + column]) } }
            return Panel(first: range.lowerBound, rows: range.count, values: prepared.keep(values))
        }
        let groupCount = (rows * columns.count + Self.groupValues - 1) / Self.groupValues
        groups = (0..<groupCount).map { part($0, of: groupCount, count) }.filter { !$0.isEmpty }
    }

    /// Multiplies `lines` rows of `width` pixels that are packed in blocks of columns, `depth` channels each.
    func multiply(
        _ kernels: KernelTable, depth: Int, _ packed: UnsafePointer<Float>, lines: Int, width: Int,
        into output: UnsafeMutablePointer<Float>, plane: Int, _ bias: UnsafePointer<Float>, add: Bool, relu: Bool
    ) {
        // As many panels at a time as stay in the second-level cache beside the tile.
        for group in groups {
            var columns = packed
            for line in 0..<lines {
                for x in stride(from: 0, to: width, by: KernelTable.block) {
                    let target = output + line * width + x
                    for index in group {
                        let panel = panels[index]
                        kernels.product(
                            panel.values, columns, depth, panel.rows, target + panel.first * plane, plane,
                            min(KernelTable.block, width - x), bias + panel.first, add ? 1 : 0, relu ? 1 : 0)
                    }
                    columns += depth * KernelTable.block
                }
            }
        }
    }
}
