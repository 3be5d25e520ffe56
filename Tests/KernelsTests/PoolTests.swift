import Kernels
import Testing

extension KernelTests {
    @Suite("Pooling")
    struct Pool {
        struct Case: CustomStringConvertible {
            let name: String
            let set: InstructionSet
            let kernel: Int, stride: Int
            let rows: Int, width: Int
            let moreInput: Int, moreOutput: Int, slack: Int
            let values: Values
            let seed: UInt64

            var description: String {
                """
                \(name) \(set) kernel \(kernel) stride \(stride) rows \(rows) width \(width) more input \(moreInput) \
                more output \(moreOutput) slack \(slack) values \(values) seed \(seed)
                """
            }

            init(
                _ name: String, _ set: InstructionSet, kernel: Int, stride: Int = 1, rows: Int, width: Int,
                _ random: inout Random
            ) {
                self.name = name
                self.set = set
                self.kernel = kernel
                self.stride = stride
                self.rows = rows
                self.width = width
                moreInput = random.pick([0, 0, 1, 3, 16])
                moreOutput = random.pick([0, 0, 1, 2, 5, 19])
                slack = Int.random(in: -1...3, using: &random)
                values = random.pick(Values.allCases)
                seed = random.next()
            }
        }

        @Test("the maximum is the largest value of each window", arguments: InstructionSet.supported)
        func maximum(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 16)
            let output = try GuardedMemory<Float>(capacity: 1 << 13)
            var random = Random(seed: 2)
            var cases: [Case] = []
            for width in interestingWidths {
                for (kernel, stride) in [(3, 2), (3, 1), (2, 2), (1, 1), (1, 2), (7, 2), (40, 2), (5, 3)] {
                    let rows = Int.random(in: 1...5, using: &random)
                    cases.append(
                        Case("max pool", set, kernel: kernel, stride: stride, rows: rows, width: width, &random))
                }
            }
            check(cases) { one in
                var random = Random(seed: one.seed)
                let inputWidth = (one.width - 1) * one.stride + one.kernel
                let inputStride = inputWidth + one.moreInput
                let outputStride = one.width + one.moreOutput
                let layout = Layout(rows: one.rows, width: one.width, stride: outputStride)
                var plane = one.values.make(
                    ((one.rows - 1) * one.stride + one.kernel - 1) * inputStride + inputWidth, &random)
                // Padding is minus infinity: some of it, and at times all of it.
                let padding = random.pick([0.0, 0.2, 1.0])
                for index in plane.indices where Double.random(in: 0..<1, using: &random) < padding {
                    plane[index] = -.infinity
                }
                var expected = [Float](repeating: 0, count: one.rows * one.width)
                scalar.maxPool(
                    plane, inputStride, &expected, one.width, one.rows, one.width, one.kernel, one.stride)
                kernels.maxPool(
                    input.place(plane, slack: one.slack), inputStride,
                    output.reserve(layout, slack: one.slack),
                    outputStride, one.rows, one.width, one.kernel, one.stride)
                if let place = output.firstIntrusion(outside: layout) {
                    return "wrote at \(place), outside its rows"
                }
                if input.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.exact.mismatch(
                    found: layout.gather(output.contents),
                    expected: expected)
            }
        }

        @Test("the mean leaves out what lies outside the plane", arguments: InstructionSet.supported)
        func average(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 15)
            let output = try GuardedMemory<Float>(capacity: 1 << 15)
            let scratch = try GuardedMemory<Float>(capacity: 1 << 17)
            var random = Random(seed: 3)
            var cases: [Case] = []
            // Planes smaller than the window too: there every window is cut on both sides.
            for width in interestingWidths {
                for kernel in [1, 3, 9, 27] {
                    let rows = Int.random(in: 1...12, using: &random)
                    cases.append(Case("average pool", set, kernel: kernel, rows: rows, width: width, &random))
                }
            }
            for (height, width) in [(48, 64), (32, 64), (64, 128), (3, 40), (40, 3), (1, 1), (28, 28), (27, 27)] {
                for kernel in [3, 5, 9, 27, 41] {
                    cases.append(Case("average pool", set, kernel: kernel, rows: height, width: width, &random))
                }
            }
            check(cases) { one in
                var random = Random(seed: one.seed)
                let inputStride = one.width + one.moreInput
                let outputStride = one.width + one.moreOutput
                let layout = Layout(rows: one.rows, width: one.width, stride: outputStride)
                let plane = one.values.make((one.rows - 1) * inputStride + one.width, &random)
                func define(_ plane: [Float]) -> [Float] {
                    var result = [Float](repeating: 0, count: one.rows * one.width)
                    var unused: Float = 0
                    scalar.averagePool(
                        plane, inputStride, one.rows, one.width, one.kernel, &result, one.width, &unused)
                    return result
                }
                let room = KernelTable.averagePoolScratch(height: one.rows, width: one.width, kernel: one.kernel)
                kernels.averagePool(
                    input.place(plane, slack: one.slack), inputStride, one.rows, one.width, one.kernel,
                    output.reserve(layout, slack: one.slack),
                    outputStride, scratch.reserve(Layout(count: room), slack: one.slack))
                if let place = output.firstIntrusion(outside: layout) {
                    return "wrote at \(place), outside its rows"
                }
                if let place = scratch.firstIntrusion(outside: Layout(count: room)) {
                    return "wrote at \(place), outside its scratch of \(room)"
                }
                if input.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.sum(of: 2 * one.kernel).mismatch(
                    found: layout.gather(output.contents),
                    expected: define(plane), magnitudes: define(plane.map(abs)))
            }
        }
    }
}
