import Kernels
import Testing

extension KernelTests {
    @Suite("Bilinear resize")
    struct Resize {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let inputWidth: Int, outputWidth: Int
            let slack: Int
            let rowWeight: Float
            let values: Values
            let scattered: Bool
            let seed: UInt64

            var description: String {
                """
                resize row \(set) from \(inputWidth) to \(outputWidth) row weight \(rowWeight) slack \(slack) \
                values \(values) \(scattered ? "scattered" : "in order") seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 5)
            var sizes = interestingWidths.map { (Int.random(in: 1...70, using: &random), $0) }
            sizes += interestingWidths.map { ($0, Int.random(in: 1...300, using: &random)) }
            sizes += [(1, 64), (64, 256), (256, 1_024), (40, 160), (160, 40), (96, 96), (7, 28), (13, 52)]
            return sizes.flatMap { input, output in
                Values.allCases.map { values in
                    Case(
                        set: set, inputWidth: input, outputWidth: output, slack: Int.random(in: -1...3, using: &random),
                        rowWeight: random.pick([0, 1, 0.125, 0.375, 0.625, 0.875, 0.3333]), values: values,
                        scattered: Int.random(in: 0..<4, using: &random) == 0, seed: random.next())
                }
            }
        }

        @Test("a row is blended from two rows and two columns", arguments: InstructionSet.supported)
        func row(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let memories = try (0..<5).map { _ in try GuardedMemory<Float>(capacity: 2_048) }
            let (top, bottom, output, weights, scratch) =
                (memories[0], memories[1], memories[2], memories[3], memories[4])
            let left = try GuardedMemory<Int32>(capacity: 2_048)
            let right = try GuardedMemory<Int32>(capacity: 2_048)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let (a, b) = (one.values.make(one.inputWidth, &random), one.values.make(one.inputWidth, &random))
                let scale = Float(one.inputWidth) / Float(one.outputWidth)
                let places = (0..<one.outputWidth).map { x -> Float in
                    one.scattered
                        ? Float.random(in: 0...Float(one.inputWidth - 1), using: &random)
                        : min(max((Float(x) + 0.5) * scale - 0.5, 0), Float(one.inputWidth - 1))
                }
                let low = places.map { Int32($0) }
                let high = low.map { min($0 + 1, Int32(one.inputWidth - 1)) }
                let share = zip(places, low).map { $0 - Float($1) }
                func define() -> [Float] {
                    var result = [Float](repeating: 0, count: one.outputWidth)
                    var room = [Float](repeating: 0, count: one.inputWidth)
                    scalar.resizeRow(
                        a, b, one.rowWeight, one.inputWidth, &result, one.outputWidth, low, high, share, &room)
                    return result
                }
                kernels.resizeRow(
                    top.place(a, slack: one.slack), bottom.place(b, slack: 3 - one.slack), one.rowWeight,
                    one.inputWidth,
                    output.reserve(Layout(count: one.outputWidth), slack: one.slack),
                    one.outputWidth, left.place(low, slack: one.slack), right.place(high, slack: one.slack),
                    weights.place(share, slack: one.slack),
                    scratch.reserve(Layout(count: one.inputWidth), slack: one.slack))
                if let place = output.firstIntrusion(outside: Layout(count: one.outputWidth)) {
                    return "wrote at \(place)"
                }
                if let place = scratch.firstIntrusion(outside: Layout(count: one.inputWidth)) {
                    return "wrote at \(place) of its scratch"
                }
                if [top, bottom, weights].contains(where: { $0.firstIntrusion() != nil })
                    || left.firstIntrusion() != nil || right.firstIntrusion() != nil
                {
                    return "wrote to its input"
                }
                // What is blended lies between these; their difference may be twice as large.
                let magnitudes = zip(low, high).map { left, right in
                    2 * [a[Int(left)], b[Int(left)], a[Int(right)], b[Int(right)]].reduce(0) { max($0, abs($1)) }
                }
                return Comparison.sum(of: 4).mismatch(
                    found: output.contents, expected: define(), magnitudes: magnitudes)
            }
        }
    }
}
