import Kernels

/// A depthwise convolution, some channels a task: each plane is copied into scratch with its padding around it.
final class DepthwiseStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let shape: PlaneOperations.ConvolutionShape
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let weights: UnsafePointer<Float>
    private let bias: UnsafePointer<Float>?
    private let relu: Bool
    private let padded: PaddedPlane
    private let scratch: Scratch

    init(
        _ context: StepContext, shape: PlaneOperations.ConvolutionShape, input: Value, output: Value,
        weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, relu: Bool
    ) throws(GraphError) {
        kernels = context.kernels
        self.shape = shape
        self.input = try context.planes(input)
        self.output = try context.output(output)
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
            padded.fill(plane, from: input[channel], with: 0)
            kernels.depthwise(
                UnsafePointer(plane), padded.stride * shape.stride, padded.stride * shape.dilation,
                output + channel * shape.outHeight * shape.outWidth, shape.outWidth, KernelTable.block,
                shape.outHeight, shape.outWidth, shape.kernel, shape.stride, shape.dilation,
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

/// A convolution by its definition: the specification's.
final class DirectConvolutionStep: Step, @unchecked Sendable {
    private let shape: PlaneOperations.ConvolutionShape
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let weights: UnsafePointer<Float>
    private let bias: UnsafePointer<Float>?
    private let relu: Bool

    init(
        _ context: StepContext, shape: PlaneOperations.ConvolutionShape, input: Value, output: Value,
        weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?, relu: Bool
    ) throws(GraphError) {
        self.shape = shape
        self.input = try context.planes(input)
        self.output = try context.output(output)
        self.weights = weights
        self.bias = bias
        self.relu = relu
        super.init(tasks: min(shape.outChannels, 16))
    }

    override func run(task: Int, thread: Int) {
        input.withTable { table in
            PlaneOperations.convolution(
                shape, planes: table, weights: weights, bias: bias, output: output,
                range: part(task, of: tasks, shape.outChannels), relu: relu)
        }
    }
}
