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

    init(_ context: StepContext, output: Value, mean: [Float], std: [Float]) {
        kernels = context.kernels
        picture = context.picture
        self.output = context.floats(output)
        shape = context.shape(output)
        scale = std.map { 1 / (255 * $0) }
        offset = zip(mean, std).map { -$0 / $1 }
        super.init(tasks: shape.channels * Self.pieces)
    }

    override func run(task: Int, thread: Int) {
        guard let base = picture.base else { return }
        let channel = task / Self.pieces
        let range = part(task % Self.pieces, of: Self.pieces, shape.plane)
        let first = channel * shape.plane + range.lowerBound
        kernels.normalize(
            base.assumingMemoryBound(to: UInt8.self) + first, output + first, range.count, scale[channel],
            offset[channel])
    }
}

/// Copies a floating-point picture in.
final class InputStep: Step, @unchecked Sendable {
    private let picture: PicturePointer
    private let output: UnsafeMutablePointer<Float>
    private let count: Int

    init(_ context: StepContext, output: Value) {
        picture = context.picture
        self.output = context.floats(output)
        count = context.shape(output).count
        super.init(tasks: 1)
    }

    override func run(task: Int, thread: Int) {
        guard let base = picture.base else { return }
        output.update(from: base.assumingMemoryBound(to: Float.self), count: count)
    }
}

/// x · scale + shift by channel, then ReLU where asked: batch normalisation and ReLU where no convolution took them.
final class ScaleShiftStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: UnsafePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape
    private let scale: [Float]
    private let shift: [Float]
    private let relu: Bool

    init(_ context: StepContext, input: Value, output: Value, scale: [Float], shift: [Float], relu: Bool) {
        kernels = context.kernels
        self.input = UnsafePointer(context.floats(input))
        self.output = context.floats(output)
        shape = context.shape(output)
        self.scale = scale
        self.shift = shift
        self.relu = relu
        super.init(tasks: min(shape.channels, 8))
    }

    override func run(task: Int, thread: Int) {
        for channel in part(task, of: tasks, shape.channels) {
            let plane = output + channel * shape.plane
            plane.update(from: input + channel * shape.plane, count: shape.plane)
            kernels.scaleShift(plane, shape.plane, scale[channel], shift[channel], relu ? 1 : 0)
        }
    }
}

/// The sum of two tensors.
final class AddStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let first: UnsafePointer<Float>
    private let second: UnsafePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let count: Int

    init(_ context: StepContext, _ first: Value, _ second: Value, output: Value) {
        kernels = context.kernels
        self.first = UnsafePointer(context.floats(first))
        self.second = UnsafePointer(context.floats(second))
        self.output = context.floats(output)
        count = context.shape(output).count
        super.init(tasks: 8)
    }

    override func run(task: Int, thread: Int) {
        let range = part(task, of: tasks, count)
        let start = range.lowerBound
        kernels.add(first + start, second + start, output + start, range.count, 0)
    }
}

/// Copies planes: a concatenation's inputs that do not lie in it already, a channel shuffle.
final class CopyPlanesStep: Step, @unchecked Sendable {
    private let moves: [(source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>)]
    private let plane: Int

    /// Copies the plane at each `source` to its `target`, `plane` values each.
    init(_ moves: [(source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>)], plane: Int) {
        self.moves = moves
        self.plane = plane
        super.init(tasks: min(moves.count, 8))
    }

    override func run(task: Int, thread: Int) {
        for move in moves[part(task, of: tasks, moves.count)] {
            move.target.update(from: move.source, count: plane)
        }
    }
}
