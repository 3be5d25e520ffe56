import Kernels
import Testing

extension KernelTests {
    @Suite("Depthwise convolution straight from the plane")
    struct DepthwiseApart {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let height: Int, width: Int
            let first: Int, rows: Int
            let dilation: Int
            let slack: Int
            let output: Layout
            let values: Values, weights: Values
            let bias: Float
            let seed: UInt64

            var description: String {
                """
                depthwise apart \(set) rows \(first) ..< \(first + rows) of \(height)x\(width) dilation \(dilation) \
                output \(output) slack \(slack) values \(values) weights \(weights) bias \(bias) seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 19)
            return interestingWidths.flatMap { width in
                [1, 2, 3, 4, 9, 27, 27, 100].map { dilation in
                    let height = random.pick([1, 2, 5, 30, 60])
                    let first = Int.random(in: 0..<height, using: &random)
                    let rows = Int.random(in: 1...min(height - first, 9), using: &random)
                    return Case(
                        set: set, height: height, width: width, first: first, rows: rows, dilation: dilation,
                        slack: Int.random(in: -1...3, using: &random),
                        output: .any(rows: rows, width: width, &random), values: random.pick(Values.allCases),
                        weights: random.pick(Values.allCases), bias: random.pick([0, 0.25, -1e18]),
                        seed: random.next())
                }
            }
        }

        @Test("is that of the plane with zeros around it", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 14)
            let weights = try GuardedMemory<Float>(capacity: 64)
            let output = try GuardedMemory<Float>(capacity: 1 << 13)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let plane = one.values.make(one.height * one.width, &random)
                let taps = one.weights.make(9, &random)
                // The definition of the other kernels, on the rows that these outputs see, zeros around them.
                let wide = one.width + 2 * one.dilation
                func define(_ plane: [Float], _ taps: [Float], _ bias: Float) -> [Float] {
                    var padded = [Float](repeating: 0, count: (one.rows + 2 * one.dilation) * wide)
                    scalar.padRows(
                        plane, one.height, one.width, one.first - one.dilation, 1, one.rows + 2 * one.dilation,
                        one.dilation, 0, &padded, wide, 0, nil)
                    var result = [Float](repeating: 0, count: one.rows * one.width)
                    scalar.depthwise(
                        padded, wide, wide * one.dilation, &result, one.width, KernelTable.block, one.rows, one.width,
                        3, 1, one.dilation, taps, bias, 0)
                    return result
                }
                let place = input.place(plane, slack: one.slack)
                kernels.depthwiseApart(
                    place, one.height, one.width, one.first, one.rows, one.dilation,
                    output.reserve(one.output, slack: one.slack), one.output.row, one.output.block,
                    weights.place(taps, slack: one.slack), one.bias, one.seed % 2 == 0 ? nil : UnsafePointer(place))
                if let place = output.firstIntrusion(outside: one.output) { return "wrote at \(place)" }
                if input.firstIntrusion() != nil || weights.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.sum(of: 9).mismatch(
                    found: one.output.gather(output.contents), expected: define(plane, taps, one.bias),
                    magnitudes: define(plane.map(abs), taps.map(abs), abs(one.bias)))
            }
        }
    }
}
