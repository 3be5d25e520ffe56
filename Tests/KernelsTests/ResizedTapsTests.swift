import Kernels
import Testing

extension KernelTests {
    @Suite("Taps over a fourfold resize")
    struct ResizedTaps {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let width: Int, height: Int
            let row: Int
            let output: Layout
            let more: Int, slack: Int
            let values: Values
            let bias: Float
            let relu: Bool
            let seed: UInt64

            var description: String {
                """
                resized taps \(set) width \(width) height \(height) row \(row) output \(output) \
                tap stride \(width * height + more) slack \(slack) values \(values) bias \(bias) relu \(relu) \
                seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 15)
            return interestingWidths.flatMap { width in
                Values.allCases.map { values in
                    let height = Int.random(in: 1...4, using: &random)
                    return Case(
                        set: set, width: width, height: height, row: Int.random(in: 0..<height, using: &random),
                        output: .any(rows: 16, width: width, &random), more: random.pick([0, 0, 1, 9]),
                        slack: Int.random(in: -1...3, using: &random), values: values,
                        bias: random.pick([0, 0.7, -1e18, 0x1p-135]), relu: Bool.random(using: &random),
                        seed: random.next())
                }
            }
        }

        @Test("each of the four phases in both directions, the borders included", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 14)
            let output = try GuardedMemory<Float>(capacity: 1 << 13)
            let scratch = try GuardedMemory<Float>(capacity: 1 << 12)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let tapStride = one.width * one.height + one.more
                let plane = one.values.make(8 * tapStride + one.height * one.width, &random)
                let blended = Layout(count: 12 * (one.width + 2))
                func define(_ plane: [Float], _ bias: Float, _ relu: CInt) -> [Float] {
                    var result = [Float](repeating: 0, count: one.output.count)
                    var room = [Float](repeating: 0, count: blended.count)
                    scalar.resizedTaps(
                        plane, tapStride, one.height, one.width, one.row, bias, relu, &result, one.output.row,
                        one.output.block, &room)
                    return one.output.gather(result)
                }
                kernels.resizedTaps(
                    input.place(plane, slack: one.slack), tapStride, one.height, one.width, one.row, one.bias,
                    one.relu ? 1 : 0, output.reserve(one.output, slack: one.slack), one.output.row, one.output.block,
                    scratch.reserve(blended, slack: one.slack))
                if let place = output.firstIntrusion(outside: one.output) { return "wrote at \(place)" }
                if let place = scratch.firstIntrusion(outside: blended) {
                    return "wrote at \(place) of its scratch"
                }
                if input.firstIntrusion() != nil { return "wrote to its input" }
                let largest = plane.reduce(0) { max($0, abs($1)) }
                // The definition blends by differences, which may be twice as large as what they lie between.
                let magnitudes = define(plane.map(abs), abs(one.bias), 0).map {
                    one.values == .mixed ? max($0, largest) : 2 * $0
                }
                return Comparison.sum(of: 12).mismatch(
                    found: one.output.gather(output.contents), expected: define(plane, one.bias, one.relu ? 1 : 0),
                    magnitudes: magnitudes)
            }
        }

        @Test("four phases become one row", arguments: InstructionSet.supported)
        func interleave(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let input = try GuardedMemory<Float>(capacity: 1 << 12)
            let output = try GuardedMemory<Float>(capacity: 1 << 12)
            struct Row: CustomStringConvertible {
                let set: InstructionSet
                let width: Int, more: Int, slack: Int
                var description: String { "interleave \(set) width \(width) stride +\(more) slack \(slack)" }
            }
            var random = Random(seed: 16)
            let cases = interestingWidths.flatMap { width in
                (-1...3).map { Row(set: set, width: width, more: random.pick([0, 1, 5]), slack: $0) }
            }
            check(cases) { one in
                let phases = Layout(rows: 4, width: one.width, stride: one.width + one.more)
                let values = Values.mixed.make(phases.count, &random)
                kernels.interleave(
                    input.place(values, slack: one.slack), phases.row, one.width,
                    output.reserve(Layout(count: 4 * one.width), slack: one.slack))
                if let place = output.firstIntrusion(outside: Layout(count: 4 * one.width)) {
                    return "wrote at \(place)"
                }
                if input.firstIntrusion() != nil { return "wrote to its input" }
                let expected = (0..<4 * one.width).map { values[$0 % 4 * phases.row + $0 / 4] }
                return Comparison.exact.mismatch(found: output.contents, expected: expected)
            }
        }
    }
}
