import Kernels
import Testing

extension KernelTests {
    @Suite("Rows with their padding")
    struct PadRows {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let height: Int, width: Int
            let first: Int, step: Int, count: Int
            let padding: Int
            let more: Int, gap: Int, slack: Int
            let isSplit: Bool
            let next: Bool
            let fill: Float

            var description: String {
                """
                pad rows \(set) \(first), \(first + step) … (\(count)) of \(height)x\(width), padding \(padding) of \
                \(fill), strides +\(more), slack \(slack)\(isSplit ? ", even and odd columns apart by +\(gap)" : "")
                """
            }

            init(_ set: InstructionSet, width: Int, _ random: inout Random) {
                self.set = set
                self.width = width
                height = Int.random(in: 1...9, using: &random)
                first = Int.random(in: -9...9, using: &random)
                step = Int.random(in: 1...9, using: &random)
                count = Int.random(in: 1...7, using: &random)
                padding = random.pick([0, 1, 2, 3, 27])
                more = random.pick([0, 1, 5])
                gap = random.pick([0, 0, 1, 14])
                slack = Int.random(in: -1...3, using: &random)
                isSplit = Bool.random(using: &random)
                next = Bool.random(using: &random)
                fill = random.pick([0, 0, -.infinity, 3])
            }
        }

        @Test(
            "are copied with the fill at their sides, and are all fill outside the plane",
            arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            var random = Random(seed: 12)
            let plane = try GuardedMemory<Float>(capacity: 4_096)
            let output = try GuardedMemory<Float>(capacity: 8_192)
            check(interestingWidths.flatMap { width in (0..<6).map { _ in Case(set, width: width, &random) } }) { one in
                let values = Values.mixed.make(one.height * one.width, &random)
                let whole = one.width + 2 * one.padding
                // Apart, a row is two: its even columns and, `odd` further, its odd ones.
                let odd = one.isSplit ? (whole + 1) / 2 + one.gap : 0
                let stride = whole + one.more + (one.isSplit ? one.gap : 0)
                let columns = one.isSplit ? (0..<whole).map { $0 % 2 * odd + $0 / 2 } : Array(0..<whole)
                let base = UnsafePointer(plane.place(values, slack: one.slack))
                let count = (one.count - 1) * stride + (columns.max() ?? 0) + 1
                kernels.padRows(
                    base, one.height, one.width, one.first, one.step, one.count, one.padding, one.fill,
                    output.reserve(Layout(count: count), slack: one.slack), stride, odd, one.next ? base : nil)
                if let place = output.firstIntrusion(outside: Layout(count: count)) { return "wrote at \(place)" }
                if plane.firstIntrusion() != nil { return "wrote to its input" }
                // What lies between is left alone.
                var expected = [Float](repeating: .canary, count: count)
                for r in 0..<one.count {
                    for (x, column) in columns.enumerated() {
                        let (v, u) = (one.first + r * one.step, x - one.padding)
                        let isInside = (0..<one.height).contains(v) && (0..<one.width).contains(u)
                        expected[r * stride + column] = isInside ? values[v * one.width + u] : one.fill
                    }
                }
                return Comparison.exact.mismatch(found: output.contents, expected: expected)
            }
        }
    }
}
