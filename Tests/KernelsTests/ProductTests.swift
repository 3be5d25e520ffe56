import Kernels
import Testing

extension KernelTests {
    @Suite("A tile of a matrix product")
    struct ProductTile {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let rows: Int, columns: Int, depth: Int
            let more: Int, slack: Int
            let values: Values
            let add: Bool, relu: Bool
            let seed: UInt64

            var description: String {
                """
                product \(set) rows \(rows) columns \(columns) depth \(depth) stride \(columns + more) slack \(slack) \
                values \(values) add \(add) relu \(relu) seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet, _ most: Int) -> [Case] {
            var random = Random(seed: 14)
            return (1...most).flatMap { rows in
                (1...KernelTable.block).flatMap { columns in
                    (0..<3).map { _ in
                        Case(
                            set: set, rows: rows, columns: columns,
                            depth: random.pick([1, 2, 3, 27, 58, 116, 174, 348, 463]),
                            more: random.pick([0, 0, 1, 7, 3_000]), slack: Int.random(in: -1...3, using: &random),
                            values: random.pick(Values.allCases), add: Bool.random(using: &random),
                            relu: Bool.random(using: &random), seed: random.next())
                    }
                }
            }
        }

        @Test("for every number of rows and columns", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let (a, b) = (try GuardedMemory<Float>(capacity: 1 << 14), try GuardedMemory<Float>(capacity: 1 << 14))
            let (c, biases) = (try GuardedMemory<Float>(capacity: 1 << 17), try GuardedMemory<Float>(capacity: 64))
            check(Self.cases(set, kernels.productRows)) { one in
                var random = Random(seed: one.seed)
                let weights = one.values.make(one.depth * one.rows, &random)
                // What lies beside the columns of a block that is not full must not matter.
                var block = one.values.make(one.depth * KernelTable.block, &random)
                for index in block.indices where index % KernelTable.block >= one.columns { block[index] = .canary }
                let bias = one.values.make(one.rows, &random)
                let layout = Layout(rows: one.rows, width: one.columns, stride: one.columns + one.more)
                let old =
                    one.add ? one.values.make(layout.count, &random) : Array(repeating: .canary, count: layout.count)
                func define(
                    _ weights: [Float], _ block: [Float], _ bias: [Float], _ old: [Float], _ relu: CInt
                ) -> [Float] {
                    var result = old
                    scalar.product(
                        weights, block, one.depth, one.rows, &result, layout.row, one.columns, bias, one.add ? 1 : 0,
                        relu)
                    return layout.gather(result)
                }
                kernels.product(
                    a.place(weights, slack: one.slack), b.place(block, slack: one.slack), one.depth, one.rows,
                    c.place(old, slack: one.slack), layout.row, one.columns, biases.place(bias, slack: one.slack),
                    one.add ? 1 : 0, one.relu ? 1 : 0)
                if let place = c.firstIntrusion(outside: layout) { return "wrote at \(place)" }
                if [a, b, biases].contains(where: { $0.firstIntrusion() != nil }) { return "wrote to its input" }
                return Comparison.sum(of: one.depth).mismatch(
                    found: layout.gather(c.contents),
                    expected: define(weights, block, bias, old, one.relu ? 1 : 0),
                    magnitudes: define(weights.map(abs), block.map(abs), bias.map(abs), old.map(abs), 0))
            }
        }

        @Test("of rows that lie anywhere", arguments: InstructionSet.supported)
        func ofRows(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let (a, c) = (try GuardedMemory<Float>(capacity: 1 << 14), try GuardedMemory<Float>(capacity: 1 << 17))
            let biases = try GuardedMemory<Float>(capacity: 64)
            // Each row ends at an unreadable page of its own.
            let memories = try (0..<7).map { _ in try GuardedMemory<Float>(capacity: 64) }
            check(Self.cases(set, kernels.productRows)) { one in
                var random = Random(seed: one.seed)
                let weights = one.values.make(one.depth * one.rows, &random)
                let first = Int.random(in: 0...5, using: &random)
                let rows = memories.map { memory in
                    UnsafePointer(
                        memory.place(one.values.make(first + one.columns, &random), slack: max(0, one.slack)))
                }
                let table = (0..<one.depth).map { _ in random.pick(rows) }
                let bias = one.values.make(one.rows, &random)
                let layout = Layout(rows: one.rows, width: one.columns, stride: one.columns + one.more)
                func define(_ weights: [Float], _ rows: [[Float]], _ bias: [Float], _ relu: CInt) -> [Float] {
                    var block = [Float](repeating: 0, count: one.depth * KernelTable.block)
                    for (k, row) in rows.enumerated() {
                        for x in 0..<one.columns { block[k * KernelTable.block + x] = row[x] }
                    }
                    var result = [Float](repeating: 0, count: layout.count)
                    scalar.product(
                        weights, block, one.depth, one.rows, &result, layout.row, one.columns, bias, 0, relu)
                    return layout.gather(result)
                }
                let values = table.map { Array(UnsafeBufferPointer(start: $0 + first, count: one.columns)) }
                kernels.productOfRows(
                    a.place(weights, slack: one.slack), table, first, one.depth, one.rows,
                    c.reserve(layout, slack: one.slack), layout.row, one.columns,
                    biases.place(bias, slack: one.slack), one.relu ? 1 : 0)
                if let place = c.firstIntrusion(outside: layout) { return "wrote at \(place)" }
                if (memories + [a, biases]).contains(where: { $0.firstIntrusion() != nil }) {
                    return "wrote to its input"
                }
                return Comparison.sum(of: one.depth).mismatch(
                    found: layout.gather(c.contents),
                    expected: define(weights, values, bias, one.relu ? 1 : 0),
                    magnitudes: define(weights.map(abs), values.map { $0.map(abs) }, bias.map(abs), 0))
            }
        }
    }
}
