import Kernels
import Testing

/// A convolution written down once more, as plainly as can be, in double precision.
private func convolve(
    _ shape: PlaneOperations.ConvolutionShape, _ input: [Float], _ weights: [Float], _ bias: [Float]?, relu: Bool
) -> [Float] {
    let (groupIn, groupOut) = (shape.channels / shape.groups, shape.outChannels / shape.groups)
    var result: [Float] = []
    for o in 0..<shape.outChannels {
        for y in 0..<shape.outHeight {
            for x in 0..<shape.outWidth {
                var sum = Double(bias?[o] ?? 0)
                for i in 0..<groupIn {
                    let channel = o / groupOut * groupIn + i
                    for ky in 0..<shape.kernel {
                        for kx in 0..<shape.kernel {
                            let v = y * shape.stride + ky * shape.dilation - shape.padding
                            let u = x * shape.stride + kx * shape.dilation - shape.padding
                            guard (0..<shape.height).contains(v), (0..<shape.width).contains(u) else { continue }
                            let weight = weights[((o * groupIn + i) * shape.kernel + ky) * shape.kernel + kx]
                            sum += Double(weight) * Double(input[(channel * shape.height + v) * shape.width + u])
                        }
                    }
                }
                result.append(Float(relu ? max(sum, 0) : sum))
            }
        }
    }
    return result
}

extension KernelTests {
    @Suite("Operations on planes that exist once")
    struct PlaneOperationsTests {
        struct Geometry: CustomStringConvertible {
            let shape: PlaneOperations.ConvolutionShape
            let hasBias: Bool, relu: Bool

            var description: String {
                """
                \(shape.channels) channels of \(shape.height)x\(shape.width) to \(shape.outChannels) of \
                \(shape.outHeight)x\(shape.outWidth), kernel \(shape.kernel) stride \(shape.stride) padding \
                \(shape.padding) dilation \(shape.dilation) groups \(shape.groups) bias \(hasBias) relu \(relu)
                """
            }

            init?(wide: Bool = false, _ random: inout Random) {
                let groups = random.pick([1, 1, 2, 3])
                let (kernel, stride, dilation) = (
                    random.pick([1, 2, 3, 5]), random.pick([1, 1, 2, 3]), random.pick([1, 1, 2, 9])
                )
                let padding = Int.random(in: 0...3, using: &random)
                let height = Int.random(in: 1...11, using: &random)
                let width = Int.random(in: wide ? 20...140 : 1...11, using: &random)
                let reach = dilation * (kernel - 1) + 1
                guard height + 2 * padding >= reach, width + 2 * padding >= reach else { return nil }
                shape = PlaneOperations.ConvolutionShape(
                    channels: groups * Int.random(in: 1...3, using: &random), height: height, width: width,
                    outChannels: groups * Int.random(in: 1...3, using: &random),
                    outHeight: (height + 2 * padding - reach) / stride + 1,
                    outWidth: (width + 2 * padding - reach) / stride + 1, kernel: kernel, stride: stride,
                    padding: padding,
                    dilation: dilation, groups: groups)
                hasBias = Bool.random(using: &random)
                relu = Bool.random(using: &random)
            }
        }

        @Test("the definition of a convolution is the textbook's, channel range by channel range")
        func convolution() throws {
            var random = Random(seed: 6)
            check((0..<600).compactMap { _ in Geometry(&random) }) { one in
                let shape = one.shape
                let input = Values.ordinary.make(shape.channels * shape.height * shape.width, &random)
                let weights = Values.ordinary.make(
                    shape.outChannels * shape.channels / shape.groups * shape.kernel * shape.kernel, &random)
                let bias = one.hasBias ? Values.ordinary.make(shape.outChannels, &random) : nil
                let expected = convolve(shape, input, weights, bias, relu: one.relu)
                var found = [Float](repeating: .nan, count: expected.count)
                let cut = Int.random(in: 0...shape.outChannels, using: &random)
                // The planes lie anywhere: here in reverse order.
                let plane = shape.height * shape.width
                let planes = (0..<shape.channels).reversed().flatMap { input[$0 * plane..<($0 + 1) * plane] }
                planes.withUnsafeBufferPointer { memory in
                    guard let base = memory.baseAddress else { return }
                    let table = (0..<shape.channels).map { base + (shape.channels - 1 - $0) * plane }
                    for range in [0..<cut, cut..<shape.outChannels] {
                        PlaneOperations.convolution(
                            shape, planes: table, weights: weights, bias: bias, output: &found, range: range,
                            relu: one.relu)
                    }
                }
                let magnitudes = convolve(shape, input.map(abs), weights.map(abs), bias?.map(abs), relu: false)
                return Comparison.sum(of: shape.channels * shape.kernel * shape.kernel)
                    .mismatch(found: found, expected: expected, magnitudes: magnitudes)
            }
        }

