import Kernels

/// The sum of a 3×3 convolution's taps over a ×4 resize, and the 1×1 convolution behind it: a task does the four rows
/// that lie around one of the input.
///
/// A row is computed in four phases (columns 0, 4, 8, … first), since all columns of a phase are weighted alike; the
/// product behind it does not care about the order, and its few rows are put in order at the end.
final class ResizedTapsStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: UnsafePointer<Float>
    private let low: Shape
    private let channels: Int
    private let output: UnsafeMutablePointer<Float>
    private let shape: Shape
    private let bias: [Float]
    private let relu: Bool
    private let projection: (weights: PackedWeights, bias: UnsafePointer<Float>, relu: Bool)?
    private let scratch: Scratch
    private let columnBlocks: Int
    /// Rows of the result to one of the input.
    private static let rowsPerTask = 4

    init(_ context: StepContext, _ taps: ResizedTaps, input: Value, output: Value) throws(GraphError) {
        kernels = context.kernels
        low = context.shape(input)
        shape = context.shape(output)
        guard taps.kernel == 3, shape.height == 4 * low.height, shape.width == 4 * low.width,
            low.channels == 9 * taps.channels
        else { throw GraphError("taps of \(taps.kernel)x\(taps.kernel) from \(low) to \(shape)") }
        self.input = UnsafePointer(try context.output(input))
        self.output = try context.output(output)
        channels = taps.channels
        relu = taps.relu
        bias =
            try taps.bias.map { (bias) throws(GraphError) in try context.weights.values(of: bias) }
            ?? Array(repeating: 0, count: channels)
        if let convolution = taps.projection {
            let matrix = try context.weights.values(of: convolution.weight)
            var start = [Float](repeating: 0, count: convolution.outChannels)
            if let bias = convolution.bias { start = try context.weights.values(of: bias) }
            projection = (
                PackedWeights(
                    matrix, rows: convolution.outChannels, stride: channels, columns: Array(0..<channels),
                    kernels: context.kernels, context.prepared), context.prepared.keep(start), convolution.relu
            )
        } else {
            projection = nil
        }
        columnBlocks = (low.width + KernelTable.block - 1) / KernelTable.block
        scratch = context.scratch
        let row = 4 * columnBlocks * KernelTable.block
        scratch.reserve(row * (Self.rowsPerTask * channels + shape.channels) + 12 * (low.width + 2))
        super.init(tasks: low.height)
    }

    override func run(task: Int, thread: Int) {
        if let projection {
            project(task, scratch.of(thread), projection.weights, projection.bias, relu: projection.relu)
        } else {
            store(task, scratch.of(thread))
        }
    }

    /// Computes one channel of the four rows around `row` of the input into `target`.
    private func sum(
        _ channel: Int, _ row: Int, _ target: UnsafeMutablePointer<Float>, phase: Int, block: Int,
        _ blended: UnsafeMutablePointer<Float>
    ) {
        kernels.resizedTaps(
            input + channel * low.plane, channels * low.plane, low.height, low.width, row, bias[channel], relu ? 1 : 0,
            target, phase, block, blended)
    }

    private func store(_ row: Int, _ scratch: UnsafeMutablePointer<Float>) {
        let phase = columnBlocks * KernelTable.block
        for channel in 0..<channels {
            sum(
                channel, row, scratch, phase: phase, block: KernelTable.block, scratch + Self.rowsPerTask * 4 * phase)
            for line in 0..<Self.rowsPerTask {
                kernels.interleave(
                    scratch + line * 4 * phase, phase, low.width,
                    output + channel * shape.plane + (Self.rowsPerTask * row + line) * shape.width)
            }
        }
    }

    private func project(
        _ row: Int, _ packed: UnsafeMutablePointer<Float>, _ weights: PackedWeights, _ start: UnsafePointer<Float>,
        relu: Bool
    ) {
        let block = channels * KernelTable.block
        let width = 4 * columnBlocks * KernelTable.block
        let results = packed + Self.rowsPerTask * channels * width
        let blended = results + shape.channels * width
        for channel in 0..<channels {
            sum(
                channel, row, packed + channel * KernelTable.block, phase: columnBlocks * block, block: block, blended)
        }
        for line in 0..<Self.rowsPerTask {
            let columns = packed + line * channels * width
            for number in 0..<4 * columnBlocks {
                let x = number % columnBlocks * KernelTable.block
                for panel in weights.panels {
                    kernels.product(
                        panel.values, columns + number * block, channels, panel.rows,
                        results + panel.first * width + number * KernelTable.block, width,
                        min(KernelTable.block, low.width - x), start + panel.first, 0, relu ? 1 : 0)
                }
            }
            for channel in 0..<shape.channels {
                kernels.interleave(
                    results + channel * width, columnBlocks * KernelTable.block, low.width,
                    output + channel * shape.plane + (Self.rowsPerTask * row + line) * shape.width)
            }
        }
    }
}
