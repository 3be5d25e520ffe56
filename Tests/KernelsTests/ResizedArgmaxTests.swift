import Kernels
import Testing

extension KernelTests {
    @Suite("The largest class of a fourfold resize")
    struct ResizedArgmax {
        struct Case: CustomStringConvertible {
            let set: InstructionSet
            let classes: Int, width: Int, height: Int
            let low: Int, high: Int
            let weight: Float
            let more: Int, slack: Int
            let values: Values
            let seed: UInt64

            var description: String {
                """
                resized argmax \(set) classes \(classes) width \(width) rows \(low) and \(high) of \(height) weight \
                \(weight) plane +\(more) slack \(slack) values \(values) seed \(seed)
                """
            }
        }

        private static func cases(_ set: InstructionSet) -> [Case] {
            var random = Random(seed: 18)
            return interestingWidths.flatMap { width in
                Values.allCases.map { values in
                    let height = Int.random(in: 1...3, using: &random)
                    return Case(
                        set: set, classes: random.pick([1, 2, 5, 11, 19, 255]), width: width, height: height,
                        low: Int.random(in: 0..<height, using: &random),
                        high: Int.random(in: 0..<height, using: &random),
                        weight: random.pick([0, 0.125, 0.375, 0.625, 0.875, 1]), more: random.pick([0, 1, 9]),
                        slack: Int.random(in: -1...3, using: &random), values: values, seed: random.next())
                }
            }
        }

        @Test("is that of the blended values, the first of equals", arguments: InstructionSet.supported)
        func definition(_ set: InstructionSet) throws {
            let kernels = try KernelTable(set)
            let input = try GuardedMemory<Float>(capacity: 1 << 18)
            let output = try GuardedMemory<UInt8>(capacity: 1 << 12)
            let scratch = try GuardedMemory<Float>(capacity: 1 << 17)
            check(Self.cases(set)) { one in
                var random = Random(seed: one.seed)
                let plane = one.width * one.height + one.more
                // Only the rows that are asked for are there to be read: the last one ends the memory.
                let count = (one.classes - 1) * plane + (max(one.low, one.high) + 1) * one.width
                var values = one.values.make(count, &random)
                // A class now and then repeats the one before it.
                let repeated = one.classes > 1 && Bool.random(using: &random) ? one.classes / 2 : 0
                if repeated > 0 {
                    for index in 0..<min(plane, count - repeated * plane) {
                        values[repeated * plane + index] = values[(repeated - 1) * plane + index]
                    }
                }
                let room = Layout(count: one.classes * (one.width + 2))
                kernels.resizedArgmax(
                    input.place(values, slack: one.slack), plane, one.classes, one.low * one.width,
                    one.high * one.width, one.weight, one.width,
                    output.reserve(Layout(count: 4 * one.width), slack: one.slack),
                    scratch.reserve(room, slack: one.slack))
                if let place = output.firstIntrusion(outside: Layout(count: 4 * one.width)) {
                    return "wrote at \(place)"
                }
                if let place = scratch.firstIntrusion(outside: room) { return "wrote at \(place) of its scratch" }
                if input.firstIntrusion() != nil { return "wrote to its input" }
                func blended(_ id: Int, _ column: Int) -> (value: Double, size: Double) {
                    let place = min(max((Double(column) + 0.5) / 4 - 0.5, 0), Double(one.width - 1))
                    let (left, right) = (Int(place), min(Int(place) + 1, one.width - 1))
                    let (across, down) = (place - place.rounded(.down), Double(one.weight))
                    func part(_ row: Int, _ x: Int, _ weight: Double) -> Double {
                        Double(values[id * plane + row * one.width + x]) * weight
                    }
                    let parts = [
                        part(one.low, left, (1 - down) * (1 - across)), part(one.low, right, (1 - down) * across),
                        part(one.high, left, down * (1 - across)), part(one.high, right, down * across),
                    ]
                    // What is blended by differences is as good as its largest part, whatever that one's weight.
                    let size =
                        [(one.low, left), (one.low, right), (one.high, left), (one.high, right)]
                        .map { abs(Double(values[id * plane + $0 * one.width + $1])) }.max() ?? 0
                    return (parts.reduce(0, +), size)
                }
                for (column, id) in output.contents.enumerated() {
                    guard id < one.classes else { return "column \(column) has id \(id)" }
                    let all = (0..<one.classes).map { blended($0, column) }
                    let best = all.map(\.value).max() ?? 0
                    let size = all.map(\.size).max() ?? 0
                    if all[Int(id)].value < best - 8 * Double(Float.ulpOfOne) * size - 1e-44 {
                        return "column \(column) has id \(id) of \(all[Int(id)].value), the largest is \(best)"
                    }
                    if repeated > 0, Int(id) == repeated { return "column \(column) has the second of two equals" }
                }
                return nil
            }
        }
    }
}
