import Kernels

/// Where channels of a product come from, ready to fill a packed tile.
final class ProductSource: @unchecked Sendable {
    /// Some input channels of a source, all that is made of them one after the other.
    struct Piece {
        let source: ProductSource
        let channels: Range<Int>
        let depth: Int
        /// The weights' columns, in the order in which the piece fills the depth.
        let columns: [Int]
    }

    /// A depthwise convolution's weights.
    private struct Depthwise {
        let weights: UnsafePointer<Float>
        let bias: UnsafePointer<Float>?
        let kernel: Int
    }

    /// Depthwise convolutions of the same centres.
    private struct DepthwiseGroup {
        let parts: [Depthwise]
        let stride: Int
        let dilation: Int
        let padding: Int
        /// All parts' weights and biases, channel by channel, where one kernel does all of them.
        let pyramid: UnsafePointer<Float>?
    }

    private enum Kind {
        case planes
        case windows(PlaneOperations.ConvolutionShape)
        case depthwise(DepthwiseGroup)
    }

    private let kernels: KernelTable
    private let planes: Planes
    private let input: Shape
    private let output: Shape
    private let kind: Kind
    private let firstColumn: Int

    /// Channels made from one input channel.
    private let multiple: Int
    /// Channels in all.
    var depth: Int { input.channels * multiple }

    init(
        _ source: Product.Source, _ context: StepContext, input: Value, output: Shape, firstColumn: Int
    ) throws(GraphError) {
        kernels = context.kernels
        planes = try context.planes(input)
        self.input = context.shape(input)
        self.output = output
        self.firstColumn = firstColumn
        switch source.kind {
        case .planes:
            kind = .planes
            multiple = 1
        case .windows(let kernel, let stride, let padding, let dilation):
            kind = .windows(
                PlaneOperations.ConvolutionShape(
                    channels: self.input.channels, height: self.input.height, width: self.input.width,
                    outChannels: output.channels, outHeight: output.height, outWidth: output.width, kernel: kernel,
                    stride: stride, padding: padding, dilation: dilation, groups: 1))
            multiple = kernel * kernel
        case .depthwise(let convolutions):
            var parts: [Depthwise] = []
            for convolution in convolutions {
                parts.append(
                    Depthwise(
                        weights: context.prepared.keep(try context.weights.values(of: convolution.weight)),
                        bias: try convolution.bias.map { (bias) throws(GraphError) in
                            context.prepared.keep(try context.weights.values(of: bias))
                        }, kernel: convolution.kernel))
            }
            guard let first = convolutions.first,
                convolutions.allSatisfy({
                    $0.stride == first.stride && $0.dilation == first.dilation
                        && $0.padding == first.dilation * ($0.kernel / 2)
                })
            else { throw GraphError("depthwise convolutions of one source with different strides or centres") }
            kind = .depthwise(
                DepthwiseGroup(
                    parts: parts, stride: first.stride, dilation: first.dilation,
                    padding: convolutions.reduce(0) { max($0, $1.padding) },
                    pyramid: try Self.pyramid(convolutions, context)))
            multiple = convolutions.count
        }
    }

    /// The source in pieces of at most `deepest` channels, as even as can be; of one input channel where all that is
    /// made of it is deeper. No piece is empty.
    func pieces(deepest: Int) -> [Piece] {
        let count = min((depth + deepest - 1) / deepest, input.channels)
        return (0..<count).map { number in
            let channels = part(number, of: count, input.channels)
            return Piece(
                source: self, channels: channels, depth: channels.count * multiple, columns: columns(channels))
        }
    }

    private func columns(_ channels: Range<Int>) -> [Int] {
        switch kind {
        case .planes:
            return channels.map { firstColumn + $0 }
        case .windows:
            return channels.flatMap { channel in (0..<multiple).map { firstColumn + channel * multiple + $0 } }
        case .depthwise:
            return (0..<multiple).flatMap { number in
                channels.map { firstColumn + number * input.channels + $0 }
            }
        }
    }

    /// A pyramid's weights in the order of its kernel.
    private static func pyramid(
        _ convolutions: [Convolution], _ context: StepContext
    ) throws(GraphError) -> UnsafePointer<Float>? {
        guard convolutions.map(\.kernel) == [3, 5, 7], let first = convolutions.first, first.dilation == 1,
            first.stride <= 2
        else { return nil }
        let channels = first.outChannels
        var all = [Float](repeating: 0, count: channels * KernelTable.pyramidWeights)
        var (offset, biases) = (0, KernelTable.pyramidWeights - convolutions.count)
        for convolution in convolutions {
            let taps = convolution.kernel * convolution.kernel
            let weights = try context.weights.values(of: convolution.weight)
            let bias = try convolution.bias.map { (bias) throws(GraphError) in try context.weights.values(of: bias) }
            for channel in 0..<channels {
                let to = channel * KernelTable.pyramidWeights
                for tap in 0..<taps { all[to + offset + tap] = weights[channel * taps + tap] }
                all[to + biases] = bias?[channel] ?? 0
            }
            offset += taps
            biases += 1
        }
        return context.prepared.keep(all)
    }

    /// How rows lie in scratch memory with their padding.
    private struct PaddedRows {
        /// From the beginning of the memory to the first row.
        let start: Int
        /// From row to row.
        let stride: Int
        /// From a row's even columns to its odd ones; 0 where they are not apart.
        let odd: Int

