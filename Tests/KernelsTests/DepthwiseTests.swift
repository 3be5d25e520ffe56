import Kernels
import Testing

extension KernelTests {
    @Suite("Depthwise convolution")
    struct Depthwise {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let kernel: Int, stride: Int, dilation: Int
            let rows: Int, width: Int
            let moreInput: Int, slack: Int
            let output: Layout
            let values: Values, weights: Values
            let bias: Float
            let relu: Bool
            let seed: UInt64

            var inputWidth: Int { (width - 1) * stride + (kernel - 1) * dilation + 1 }
            var inputRows: Int { (rows - 1) * stride + (kernel - 1) * dilation + 1 }

            var description: String {
                """
                depthwise \(set) kernel \(kernel) stride \(stride) dilation \(dilation) rows \(rows) width \(width) \
                input stride \(inputWidth + moreInput) output \(output) slack \(slack) \
                values \(values) weights \(weights) bias \(bias) relu \(relu) seed \(seed)
                """
            }

            init(
                _ set: InstructionSet, kernel: Int, stride: Int, dilation: Int, rows: Int, width: Int,
                _ random: inout Random
            ) {
                self.set = set
                self.kernel = kernel
                self.stride = stride
                self.dilation = dilation
                self.rows = rows
                self.width = width
                moreInput = random.pick([0, 0, 1, 3, 16])
                output = .any(rows: rows, width: width, &random)
                slack = Int.random(in: -1...3, using: &random)
                values = random.pick(Values.allCases)
                weights = random.pick(Values.allCases)
                bias = random.pick([0, 0.25, -3, 1e18, -0x1p-135])
                relu = Bool.random(using: &random)
                seed = random.next()
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 1)
            var cases: [Case] = []
            // The network's own shapes at every width, then any other.
            let shapes = [
                (3, 1, 1), (5, 1, 1), (7, 1, 1), (3, 2, 1), (5, 2, 1), (7, 2, 1), (3, 1, 2), (3, 1, 3), (3, 1, 9),
                (3, 1, 27),
            ]
            for width in interestingWidths {
                for (kernel, stride, dilation) in shapes {
                    let rows = Int.random(in: 1...9, using: &random)
                    cases.append(
                        Case(set, kernel: kernel, stride: stride, dilation: dilation, rows: rows, width: width, &random)
                    )
                }
            }
            for _ in 0..<1_500 {
                cases.append(
                    Case(
                        set, kernel: Int.random(in: 1...9, using: &random),
                        stride: Int.random(in: 1...4, using: &random),
                        dilation: random.pick([1, 1, 2, 3, 5]), rows: Int.random(in: 1...13, using: &random),
                        width: Int.random(in: 1...80, using: &random), &random))
            }
            return cases
        }

        @Test("at every width, stride, dilation and on any data", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 17)
            let weights = try GuardedMemory<Float>(capacity: 128)
            let output = try GuardedMemory<Float>(capacity: 1 << 13)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let inputStride = one.inputWidth + one.moreInput
                let (advance, tapRow) = (inputStride * one.stride, inputStride * one.dilation)
                let plane = one.values.make((one.inputRows - 1) * inputStride + one.inputWidth, &random)
                let taps = one.weights.make(one.kernel * one.kernel, &random)
                func define(_ plane: [Float], _ taps: [Float], _ bias: Float, _ relu: CInt) -> [Float] {
                    var result = [Float](repeating: 0, count: one.rows * one.width)
                    scalar.depthwise(
                        plane, advance, tapRow, &result, one.width, KernelTable.block, one.rows, one.width, one.kernel,
                        one.stride, one.dilation, taps, bias, relu)
                    return result
                }
                let expected = define(plane, taps, one.bias, one.relu ? 1 : 0)
                let magnitudes = define(plane.map(abs), taps.map(abs), abs(one.bias), 0)

                kernels.depthwise(
                    input.place(plane, slack: one.slack), advance, tapRow,
                    output.reserve(one.output, slack: one.slack), one.output.row, one.output.block, one.rows, one.width,
                    one.kernel, one.stride, one.dilation, weights.place(taps, slack: one.slack), one.bias,
                    one.relu ? 1 : 0)

                if let place = output.firstIntrusion(outside: one.output) {
                    return "wrote at \(place), outside its rows"
                }
                if input.firstIntrusion() != nil || weights.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.sum(of: one.kernel * one.kernel).mismatch(
                    found: one.output.gather(output.contents), expected: expected, magnitudes: magnitudes)
            }
        }
    }
}
