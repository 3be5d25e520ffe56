import Kernels
import Testing

extension KernelTests {
    @Suite("Operations on rows of values")
    struct Rows {
        struct Case: CustomStringConvertible {
            let name: String
            let set: InstructionSet
            let count: Int
            let slack: Int
            let values: Values
            let scale: Float, shift: Float
            let relu: Bool
            let seed: UInt64

            var description: String {
                """
                \(name) \(set) count \(count) slack \(slack) values \(values) scale \(scale) shift \(shift) \
                relu \(relu) seed \(seed)
                """
            }

            /// Every count around the vectors' lengths, from none at all, with every kind of data.
            static func all(_ name: String, _ set: InstructionSet) -> [Case] {
                var random = Random(seed: 4)
                return ([0] + interestingWidths + [1_023, 4_096]).flatMap { count in
                    Values.allCases.map { values in
                        Case(
                            name: name, set: set, count: count, slack: Int.random(in: -1...3, using: &random),
                            values: values, scale: random.pick([1, -0.37, 1e18, 1e-20, 0]),
                            shift: random.pick([0, 2.5, -1e18, 0x1p-140]), relu: Bool.random(using: &random),
                            seed: random.next())
                    }
                }
            }
        }

        private let first = Result { try GuardedMemory<Float>(capacity: 1 << 13) }
        private let second = Result { try GuardedMemory<Float>(capacity: 1 << 13) }
        private let third = Result { try GuardedMemory<Float>(capacity: 1 << 13) }

        @Test("a sum is as good as one in double precision", arguments: InstructionSet.supported)
        func sum(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let input = try first.get()
            check(Case.all("sum", set)) { one in
                var random = Random(seed: one.seed)
                let values = one.values.make(one.count, &random)
                let expected = scalar.sum(values, one.count)
                let magnitude = scalar.sum(values.map(abs), one.count)
                let found = kernels.sum(input.place(values, slack: one.slack), one.count)
                if input.firstIntrusion() != nil { return "wrote to its input" }
                return abs(found - expected) <= Double(one.count) * Double.ulpOfOne * magnitude
                    ? nil : "\(found), expected \(expected)"
            }
        }

        @Test("8-bit samples are normalised, even and odd ones apart", arguments: InstructionSet.supported)
        func normalizeSplit(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let samples = try GuardedMemory<UInt8>(capacity: 1 << 14)
            let (even, odd) = (try first.get(), try second.get())
            check(Case.all("normalize split", set)) { one in
                var random = Random(seed: one.seed)
                let bytes = (0..<2 * one.count).map { _ in UInt8.random(in: 0...255, using: &random) }
                kernels.normalizeSplit(
                    samples.place(bytes, slack: one.slack), one.count, one.scale, one.shift,
                    even.reserve(Layout(count: one.count), slack: one.slack),
                    odd.reserve(Layout(count: one.count), slack: -one.slack / 3))
                if samples.firstIntrusion() != nil { return "wrote to its input" }
                for (half, found) in [even, odd].enumerated() {
                    if let place = found.firstIntrusion(outside: Layout(count: one.count)) {
                        return "half \(half): wrote at \(place)"
                    }
                    let source = (0..<one.count).map { Float(bytes[2 * $0 + half]) }
                    let mismatch = Comparison.sum(of: 1).mismatch(
                        found: found.contents, expected: source.map { $0 * one.scale + one.shift },
                        magnitudes: source.map { abs($0 * one.scale) + abs(one.shift) })
                    if let mismatch { return "half \(half): \(mismatch)" }
                }
                return nil
            }
        }

        @Test("scale and shift, in place", arguments: InstructionSet.supported)
        func scaleShift(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let memory = try first.get()
            check(Case.all("scale and shift", set)) { one in
                var random = Random(seed: one.seed)
                let values = one.values.make(one.count, &random)
                var expected = values
                scalar.scaleShift(&expected, one.count, one.scale, one.shift, one.relu ? 1 : 0)
                let magnitudes = values.map { abs($0 * one.scale) + abs(one.shift) }
                kernels.scaleShift(
                    memory.place(values, slack: one.slack), one.count, one.scale, one.shift, one.relu ? 1 : 0)
                if let place = memory.firstIntrusion(outside: Layout(count: one.count)) {
                    return "wrote at \(place)"
                }
                return Comparison.sum(of: 1).mismatch(
                    found: memory.contents, expected: expected, magnitudes: magnitudes)
            }
        }

