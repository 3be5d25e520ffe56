import Kernels
import Testing

extension KernelTests {
    @Suite("A pyramid of depthwise convolutions")
    struct DepthwisePyramid {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let stride: Int, rows: Int, width: Int
            let oddFirst: Bool
            let more: Int, between: Int, slack: Int
            let output: Layout
            let values: Values, weights: Values
            let seed: UInt64

            var inputWidth: Int { stride * (width - 1) + 7 }
            var inputRows: Int { stride * (rows - 1) + 7 }

            var description: String {
                """
                depthwise pyramid \(set) stride \(stride) rows \(rows) width \(width) odd columns \
                \(oddFirst ? "before" : "behind") the even ones, input row \(inputWidth + more) output \(output) \
                between +\(between) slack \(slack) values \(values) weights \(weights) seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 20)
            return interestingWidths.flatMap { width in
                [1, 2, 1, 2, 1, 2].map { stride in
                    let rows = Int.random(in: 1...9, using: &random)
                    return Case(
                        set: set, stride: stride, rows: rows, width: width, oddFirst: Bool.random(using: &random),
                        more: random.pick([0, 0, 1, 6]), between: random.pick([0, 0, 3, 100]),
                        slack: Int.random(in: -1...3, using: &random),
                        output: .any(rows: rows, width: width, &random), values: random.pick(Values.allCases),
                        weights: random.pick(Values.allCases), seed: random.next())
                }
            }
        }

        @Test("is three convolutions of one plane", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try GuardedMemory<Float>(capacity: 1 << 15)
            let weights = try GuardedMemory<Float>(capacity: 128)
            let output = try GuardedMemory<Float>(capacity: 1 << 15)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let whole = one.values.make(one.inputRows * one.inputWidth, &random)
                let taps = one.weights.make(KernelTable.pyramidWeights, &random)
                let stride = one.inputWidth + one.more
                var (even, odd) = (0, 0)
                if one.stride == 2 {
                    (even, odd) =
                        one.oddFirst ? (one.inputWidth / 2, -(one.inputWidth / 2)) : (0, (one.inputWidth + 1) / 2)
                }
                var plane = [Float](repeating: .canary, count: (one.inputRows - 1) * stride + one.inputWidth)
                for y in 0..<one.inputRows {
                    for x in 0..<one.inputWidth {
                        let column = one.stride == 2 ? even + x % 2 * odd + x / 2 : x
                        plane[y * stride + column] = whole[y * one.inputWidth + x]
                    }
                }
                // Each by the definition of one depthwise convolution, on the rows as they were.
                func define(_ plane: [Float], _ taps: [Float], number: Int) -> [Float] {
                    let (kernel, inset, first) = (3 + 2 * number, 2 - number, [0, 9, 34][number])
                    var result = [Float](repeating: 0, count: one.rows * one.width)
                    scalar.depthwise(
                        Array(plane[(inset * one.inputWidth + inset)...]), one.stride * one.inputWidth, one.inputWidth,
                        &result, one.width, KernelTable.block, one.rows, one.width, kernel, one.stride, 1,
                        Array(taps[first..<first + kernel * kernel]), taps[83 + number], 0)
                    return result
                }
                let between = one.output.count + one.between
                let all = output.reserve(Layout(count: 2 * between + one.output.count), slack: one.slack)
                kernels.depthwisePyramid(
                    input.place(plane, slack: one.slack) + even, stride, odd, one.stride, all, between, one.output.row,
                    one.output.block, one.rows, one.width, weights.place(taps, slack: one.slack))
                let contents = output.contents
                if let place = output.firstIntrusion(outside: Layout(count: contents.count)) {
                    return "wrote at \(place)"
                }
                if input.firstIntrusion() != nil || weights.firstIntrusion() != nil { return "wrote to its input" }
                var untouched = contents
                for number in 0..<3 {
                    let mine = Array(contents[(number * between)...].prefix(one.output.count))
                    let problem = Comparison.sum(of: (3 + 2 * number) * (3 + 2 * number)).mismatch(
                        found: one.output.gather(mine), expected: define(whole, taps, number: number),
                        magnitudes: define(whole.map(abs), taps.map(abs), number: number))
                    if let problem { return "result \(number): \(problem)" }
                    for index in one.output.runs.joined() { untouched[number * between + index] = .canary }
                }
                return untouched.allSatisfy { $0.bitPattern == Float.canary.bitPattern }
                    ? nil : "wrote between its rows or its results"
            }
        }
    }
}
