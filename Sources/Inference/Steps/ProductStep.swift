import Kernels

/// A matrix product whose channels are read or computed for a tile of rows at a time, packed, and multiplied while
/// they are in the cache, by our own kernel or by OpenBLAS. Deep products go block by block of the depth.
final class ProductStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let shape: Shape
    private let output: UnsafeMutablePointer<Float>
    private let blocks: [Block]
    private let bias: [Float]
    private let addedBias: Planes?
    private let relu: Bool
    private let rowsPerTile: Int
    private let paddedOffset: Int
    private let biasOffset: Int
    private let scratch: Scratch
    private let columnBlocks: Int

    /// Whether OpenBLAS multiplies.
    let usesBLAS: Bool

    /// A part of the depth: some channels of some sources, and the weights' columns for them.
    private struct Block {
        let pieces: [ProductSource.Piece]
        let depth: Int
        let weights: BlockWeights
    }

    /// A block's weights as the multiplier reads them.
    private enum BlockWeights {
        case panels(PackedWeights)
        /// Row-major, `depth` values an output channel.
        case matrix(UnsafePointer<Float>, BLAS)
    }

    /// Values of a packed tile.
    private static let tile = 128 * 1_024

    init(_ context: StepContext, _ product: Product, inputs: [Value], output: Value) throws(GraphError) {
        kernels = context.kernels
        shape = context.shape(output)
        self.output = try context.output(output)
        relu = product.relu
        scratch = context.scratch
        let rows = product.outChannels
        bias =
            try product.bias.map { (bias) throws(GraphError) in try context.weights.values(of: bias) }
            ?? Array(repeating: 0, count: rows)
        addedBias = try product.biasInput.map { (number) throws(GraphError) in try context.planes(inputs[number]) }

        // Cut the depth into blocks.
        var pieces: [ProductSource.Piece] = []
        var column = 0
        for source in product.sources {
            let made = try ProductSource(
                source, context, input: inputs[source.input], output: shape, firstColumn: column)
            column += made.depth
            pieces += made.pieces(deepest: kernels.productDepth)
        }
        var groups: [[ProductSource.Piece]] = []
        var depth = 0
        for piece in pieces {
            if groups.isEmpty || depth + piece.depth > kernels.productDepth {
                groups.append([])
                depth = 0
            }
            groups[groups.count - 1].append(piece)
            depth += piece.depth
        }
        // Four rows let a depthwise kernel use each load four times.
        columnBlocks = (shape.width + KernelTable.block - 1) / KernelTable.block
        let width = columnBlocks * KernelTable.block
        let deepest = groups.reduce(1) { max($0, $1.reduce(0) { $0 + $1.depth }) }
        let tileRows = max(1, min(4, shape.height, Self.tile / (deepest * width)))
        let tile = ProductContest.Shape(rows: rows, depth: deepest, lines: tileRows, width: shape.width)
        let blas = try context.multiplier(tile)
        usesBLAS = blas != nil
        let matrix = try context.weights.values(of: product.weight)
        blocks = groups.map { group in
            Block(
                pieces: group, depth: group.reduce(0) { $0 + $1.depth },
                weights: Self.weights(matrix, rows, column, group.flatMap(\.columns), context, blas))
        }
        rowsPerTile = tileRows
        paddedOffset = deepest * width * tileRows
        biasOffset = paddedOffset + pieces.reduce(0) { max($0, $1.source.scratch(rows: tileRows)) }
        scratch.reserve(biasOffset + rows)
        super.init(tasks: (shape.height + rowsPerTile - 1) / rowsPerTile)
    }

    private static func weights(
        _ matrix: [Float], _ rows: Int, _ stride: Int, _ columns: [Int], _ context: StepContext,
        _ blas: BLAS?
    ) -> BlockWeights {
        guard let blas else {
            return .panels(
                PackedWeights(
                    matrix, rows: rows, stride: stride, columns: columns, kernels: context.kernels, context.prepared))
        }
        let sorted = (0..<rows).flatMap { row in columns.map { matrix[row * stride + $0] } }
        return .matrix(context.prepared.keep(sorted), blas)
    }

    override func run(task: Int, thread: Int) {
        let packed = scratch.of(thread)
        let start = packed + biasOffset
        for channel in bias.indices { start[channel] = bias[channel] + (addedBias?[channel][0] ?? 0) }
        let rows = task * rowsPerTile..<min((task + 1) * rowsPerTile, shape.height)
        for (number, block) in blocks.enumerated() {
            let layout = layout(of: block, rows: rows.count)
            var first = packed
            for piece in block.pieces {
                piece.source.fill(piece.channels, rows: rows, into: first, layout, padded: packed + paddedOffset)
                first += piece.depth * layout.depth
            }
            let isLast = number == blocks.count - 1
            switch block.weights {
            case .panels(let weights):
                weights.multiply(
                    kernels, depth: block.depth, packed, lines: rows.count, width: shape.width,
                    into: output + rows.lowerBound * shape.width, plane: shape.plane, start, add: number > 0,
                    relu: isLast && relu)
            case .matrix(let matrix, let blas):
                let (target, columns) = (output + rows.lowerBound * shape.width, rows.count * shape.width)
                blas.product(
                    rows: bias.count, columns: columns, depth: block.depth, matrix, block.depth, packed, columns,
                    into: target, shape.plane, adding: number > 0)
                guard isLast else { continue }
                for channel in bias.indices {
                    kernels.scaleShift(
                        target + channel * shape.plane, columns, 1, start[channel], relu ? 1 : 0)
                }
            }
        }
    }

    /// Our kernel reads blocks of columns one after the other; OpenBLAS reads plain rows.
    private func layout(of block: Block, rows: Int) -> PlaneOperations.PackedLayout {
        switch block.weights {
        case .panels:
            PlaneOperations.PackedLayout(
                depth: KernelTable.block, row: columnBlocks * block.depth * KernelTable.block,
                block: block.depth * KernelTable.block)
        case .matrix:
            PlaneOperations.PackedLayout(
                depth: rows * shape.width, row: shape.width, block: KernelTable.block)
        }
    }
}
