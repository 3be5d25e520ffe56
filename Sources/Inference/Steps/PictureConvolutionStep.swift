import Kernels

/// A stride-2 convolution of the 8-bit picture and the max-pooling behind it, some rows of the result a task.
///
/// Rings of as many rows as a window is high hold the normalised picture, its even and its odd columns apart so that
/// every tap reads a dense row, and the convolution's result; a row leaves a ring only when no window needs it.
final class PictureConvolutionStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let picture: PicturePointer
    private let output: UnsafeMutablePointer<Float>
    private let inShape: Shape
    /// The convolution's result.
    private let middle: Shape
    private let outShape: Shape
    private let kernel: Int
    private let pool: PictureConvolution.Pool?
    private let relu: Bool
    private let scale: [Float]
    private let offset: [Float]
    private let weights: PackedWeights
    private let bias: UnsafePointer<Float>
    private let scratch: Scratch

    /// Floats on each side of a row, zero in the picture's, the least value in the result's.
    private static let margin = PictureConvolution.reach
    private static let rowsPerTask = 12
    /// From one half row of the picture to the next, and from one row of the result to the next.
    private let halfStride: Int
    private let middleStride: Int

    init(
        _ context: StepContext, _ operation: PictureConvolution, input: Value, output: Value
    ) throws(GraphError) {
        kernels = context.kernels
        picture = context.picture
        self.output = try context.output(output)
        inShape = context.shape(input)
        outShape = context.shape(output)
        let convolution = operation.convolution
        kernel = convolution.kernel
        pool = operation.pool
        relu = convolution.relu
        scale = operation.std.map { 1 / (255 * $0) }
        offset = zip(operation.mean, operation.std).map { -$0 / $1 }
        middle = operation.result
        guard scale.count == inShape.channels, kernel / 2 <= Self.margin, (pool?.padding ?? 0) <= Self.margin,
            inShape.width == 2 * middle.width
        else {
            throw GraphError("a \(kernel)x\(kernel) convolution of a picture of \(inShape)")
        }
        weights = PackedWeights(
            try context.weights.values(of: convolution.weight), rows: middle.channels,
            stride: inShape.channels * kernel * kernel, columns: Array(0..<inShape.channels * kernel * kernel),
            kernels: kernels, context.prepared)
        var start = [Float](repeating: 0, count: middle.channels)
        if let bias = convolution.bias { start = try context.weights.values(of: bias) }
        bias = context.prepared.keep(start)
        halfStride = (inShape.width / 2 + 2 * Self.margin + 15) & ~15
        middleStride = (middle.width + 2 * Self.margin + 15) & ~15
        scratch = context.scratch
        let depth = inShape.channels * kernel * kernel
        scratch.reserve(pointers: depth)
        middleOffset = (2 * inShape.channels * kernel + 1) * halfStride
        scratch.reserve(middleOffset + middle.channels * (pool?.kernel ?? 0) * middleStride)
        super.init(tasks: (outShape.height + Self.rowsPerTask - 1) / Self.rowsPerTask)
    }

    /// Where the rings of the result begin in scratch memory; those of the picture begin at 0.
    private let middleOffset: Int

    override func run(task: Int, thread: Int) {
        guard let base = picture.samples else { return }
        var rings = Rings(self, base, scratch.of(thread), table: scratch.table(of: thread))
        let rows = task * Self.rowsPerTask..<min((task + 1) * Self.rowsPerTask, outShape.height)
        guard let pool else {
            for row in rows { rings.convolve(row: row, into: output + row * middle.width, stride: middle.plane) }
            return
        }
        var next = max(0, rows.lowerBound * 2 - pool.padding)
        for row in rows {
            let top = row * 2 - pool.padding
            for line in next..<max(next, min(top + pool.kernel, middle.height)) { rings.convolve(row: line, pool) }
            next = max(next, min(top + pool.kernel, middle.height))
            for line in top..<top + pool.kernel where line < 0 || line >= middle.height {
                rings.clear(row: line, pool)
            }
            for channel in 0..<middle.channels {
                // The order of the ring's rows does not matter to their maximum.
                kernels.maxPool(
                    rings.middleRow(channel, 0, pool) - pool.padding, middleStride,
                    output + channel * outShape.plane + row * outShape.width, outShape.width, 1, outShape.width,
                    pool.kernel, 2)
            }
        }
    }

    /// One task's rows.
    private struct Rings {
        let step: PictureConvolutionStep
        let base: UnsafePointer<UInt8>
        let table: UnsafeMutablePointer<UnsafePointer<Float>>
        let halves: UnsafeMutablePointer<Float>
        let zeros: UnsafePointer<Float>
        let middle: UnsafeMutablePointer<Float>
        /// The picture's first row that is not in the ring yet.
        var next = Int.min

        init(
            _ step: PictureConvolutionStep, _ base: UnsafePointer<UInt8>, _ scratch: UnsafeMutablePointer<Float>,
            table: UnsafeMutablePointer<UnsafePointer<Float>>
        ) {
            self.step = step
            self.base = base
            self.table = table
            halves = scratch
            middle = scratch + step.middleOffset
            // Other steps use the same memory: the margins are made anew.
            let margin = PictureConvolutionStep.margin
            let count = 2 * step.inShape.channels * step.kernel
            let (width, stride) = (step.inShape.width / 2, step.halfStride)
            for row in 0..<count {
                (halves + row * stride).update(repeating: 0, count: margin)
                (halves + row * stride + margin + width).update(repeating: 0, count: stride - margin - width)
            }
            (halves + count * stride).update(repeating: 0, count: stride)
            zeros = UnsafePointer(halves + count * stride)
            guard let pool = step.pool else { return }
            for row in 0..<step.middle.channels * pool.kernel {
                let start = middle + row * step.middleStride
                start.update(repeating: -.infinity, count: margin)
                (start + margin + step.middle.width).update(
                    repeating: -.infinity, count: step.middleStride - margin - step.middle.width)
            }
        }

        /// Columns 0, 2, 4, … (`half` 0) or 1, 3, 5, … of a row of the picture.
        private func half(_ channel: Int, _ row: Int, _ half: Int) -> UnsafeMutablePointer<Float> {
            let slot = (channel * step.kernel + row % step.kernel) * 2 + half
            return halves + slot * step.halfStride + PictureConvolutionStep.margin
        }

        func middleRow(_ channel: Int, _ row: Int, _ pool: PictureConvolution.Pool) -> UnsafeMutablePointer<Float> {
            let slot = ((row % pool.kernel) + pool.kernel) % pool.kernel
            return middle + (channel * pool.kernel + slot) * step.middleStride + PictureConvolutionStep.margin
        }

        /// A row outside the convolution's result, which no maximum sees.
        func clear(row: Int, _ pool: PictureConvolution.Pool) {
            for channel in 0..<step.middle.channels {
                middleRow(channel, row, pool).update(repeating: -.infinity, count: step.middle.width)
            }
        }

        mutating func convolve(row: Int, _ pool: PictureConvolution.Pool) {
            convolve(row: row, into: middleRow(0, row, pool), stride: pool.kernel * step.middleStride)
        }

        /// Writes row `row` of the convolution, channels `stride` apart.
        mutating func convolve(row: Int, into target: UnsafeMutablePointer<Float>, stride: Int) {
            let (kernel, shape) = (step.kernel, step.inShape)
            let top = 2 * row - kernel / 2
            for line in max(next, top, 0)..<max(next, top, 0, min(top + kernel, shape.height)) {
                for channel in 0..<shape.channels {
                    step.kernels.normalizeSplit(
                        base + channel * shape.plane + line * shape.width, shape.width / 2, step.scale[channel],
                        step.offset[channel], half(channel, line, 0), half(channel, line, 1))
                }
            }
            next = max(next, min(top + kernel, shape.height))
            var depth = 0
            for channel in 0..<shape.channels {
                for ky in 0..<kernel {
                    let line = top + ky
                    for kx in 0..<kernel {
                        // Column 2x + shift: the even or the odd ones, shift / 2 (downwards) further.
                        let shift = kx - kernel / 2
                        table[depth] =
                            line < 0 || line >= shape.height
                            ? zeros + PictureConvolutionStep.margin
                            : UnsafePointer(half(channel, line, shift & 1) + (shift >> 1))
                        depth += 1
                    }
                }
            }
            for x in Swift.stride(from: 0, to: step.middle.width, by: KernelTable.block) {
                let columns = min(KernelTable.block, step.middle.width - x)
                for panel in step.weights.panels {
                    step.kernels.productOfRows(
                        panel.values, table, x, depth, panel.rows, target + panel.first * stride + x, stride, columns,
                        step.bias + panel.first, step.relu ? 1 : 0)
                }
            }
        }
    }
}
