import Kernels

/// Max-pooling, some rows of a channel a task: they are copied into scratch with their padding around them.
final class MaxPoolStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let inShape: Shape
    private let outShape: Shape
    private let kernel: Int
    private let stride: Int
    private let padding: Int
    private let scratch: Scratch
    private static let rowsPerTask = 16

    init(
        _ context: StepContext, input: Value, output: Value, kernel: Int, stride: Int, padding: Int
    ) throws(GraphError) {
        kernels = context.kernels
        inShape = context.shape(input)
        outShape = context.shape(output)
        self.input = try context.planes(input)
        self.output = try context.output(output)
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        scratch = context.scratch
        scratch.reserve(((Self.rowsPerTask - 1) * stride + kernel) * (inShape.width + 2 * padding))
        super.init(tasks: inShape.channels * Self.pieces(outShape))
    }

    private static func pieces(_ shape: Shape) -> Int { (shape.height + rowsPerTask - 1) / rowsPerTask }

    override func run(task: Int, thread: Int) {
        let pieces = Self.pieces(outShape)
        let (channel, first) = (task / pieces, task % pieces * Self.rowsPerTask)
        let rows = min(Self.rowsPerTask, outShape.height - first)
        let (padded, width) = (scratch.of(thread), inShape.width + 2 * padding)
        kernels.padRows(
            input[channel], inShape.height, inShape.width, first * stride - padding, 1, (rows - 1) * stride + kernel,
            padding, -.infinity, padded, width, 0, nil)
        kernels.maxPool(
            UnsafePointer(padded), width, output + channel * outShape.plane + first * outShape.width, outShape.width,
            rows, outShape.width, kernel, stride)
    }
}

/// Average pooling around each pixel, some channels a task.
final class AveragePoolStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape
    private let kernel: Int
    private let scratch: Scratch

    init(_ context: StepContext, input: Value, output: Value, kernel: Int) throws(GraphError) {
        kernels = context.kernels
        shape = context.shape(input)
        self.input = try context.planes(input)
        self.output = try context.output(output)
        self.kernel = kernel
        scratch = context.scratch
        scratch.reserve(KernelTable.averagePoolScratch(height: shape.height, width: shape.width, kernel: kernel))
        super.init(tasks: min(shape.channels, 16))
    }

    override func run(task: Int, thread: Int) {
        for channel in part(task, of: tasks, shape.channels) {
            kernels.averagePool(
                input[channel], shape.width, shape.height, shape.width, kernel,
                output + channel * shape.plane, shape.width, scratch.of(thread))
        }
    }
}

/// The mean of each plane.
final class GlobalAveragePoolStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape

    init(_ context: StepContext, input: Value, output: Value) throws(GraphError) {
        kernels = context.kernels
        shape = context.shape(input)
        self.input = try context.planes(input)
        self.output = try context.output(output)
        super.init(tasks: min(shape.channels, 8))
    }

    override func run(task: Int, thread: Int) {
        for channel in part(task, of: tasks, shape.channels) {
            output[channel] = Float(kernels.sum(input[channel], shape.plane) / Double(shape.plane))
        }
    }
}
