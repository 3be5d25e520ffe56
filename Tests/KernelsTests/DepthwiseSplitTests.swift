import Kernels
import Testing

extension KernelTests {
    @Suite("Depthwise convolution at stride 2 of even and odd columns apart")
    struct DepthwiseSplit {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let kernel: Int, rows: Int, width: Int
            let oddFirst: Bool
            let more: Int, slack: Int
            let output: Layout
            let values: Values, weights: Values
            let bias: Float
            let relu: Bool
            let seed: UInt64

            var inputWidth: Int { 2 * (width - 1) + kernel }
            var inputRows: Int { 2 * (rows - 1) + kernel }

            var description: String {
                """
                depthwise split \(set) kernel \(kernel) rows \(rows) width \(width) odd columns \
                \(oddFirst ? "before" : "behind") the even ones, input row \(inputWidth + more) output \(output) \
                slack \(slack) values \(values) weights \(weights) bias \(bias) relu \(relu) seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 17)
            return interestingWidths.flatMap { width in
                [1, 2, 3, 3, 5, 5, 7, 7, 9].map { kernel in
                    let rows = Int.random(in: 1...9, using: &random)
                    return Case(
                        set: set, kernel: kernel, rows: rows, width: width, oddFirst: Bool.random(using: &random),
                        more: random.pick([0, 0, 1, 6]), slack: Int.random(in: -1...3, using: &random),
                        output: .any(rows: rows, width: width, &random), values: random.pick(Values.allCases),
                        weights: random.pick(Values.allCases), bias: random.pick([0, 0.25, -1e18]),
                        relu: Bool.random(using: &random), seed: random.next())
                }
            }
        }

        @Test("is the depthwise convolution of the whole rows", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 15)
            let weights = try GuardedMemory<Float>(capacity: 128)
            let output = try GuardedMemory<Float>(capacity: 1 << 13)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let whole = one.values.make(one.inputRows * one.inputWidth, &random)
                let taps = one.weights.make(one.kernel * one.kernel, &random)
                let (evens, odds) = ((one.inputWidth + 1) / 2, one.inputWidth / 2)
                let stride = one.inputWidth + one.more
                let (even, odd) = one.oddFirst ? (odds, -odds) : (0, evens)
                var apart = [Float](repeating: .canary, count: (one.inputRows - 1) * stride + one.inputWidth)
                for y in 0..<one.inputRows {
                    for x in 0..<one.inputWidth {
                        apart[y * stride + even + x % 2 * odd + x / 2] = whole[y * one.inputWidth + x]
                    }
                }
                func define(_ plane: [Float], _ taps: [Float], _ bias: Float, _ relu: CInt) -> [Float] {
                    var result = [Float](repeating: 0, count: one.rows * one.width)
                    scalar.depthwise(
                        plane, 2 * one.inputWidth, one.inputWidth, &result, one.width, KernelTable.block, one.rows,
                        one.width, one.kernel, 2, 1, taps, bias, relu)
                    return result
                }
                kernels.depthwiseSplit(
                    input.place(apart, slack: one.slack) + even, stride, odd,
                    output.reserve(one.output, slack: one.slack), one.output.row, one.output.block, one.rows, one.width,
                    one.kernel, weights.place(taps, slack: one.slack), one.bias, one.relu ? 1 : 0)
                if let place = output.firstIntrusion(outside: one.output) { return "wrote at \(place)" }
                if input.firstIntrusion() != nil || weights.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.sum(of: one.kernel * one.kernel).mismatch(
                    found: one.output.gather(output.contents),
                    expected: define(whole, taps, one.bias, one.relu ? 1 : 0),
                    magnitudes: define(whole.map(abs), taps.map(abs), abs(one.bias), 0))
            }
        }
    }
}
