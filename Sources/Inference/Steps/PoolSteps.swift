import Kernels

/// Max-pooling, some channels a task.
final class MaxPoolStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let inShape: Shape
    private let outShape: Shape
    private let kernel: Int
    private let stride: Int
    private let padded: PaddedPlane
    private let scratch: Scratch

    init(_ context: StepContext, input: Value, output: Value, kernel: Int, stride: Int, padding: Int) throws(GraphError)
    {
        kernels = context.kernels
        inShape = context.shape(input)
        outShape = context.shape(output)
        self.input = try context.planes(input)
        self.output = try context.output(output)
        self.kernel = kernel
        self.stride = stride
        padded = PaddedPlane(height: inShape.height, width: inShape.width, padding: padding)
        scratch = context.scratch
        scratch.reserve(padded.count)
        super.init(tasks: min(inShape.channels, 12))
    }

    override func run(task: Int, thread: Int) {
        let plane = scratch.of(thread)
        for channel in part(task, of: tasks, inShape.channels) {
            padded.fill(plane, from: input[channel], with: -.infinity)
            kernels.maxPool(
                UnsafePointer(plane), padded.stride, output + channel * outShape.plane, outShape.width,
                outShape.height, outShape.width, kernel, stride)
        }
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
