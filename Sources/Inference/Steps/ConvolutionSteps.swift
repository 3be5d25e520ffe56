import Kernels

/// A convolution as a matrix product: the weights times the input's pixels (1×1) or its windows (larger kernels),
/// by tiles of output columns. Bias and ReLU are applied while a tile is in the cache.
final class ProductStep: Step, @unchecked Sendable {
    private let blas: BLAS
    private let kernels: KernelTable
    private let shape: PlaneOperations.ConvolutionShape
    private let input: UnsafePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let weights: UnsafePointer<Float>
    private let bias: UnsafePointer<Float>?
    private let relu: Bool
    private let rowsPerTile: Int
    private let scratch: Scratch

    /// Output pixels of a tile: enough for the product to be efficient, few enough to share among threads.
    private static let tile = 1_024

    init(
        _ context: StepContext, blas: BLAS, shape: PlaneOperations.ConvolutionShape, input: Value, output: Value,
        weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, relu: Bool
    ) {
        self.blas = blas
        kernels = context.kernels
        self.shape = shape
        self.input = UnsafePointer(context.floats(input))
        self.output = context.floats(output)
        self.weights = weights
        self.bias = bias
        self.relu = relu
        rowsPerTile = max(1, min(Self.tile / shape.outWidth, shape.outHeight))
        scratch = context.scratch
        if !Self.isPointwise(shape) {
            scratch.reserve(shape.channels * shape.kernel * shape.kernel * rowsPerTile * shape.outWidth)
        }
        super.init(tasks: (shape.outHeight + rowsPerTile - 1) / rowsPerTile)
    }

    private static func isPointwise(_ shape: PlaneOperations.ConvolutionShape) -> Bool {
        shape.kernel == 1 && shape.stride == 1 && shape.padding == 0
    }

    override func run(task: Int, thread: Int) {
        let rows = task * rowsPerTile..<min((task + 1) * rowsPerTile, shape.outHeight)
        let columns = rows.count * shape.outWidth
        let plane = shape.outHeight * shape.outWidth
        let first = output + rows.lowerBound * shape.outWidth
        if Self.isPointwise(shape) {
            blas.product(
                rows: shape.outChannels, columns: columns, depth: shape.channels, weights, shape.channels,
                input + rows.lowerBound * shape.outWidth, plane, into: first, plane)
        } else {
            let matrix = scratch.of(thread)
            let depth = fill(matrix, rows: rows)
            blas.product(
                rows: shape.outChannels, columns: columns, depth: depth, weights, depth, UnsafePointer(matrix),
                columns, into: first, plane)
        }
        guard bias != nil || relu else { return }
        for channel in 0..<shape.outChannels {
            kernels.scaleShift(first + channel * plane, columns, 1, bias?[channel] ?? 0, relu ? 1 : 0)
        }
    }

    /// Lays out the windows of output rows `rows` as a matrix, a row a tap; returns how many taps.
    private func fill(_ matrix: UnsafeMutablePointer<Float>, rows: Range<Int>) -> Int {
        let columns = rows.count * shape.outWidth
        var tap = 0
        for channel in 0..<shape.channels {
            let plane = input + channel * shape.height * shape.width
            for ky in 0..<shape.kernel {
                for kx in 0..<shape.kernel {
                    for row in rows {
                        PlaneOperations.im2colRow(
                            plane, shape: shape, row: row, ky: ky, kx: kx,
                            into: matrix + tap * columns + (row - rows.lowerBound) * shape.outWidth)
                    }
                    tap += 1
                }
            }
        }
        return tap
    }
}

/// A depthwise convolution, some channels a task: each plane is copied into scratch with its padding around it.
final class DepthwiseStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let shape: PlaneOperations.ConvolutionShape
    private let input: UnsafePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let weights: UnsafePointer<Float>
    private let bias: UnsafePointer<Float>?
    private let relu: Bool
    private let padded: PaddedPlane
    private let scratch: Scratch

    init(
        _ context: StepContext, shape: PlaneOperations.ConvolutionShape, input: Value, output: Value,
        weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, relu: Bool
    ) {
        kernels = context.kernels
        self.shape = shape
        self.input = UnsafePointer(context.floats(input))
        self.output = context.floats(output)
        self.weights = weights
        self.bias = bias
        self.relu = relu
        padded = PaddedPlane(height: shape.height, width: shape.width, padding: shape.padding)
        scratch = context.scratch
        scratch.reserve(padded.count)
        super.init(tasks: min(shape.channels, 16))
    }

    override func run(task: Int, thread: Int) {
        let plane = scratch.of(thread)
        let taps = shape.kernel * shape.kernel
        for channel in part(task, of: tasks, shape.channels) {
            padded.fill(plane, from: input + channel * shape.height * shape.width, with: 0)
            kernels.depthwise(
                UnsafePointer(plane), padded.stride * shape.stride, padded.stride * shape.dilation,
                output + channel * shape.outHeight * shape.outWidth, shape.outWidth, KernelTable.block, shape.outHeight, shape.outWidth, shape.kernel, shape.stride, shape.dilation,
                weights + channel * taps, bias?[channel] ?? 0, relu ? 1 : 0)
        }
    }
}

/// A plane with `padding` values on every side.
struct PaddedPlane {
    private let height: Int
    private let width: Int
    private let padding: Int

    init(height: Int, width: Int, padding: Int) {
        self.height = height
        self.width = width
        self.padding = padding
    }

    /// Values from row to row.
    var stride: Int { width + 2 * padding }
    /// Values in all.
    var count: Int { (height + 2 * padding) * stride }

    func fill(_ target: UnsafeMutablePointer<Float>, from plane: UnsafePointer<Float>, with fill: Float) {
        PlaneOperations.pad(
            plane, height: height, width: width, into: target, stride: stride, before: padding, below: padding,
            right: padding, fill: fill)
    }
}

/// A convolution by its definition, for the specification graph and for shapes that nothing else takes.
final class DirectConvolutionStep: Step, @unchecked Sendable {
    private let shape: PlaneOperations.ConvolutionShape
    private let input: UnsafePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let weights: UnsafePointer<Float>
    private let bias: UnsafePointer<Float>?
    private let relu: Bool

    init(
        _ context: StepContext, shape: PlaneOperations.ConvolutionShape, input: Value, output: Value,
        weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, relu: Bool
    ) {
        self.shape = shape
        self.input = UnsafePointer(context.floats(input))
        self.output = context.floats(output)
        self.weights = weights
        self.bias = bias
        self.relu = relu
        super.init(tasks: min(shape.outChannels, 16))
    }

    override func run(task: Int, thread: Int) {
        PlaneOperations.convolution(
            shape, input: input, weights: weights, bias: bias, output: output,
            range: part(task, of: tasks, shape.outChannels), relu: relu)
    }
}
