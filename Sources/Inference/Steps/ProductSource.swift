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

    private enum Kind {
        case planes
        case windows(PlaneOperations.ConvolutionShape)
        case depthwise([Depthwise], stride: Int, dilation: Int, padding: Int)
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
                parts, stride: first.stride, dilation: first.dilation,
                padding: convolutions.reduce(0) { max($0, $1.padding) })
            multiple = convolutions.count
        }
    }

    /// The source in pieces of at most `deepest` channels, as even as can be.
    func pieces(deepest: Int) -> [Piece] {
        let count = (depth + deepest - 1) / deepest
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

    /// Floats of scratch needed for a tile of `rows` output rows.
    func scratch(rows: Int) -> Int {
        guard case .depthwise(let parts, let stride, let dilation, let padding) = kind else { return 0 }
        let reach = parts.reduce(1) { max($0, $1.kernel) }
        return max(reach * rows, (rows - 1) * stride + (reach - 1) * dilation + 1) * (input.width + 2 * padding)
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
        case .depthwise(let parts, let stride, let dilation, let padding):
            let between = channels.count * layout.depth
            if stride == 1, dilation > 1, parts.allSatisfy({ $0.kernel == 3 }) {
                for (number, channel) in channels.enumerated() {
                    for (index, part) in parts.enumerated() {
                        kernels.depthwiseApart(
                            planes[channel], input.height, input.width, rows.lowerBound, rows.count, dilation,
                            to + number * layout.depth + index * between, layout.row, layout.block,
                            part.weights + channel * 9, part.bias?[channel] ?? 0)
                    }
                }
                return
            }
            for (number, channel) in channels.enumerated() {
                fillDepthwise(
                    parts, channel, rows, to + number * layout.depth, between: between, layout,
                    stride: stride, dilation: dilation, padding: padding, padded: padded)
            }
        }
    }

    private func fillDepthwise(
        _ parts: [Depthwise], _ channel: Int, _ rows: Range<Int>, _ target: UnsafeMutablePointer<Float>, between: Int,
        _ layout: PlaneOperations.PackedLayout, stride: Int, dilation: Int, padding: Int,
        padded: UnsafeMutablePointer<Float>
    ) {
        let width = input.width + 2 * padding
        // At stride 2 the even and the odd columns of a row are kept apart, so that the kernel's loads are dense.
        let isSplit = stride == 2 && dilation == 1 && rows.count > 1
        let odd = (width + 1) / 2
        let reach = 2 * padding / dilation + 1
        let first = rows.lowerBound * stride - padding
        var (advance, tapRow) = (stride * width, dilation * width)
        if dilation < rows.count {
            PlaneOperations.padRows(
                planes[channel], height: input.height, width: input.width, first: first, step: 1,
                count: (rows.count - 1) * stride + (reach - 1) * dilation + 1, padding: padding, into: padded,
                stride: width, odd: isSplit ? odd : nil)
        } else {
            // Taps far apart: only the rows that they touch, those of one tap after those of the other.
            (advance, tapRow) = (width, rows.count * width)
            for tap in 0..<reach {
                PlaneOperations.padRows(
                    planes[channel], height: input.height, width: input.width, first: first + tap * dilation,
                    step: stride, count: rows.count, padding: padding, into: padded + tap * tapRow, stride: width,
                    odd: isSplit ? odd : nil)
            }
        }
        for (number, part) in parts.enumerated() {
            // A smaller kernel begins nearer to the centre.
            let inset = reach / 2 - part.kernel / 2
            let weights = part.weights + channel * part.kernel * part.kernel
            let (bias, output) = (part.bias?[channel] ?? 0, target + number * between)
            if isSplit, inset % 2 == 0 {
                kernels.depthwiseSplit(
                    UnsafePointer(padded + inset * width + inset / 2), width, odd, output, layout.row, layout.block,
                    rows.count, self.output.width, part.kernel, weights, bias, 0)
            } else if isSplit {
                // Beginning at an odd column, odd and even change places: the even ones lie one further.
                kernels.depthwiseSplit(
                    UnsafePointer(padded + inset * width + odd + inset / 2), width, 1 - odd, output, layout.row,
                    layout.block, rows.count, self.output.width, part.kernel, weights, bias, 0)
            } else {
                kernels.depthwise(
                    UnsafePointer(padded + inset * tapRow + inset * dilation), advance, tapRow, output,
                    layout.row, layout.block, rows.count, self.output.width, part.kernel, stride, dilation, weights,
                    bias, 0)
            }
        }
    }
}
