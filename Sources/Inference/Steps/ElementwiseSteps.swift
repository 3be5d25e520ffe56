import Kernels

/// 8-bit samples to normalised values.
final class NormalizeStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let picture: PicturePointer
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape
    private let scale: [Float]
    private let offset: [Float]
    private static let pieces = 4

    init(_ context: StepContext, output: Value, mean: [Float], std: [Float]) throws(GraphError) {
        kernels = context.kernels
        picture = context.picture
        self.output = try context.output(output)
        shape = context.shape(output)
        scale = std.map { 1 / (255 * $0) }
        offset = zip(mean, std).map { -$0 / $1 }
        super.init(tasks: shape.channels * Self.pieces)
    }

    override func run(task: Int, thread: Int) {
        guard let samples = picture.samples else { return }
        let channel = task / Self.pieces
        let range = part(task % Self.pieces, of: Self.pieces, shape.plane)
        let first = channel * shape.plane + range.lowerBound
        kernels.normalize(
            samples + first, output + first, range.count, scale[channel], offset[channel])
    }
}

/// Copies a floating-point picture in.
final class InputStep: Step, @unchecked Sendable {
    private let picture: PicturePointer
    private let output: UnsafeMutablePointer<Float>
    private let count: Int

    init(_ context: StepContext, output: Value) throws(GraphError) {
        picture = context.picture
        self.output = try context.output(output)
        count = context.shape(output).count
        super.init(tasks: 1)
    }

    override func run(task: Int, thread: Int) {
        guard let bytes = picture.bytes else { return }
        UnsafeMutableRawPointer(output).copyMemory(from: bytes, byteCount: count * MemoryLayout<Float>.stride)
    }
}

/// x · scale + shift by channel, then ReLU where asked: batch normalisation and ReLU where no convolution took them.
final class ScaleShiftStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape
    private let scale: [Float]
    private let shift: [Float]
    private let relu: Bool

    init(_ context: StepContext, input: Value, output: Value, scale: [Float], shift: [Float], relu: Bool)
        throws(GraphError)
    {
        kernels = context.kernels
        self.input = try context.planes(input)
        self.output = try context.output(output)
        shape = context.shape(output)
        self.scale = scale
        self.shift = shift
        self.relu = relu
        super.init(tasks: min(shape.channels, 8))
    }

    override func run(task: Int, thread: Int) {
        for channel in part(task, of: tasks, shape.channels) {
            let plane = output + channel * shape.plane
            plane.update(from: input[channel], count: shape.plane)
            kernels.scaleShift(plane, shape.plane, scale[channel], shift[channel], relu ? 1 : 0)
        }
    }
}

/// The sum of two tensors.
final class AddStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let first: Planes
    private let second: Planes
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape

    init(_ context: StepContext, _ first: Value, _ second: Value, output: Value) throws(GraphError) {
        kernels = context.kernels
        self.first = try context.planes(first)
        self.second = try context.planes(second)
        self.output = try context.output(output)
        shape = context.shape(output)
        super.init(tasks: min(shape.channels, 8))
    }

    override func run(task: Int, thread: Int) {
        for channel in part(task, of: tasks, shape.channels) {
            kernels.add(first[channel], second[channel], output + channel * shape.plane, shape.plane, 0)
        }
    }
}

/// Gathers a slice's, a shuffle's or a concatenation's planes where the outside reads them.
final class GatherStep: Step, @unchecked Sendable {
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape

    init(_ context: StepContext, output: Value) throws(GraphError) {
        input = try context.planes(output)
        self.output = try context.output(output)
        shape = context.shape(output)
        super.init(tasks: min(shape.channels, 8))
    }

    override func run(task: Int, thread: Int) {
        for channel in part(task, of: tasks, shape.channels) {
            (output + channel * shape.plane).update(from: input[channel], count: shape.plane)
        }
    }
}