        @Test("the sum of two rows", arguments: InstructionSet.supported)
        func add(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let (a, b, output) = (try first.get(), try second.get(), try third.get())
            check(Case.all("add", set)) { one in
                var random = Random(seed: one.seed)
                let (left, right) = (one.values.make(one.count, &random), one.values.make(one.count, &random))
                var expected = [Float](repeating: 0, count: one.count)
                scalar.add(left, right, &expected, one.count, one.relu ? 1 : 0)
                kernels.add(
                    a.place(left, slack: one.slack), b.place(right, slack: 3 - one.slack),
                    output.reserve(Layout(count: one.count), slack: one.slack / 2),
                    one.count, one.relu ? 1 : 0)
                if let place = output.firstIntrusion(outside: Layout(count: one.count)) {
                    return "wrote at \(place)"
                }
                if a.firstIntrusion() != nil || b.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.exact.mismatch(found: output.contents, expected: expected)
            }
        }

        @Test("8-bit samples become normalised values", arguments: InstructionSet.supported)
        func normalize(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let samples = try GuardedMemory<UInt8>(capacity: 1 << 13)
            let output = try first.get()
            check(Case.all("normalize", set)) { one in
                var random = Random(seed: one.seed)
                let bytes = (0..<one.count).map { _ in UInt8.random(in: 0...255, using: &random) }
                var expected = [Float](repeating: 0, count: one.count)
                scalar.normalize(bytes, &expected, one.count, one.scale, one.shift)
                let magnitudes = bytes.map { abs(Float($0) * one.scale) + abs(one.shift) }
                kernels.normalize(
                    samples.place(bytes, slack: one.slack),
                    output.reserve(Layout(count: one.count), slack: one.slack), one.count,
                    one.scale, one.shift)
                if let place = output.firstIntrusion(outside: Layout(count: one.count)) {
                    return "wrote at \(place)"
                }
                if samples.firstIntrusion() != nil { return "wrote to its input" }
                return Comparison.sum(of: 1).mismatch(
                    found: output.contents, expected: expected, magnitudes: magnitudes)
            }
        }

        @Test(
            "a class takes a pixel where its value is larger, not where it is equal or no number",
            arguments: InstructionSet.supported)
        func argmax(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let scalar = try KernelTable(.scalar)
            let (row, best) = (try first.get(), try second.get())
            let ids = try GuardedMemory<UInt8>(capacity: 1 << 13)
            check(Case.all("argmax", set)) { one in
                var random = Random(seed: one.seed)
                let special: [Float] = [.nan, -.nan, .infinity, -.infinity, 0, -0.0]
                func make() -> [Float] {
                    one.values.make(one.count, &random).map {
                        Int.random(in: 0..<4, using: &random) == 0 ? random.pick(special) : $0
                    }
                }
                let old = make()
                var new = make()
                for index in new.indices where Int.random(in: 0..<5, using: &random) == 0 { new[index] = old[index] }
                let oldIDs = (0..<one.count).map { _ in UInt8.random(in: 0...254, using: &random) }
                let id = UInt8.random(in: 0...254, using: &random)
                var (expectedBest, expectedIDs) = (old, oldIDs)
                scalar.argmaxUpdate(new, one.count, id, &expectedBest, &expectedIDs)
                kernels.argmaxUpdate(
                    row.place(new, slack: one.slack), one.count, id, best.place(old, slack: 3 - one.slack),
                    ids.place(oldIDs, slack: one.slack))
                if let place = best.firstIntrusion(outside: Layout(count: one.count))
                    ?? ids.firstIntrusion(outside: Layout(count: one.count))
                {
                    return "wrote at \(place)"
                }
                if row.firstIntrusion() != nil { return "wrote to its input" }
                if let wrong = zip(ids.contents, expectedIDs).enumerated().first(where: { $1.0 != $1.1 }) {
                    return "id \(wrong.offset) is \(wrong.element.0), expected \(wrong.element.1)"
                }
                return Comparison.exact.mismatch(found: best.contents, expected: expectedBest)
            }
        }
    }
}
