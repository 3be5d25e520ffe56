import Kernels
import Testing

extension KernelTests {
    @Suite("A kernel's ReLU")
    struct ReLU {
        /// Runs `kernel` on planes of one value, with and without ReLU, and looks at what kind of values come out.
        private func check(
            _ name: String, _ set: InstructionSet,
            _ kernel: (_ input: [Float], _ relu: CInt, _ output: inout [Float]) -> Void
        ) {
            for value: Float in [.nan, -.nan, 2, -2, 0] {
                for relu: CInt in [0, 1] {
                    // Whole vectors and what is left over.
                    var output = [Float](repeating: 7, count: 53)
                    kernel(Array(repeating: value, count: 4_096), relu, &output)
                    let wrong = output.indices.first { index in
                        let found = output[index]
                        if value.isNaN { return !found.isNaN }
                        if value == 0 || relu == 1 && value < 0 { return found != 0 }
                        return (found < 0) != (value < 0) || found == 0
                    }
                    #expect(
                        wrong == nil, "\(name) \(set) relu \(relu) of \(value): \(output[wrong ?? 0]) at \(wrong ?? 0)")
                }
            }
        }

        private let block = KernelTable.block
        private let taps = [Float](repeating: 0.25, count: 49)

        @Test("makes negative sums 0 and leaves alone what is no number", arguments: InstructionSet.supported)
        func convolutions(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            for kernel in [1, 3, 5, 7] {
                for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2)] {
                    check("depthwise \(kernel)", set) { input, relu, output in
                        let row = 53 * stride + kernel * dilation
                        kernels.depthwise(
                            input, stride * row, dilation * row, &output, 53, block, 1, 53, kernel, stride, dilation,
                            taps, 0, relu)
                    }
                }
                check("depthwise split \(kernel)", set) { input, relu, output in
                    kernels.depthwiseSplit(input, 128, 64, &output, 53, block, 1, 53, kernel, taps, 0, relu)
                }
            }
            for (depth, rows) in (1...kernels.productRows).map({ (3, $0) }) {
                check("product", set) { input, relu, output in
                    let bias = [Float](repeating: 0, count: rows)
                    for x in stride(from: 0, to: 53, by: block) {
                        let columns = min(block, 53 - x)
                        var result = [Float](repeating: 7, count: rows * block)
                        kernels.product(
                            Array(repeating: 0.25, count: depth * rows), input, depth, rows, &result, block, columns,
                            bias, 0, relu)
                        for column in 0..<columns { output[x + column] = result[column % rows * block + column] }
                    }
                }
            }
            check("resized taps", set) { input, relu, output in
                var (phases, scratch) = ([Float](repeating: 7, count: 16 * 53), [Float](repeating: 0, count: 12 * 55))
                kernels.resizedTaps(input, 53, 1, 53, 0, 0, relu, &phases, 53, block, &scratch)
                // Every phase of both directions has some of the columns.
                for x in 0..<53 { output[x] = phases[x % 16 * 53 + x] }
            }
        }

        @Test("does so in rows of values, infinity included", arguments: InstructionSet.supported)
        func rows(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            check("scale and shift", set) { input, relu, output in
                output = Array(input.prefix(53))
                kernels.scaleShift(&output, 53, 0.5, 0, relu)
            }
            check("add", set) { input, relu, output in
                kernels.add(input, input, &output, 53, relu)
            }
            for value: Float in [.infinity, -.infinity] {
                for relu: CInt in [0, 1] {
                    var (scaled, added) = ([Float](repeating: value, count: 53), [Float](repeating: 7, count: 53))
                    kernels.add(scaled, scaled, &added, 53, relu)
                    kernels.scaleShift(&scaled, 53, 1, 0, relu)
                    let expected = relu == 1 ? max(value, 0) : value
                    #expect(
                        scaled.allSatisfy { $0 == expected } && added.allSatisfy { $0 == expected }, "\(set) \(value)")
                }
            }
        }
    }
}