        @Test("the taps of a convolution's windows are packed by blocks, zeros where they lie outside")
        func windows() throws {
            var random = Random(seed: 7)
            let plane = try GuardedMemory<Float>(capacity: 2_048)
            let output = try GuardedMemory<Float>(capacity: 4_096)
            check((0..<500).compactMap { Geometry(wide: $0 % 2 == 1, &random) }) { one in
                let shape = one.shape
                let values = Values.ordinary.make(shape.height * shape.width, &random)
                for (ky, kx) in (0..<shape.kernel).flatMap({ y in (0..<shape.kernel).map { (y, $0) } }) {
                    let first = Int.random(in: 0..<shape.outHeight, using: &random)
                    let rows = first..<Int.random(in: first + 1...shape.outHeight, using: &random)
                    let layout = Layout.any(rows: rows.count, width: shape.outWidth, &random)
                    PlaneOperations.packWindows(
                        plane.place(values), shape, rows: rows, ky: ky, kx: kx, into: output.reserve(layout),
                        PlaneOperations.PackedLayout(depth: 0, row: layout.row, block: layout.block))
                    if let place = output.firstIntrusion(outside: layout) {
                        return "rows \(rows) tap (\(ky), \(kx)) to \(layout) wrote at \(place)"
                    }
                    let expected = rows.flatMap { row in
                        (0..<shape.outWidth).map { x -> Float in
                            let v = row * shape.stride + ky * shape.dilation - shape.padding
                            let u = x * shape.stride + kx * shape.dilation - shape.padding
                            return (0..<shape.height).contains(v) && (0..<shape.width).contains(u)
                                ? values[v * shape.width + u] : 0
                        }
                    }
                    if let wrong = Comparison.exact.mismatch(found: layout.gather(output.contents), expected: expected)
                    {
                        return "rows \(rows) tap (\(ky), \(kx)) to \(layout): \(wrong)"
                    }
                }
                return nil
            }
        }

        struct Packing: CustomStringConvertible {
            let channels: Int
            let layout: Layout
            var description: String { "\(channels) planes \(layout)" }
        }

        @Test("rows of planes are packed by blocks as they are")
        func packPlanes() throws {
            var random = Random(seed: 13)
            let memory = try GuardedMemory<Float>(capacity: 1 << 15)
            let output = try GuardedMemory<Float>(capacity: 1 << 16)
            let cases = interestingWidths.flatMap { width in
                (1...5).map { channels in
                    Packing(
                        channels: channels,
                        layout: Layout.any(rows: Int.random(in: 1...6, using: &random), width: width, &random))
                }
            }
            check(cases) { packing in
                let (channels, layout) = (packing.channels, packing.layout)
                let (first, height) = (Int.random(in: 0...3, using: &random), layout.rows + 4)
                let values = Values.mixed.make(channels * height * layout.width, &random)
                let base = UnsafePointer(memory.place(values))
                // Planes may lie in any order.
                let order = (0..<channels).shuffled(using: &random)
                let planes = order.map { base + $0 * height * layout.width }
                let depth = layout.count + random.pick([0, 1, 19])
                PlaneOperations.packPlanes(
                    planes, channels: channels, rows: first..<first + layout.rows, width: layout.width,
                    into: output.reserve(Layout(count: (channels - 1) * depth + layout.count)),
                    PlaneOperations.PackedLayout(depth: depth, row: layout.row, block: layout.block))
                var expected = [Float](repeating: .canary, count: output.contents.count)
                for (channel, plane) in order.enumerated() {
                    var from = (plane * height + first) * layout.width
                    for run in layout.runs {
                        for index in run {
                            expected[channel * depth + index] = values[from]
                            from += 1
                        }
                    }
                }
                let wrong = expected.indices.first { expected[$0].bitPattern != output.contents[$0].bitPattern }
                return wrong.map { "at \($0): \(output.contents[$0]), expected \(expected[$0])" }
            }
        }

        struct Padding: CustomStringConvertible {
            let height: Int, width: Int
            let before: Int, below: Int, right: Int
            let more: Int

            var description: String {
                "\(height)x\(width) before \(before) below \(below) right \(right) more \(more)"
            }

            static let all = [1, 2, 5].flatMap { height in
                [1, 3, 8, 17, 33].flatMap { width in
                    [(0, 0, 0), (1, 1, 1), (3, 0, 2), (0, 5, 0), (2, 1, 7)].flatMap { before, below, right in
                        [0, 1, 13].map { more in
                            Padding(
                                height: height, width: width, before: before, below: below, right: right, more: more)
                        }
                    }
                }
            }
        }

        @Test("padding surrounds a plane with the fill and leaves what lies between rows alone")
        func pad() throws {
            var random = Random(seed: 8)
            let plane = try GuardedMemory<Float>(capacity: 1_024)
            let output = try GuardedMemory<Float>(capacity: 4_096)
            check(Padding.all) { one in
                let (height, width, before) = (one.height, one.width, one.before)
                let values = Values.mixed.make(height * width, &random)
                let fill: Float = random.pick([0, -.infinity, 7])
                let (rowCount, whole) = (before + height + one.below, before + width + one.right)
                let stride = whole + one.more
                let layout = Layout(rows: rowCount, width: whole, stride: stride)
                PlaneOperations.pad(
                    plane.place(values), height: height, width: width,
                    into: output.reserve(layout), stride: stride, before: before,
                    below: one.below, right: one.right, fill: fill)
                if let place = output.firstIntrusion(outside: layout) {
                    return "wrote at \(place)"
                }
                let expected = (0..<rowCount).flatMap { y in
                    (0..<whole).map { x in
                        (before..<before + height).contains(y) && (before..<before + width).contains(x)
                            ? values[(y - before) * width + x - before] : fill
                    }
                }
                return Comparison.exact.mismatch(
                    found: layout.gather(output.contents), expected: expected)
            }
        }

        @Test("all 65,536 half-precision values become the same values in single precision")
        func halves() throws {
            let halves = (0...UInt16.max).map { $0 }
            var floats = [Float](repeating: 0, count: halves.count)
            PlaneOperations.halfToFloat(halves, into: &floats, count: halves.count)
            let wrong = zip(halves, floats).first { half, found in
                let expected = Float(Float16(bitPattern: half))
                return expected.isNaN
                    ? !found.isNaN || found.sign != expected.sign : found.bitPattern != expected.bitPattern
            }
            #expect(wrong == nil, "half \(wrong?.0 ?? 0) became \(wrong?.1 ?? 0)")
        }
    }
}