        /// The first column inside the plane lies at the beginning of a cache line.
        init(width: Int, padding: Int, isSplit: Bool) {
            let line = 64 / MemoryLayout<Float>.stride
            func lines(_ count: Int) -> Int { (count + line - 1) / line * line }
            let whole = width + 2 * padding
            odd = isSplit ? lines((whole + 1) / 2) + padding % 2 : 0
            start = lines(padding) - (isSplit ? (padding + 1) / 2 : padding)
            stride = lines(isSplit ? odd + whole / 2 : whole)
        }
    }

    /// Floats of scratch needed for a tile of `rows` output rows.
    func scratch(rows: Int) -> Int {
        guard case .depthwise(let group) = kind else { return 0 }
        let reach = group.parts.reduce(1) { max($0, $1.kernel) }
        return [false, true].reduce(0) { most, isSplit in
            let padded = PaddedRows(width: input.width, padding: group.padding, isSplit: isSplit)
            let count = max(reach * rows, (rows - 1) * group.stride + (reach - 1) * group.dilation + 1)
            return max(most, padded.start + count * padded.stride)
        }
    }

    /// Fills the depth from `target` on with what is made of `channels`, for output rows `rows`.
    func fill(
        _ channels: Range<Int>, rows: Range<Int>, into target: UnsafeMutablePointer<Float>,
        _ layout: PlaneOperations.PackedLayout, padded: UnsafeMutablePointer<Float>
    ) {
        var to = target
        switch kind {
        case .planes:
            planes.withTable { table in
                PlaneOperations.packPlanes(
                    table + channels.lowerBound, channels: channels.count, rows: rows, width: input.width, into: to,
                    layout)
            }
        case .windows(let shape):
            for channel in channels {
                for ky in 0..<shape.kernel {
                    for kx in 0..<shape.kernel {
                        PlaneOperations.packWindows(
                            planes[channel], shape, rows: rows, ky: ky, kx: kx, into: to, layout)
                        to += layout.depth
                    }
                }
            }
        case .depthwise(let group):
            let between = channels.count * layout.depth
            for channel in channels {
                let next = channel + 1 < channels.upperBound ? planes[channel + 1] : nil
                if group.stride == 1, group.dilation > 1, group.parts.allSatisfy({ $0.kernel == 3 }) {
                    for (index, part) in group.parts.enumerated() {
                        kernels.depthwiseApart(
                            planes[channel], input.height, input.width, rows.lowerBound, rows.count, group.dilation,
                            to + index * between, layout.row, layout.block, part.weights + channel * 9,
                            part.bias?[channel] ?? 0, index == 0 ? next : nil)
                    }
                } else {
                    fillDepthwise(group, channel, next: next, rows, to, between: between, layout, padded: padded)
                }
                to += layout.depth
            }
        }
    }

    private func fillDepthwise(
        _ group: DepthwiseGroup, _ channel: Int, next: UnsafePointer<Float>?, _ rows: Range<Int>,
        _ target: UnsafeMutablePointer<Float>, between: Int, _ layout: PlaneOperations.PackedLayout,
        padded memory: UnsafeMutablePointer<Float>
    ) {
        let (stride, dilation, padding) = (group.stride, group.dilation, group.padding)
        // At stride 2 the even and the odd columns of a row are kept apart, so that the kernel's loads are dense.
        let isSplit = stride == 2 && dilation == 1
        let lines = PaddedRows(width: input.width, padding: padding, isSplit: isSplit)
        let (padded, width, odd) = (memory + lines.start, lines.stride, lines.odd)
        let reach = 2 * padding / dilation + 1
        let first = rows.lowerBound * stride - padding
        var (advance, tapRow) = (stride * width, dilation * width)
        if dilation < rows.count || dilation == 1 {
            kernels.padRows(
                planes[channel], input.height, input.width, first, 1,
                (rows.count - 1) * stride + (reach - 1) * dilation + 1, padding, 0, padded, width, odd, next)
        } else {
            // Taps far apart: only the rows that they touch, those of one tap after those of the other.
            (advance, tapRow) = (width, rows.count * width)
            for tap in 0..<reach {
                kernels.padRows(
                    planes[channel], input.height, input.width, first + tap * dilation, stride, rows.count, padding,
                    0, padded + tap * tapRow, width, odd, next)
            }
        }
        if let pyramid = group.pyramid {
            kernels.depthwisePyramid(
                UnsafePointer(padded), width, odd, stride, target, between, layout.row, layout.block, rows.count,
                output.width, pyramid + channel * KernelTable.pyramidWeights)
            return
        }
        for (number, part) in group.parts.enumerated() {
            // A smaller kernel begins nearer to the centre.
            let inset = reach / 2 - part.kernel / 2
            let weights = part.weights + channel * part.kernel * part.kernel
            let (bias, to) = (part.bias?[channel] ?? 0, target + number * between)
            if isSplit, inset % 2 == 0 {
                kernels.depthwiseSplit(
                    UnsafePointer(padded + inset * width + inset / 2), width, odd, to, layout.row, layout.block,
                    rows.count, output.width, part.kernel, weights, bias, 0)
            } else if isSplit {
                // Beginning at an odd column, odd and even change places: the even ones lie one further.
                kernels.depthwiseSplit(
                    UnsafePointer(padded + inset * width + odd + inset / 2), width, 1 - odd, to, layout.row,
                    layout.block, rows.count, output.width, part.kernel, weights, bias, 0)
            } else {
                kernels.depthwise(
                    UnsafePointer(padded + inset * tapRow + inset * dilation), advance, tapRow, to, layout.row,
                    layout.block, rows.count, output.width, part.kernel, stride, dilation, weights, bias, 0)
            }
        }
    }
}
