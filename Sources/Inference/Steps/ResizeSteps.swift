import Kernels

/// Where each output coordinate of a bilinear resize with half-pixel centres comes from.
struct ResizeAxis {
    /// The nearer input coordinate towards the beginning, by output coordinate.
    let low: [Int32]
    /// The one after it; the same at the end.
    let high: [Int32]
    /// The weight of `high`.
    let weight: [Float]

    init(from input: Int, to output: Int) {
        let scale = Double(input) / Double(output)
        let places = (0..<output).map { min(max((Double($0) + 0.5) * scale - 0.5, 0), Double(input - 1)) }
        low = places.map { Int32($0) }
        high = low.map { min($0 + 1, Int32(input - 1)) }
        weight = zip(places, low).map { Float($0 - Double($1)) }
    }
}

/// The columns' table of a resize, as the kernel reads it.
private struct ResizeColumns {
    let left: UnsafePointer<Int32>
    let right: UnsafePointer<Int32>
    let weight: UnsafePointer<Float>

    init(_ axis: ResizeAxis, _ prepared: PreparedWeights) {
        left = prepared.keep(axis.low)
        right = prepared.keep(axis.high)
        weight = prepared.keep(axis.weight)
    }
}

/// Bilinear resize, some rows of all channels a task.
final class ResizeStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<Float>
    private let inShape: Shape
    private let outShape: Shape
    private let rows: ResizeAxis
    private let columns: ResizeColumns
    private let scratch: Scratch

    init(_ context: StepContext, input: Value, output: Value) throws(GraphError) {
        kernels = context.kernels
        inShape = context.shape(input)
        outShape = context.shape(output)
        self.input = try context.planes(input)
        self.output = try context.output(output)
        rows = ResizeAxis(from: inShape.height, to: outShape.height)
        columns = ResizeColumns(ResizeAxis(from: inShape.width, to: outShape.width), context.prepared)
        scratch = context.scratch
        scratch.reserve(inShape.width)
        super.init(tasks: min(outShape.channels, 16))
    }

    override func run(task: Int, thread: Int) {
        let scratch = scratch.of(thread)
        for channel in part(task, of: tasks, outShape.channels) {
            let plane = input[channel]
            for row in 0..<outShape.height {
                kernels.resizeRow(
                    plane + Int(rows.low[row]) * inShape.width, plane + Int(rows.high[row]) * inShape.width,
                    rows.weight[row], inShape.width, output + channel * outShape.plane + row * outShape.width,
                    outShape.width, columns.left, columns.right, columns.weight, scratch)
            }
        }
    }
}

/// The channel with the largest value, of the tensor itself or of its bilinear resize, row by row.
final class ArgmaxStep: Step, @unchecked Sendable {
    private let kernels: KernelTable
    private let input: Planes
    private let output: UnsafeMutablePointer<UInt8>
    private let inShape: Shape
    private let outShape: Shape
    private let rows: ResizeAxis
    private let columns: ResizeColumns
    private let scratch: Scratch
    private let rowsPerTask: Int
    private let isFourfold: Bool

    init(_ context: StepContext, input: Value, output: Value) throws(GraphError) {
        kernels = context.kernels
        inShape = context.shape(input)
        outShape = context.shape(output)
        self.input = try context.planes(input)
        self.output = try context.bytes(output)
        rows = ResizeAxis(from: inShape.height, to: outShape.height)
        columns = ResizeColumns(ResizeAxis(from: inShape.width, to: outShape.width), context.prepared)
        scratch = context.scratch
        scratch.reserve(inShape.width + 2 * outShape.width)
        isFourfold =
            outShape.height == 4 * inShape.height && outShape.width == 4 * inShape.width
            && !context.graph[input].operation.isReordering
        scratch.reserve(inShape.channels * (inShape.width + 2))
        rowsPerTask = max(1, outShape.height / 32)
        super.init(tasks: (outShape.height + rowsPerTask - 1) / rowsPerTask)
    }

    override func run(task: Int, thread: Int) {
        let blended = scratch.of(thread)
        let values = blended + inShape.width
        let best = values + outShape.width
        for row in task * rowsPerTask..<min((task + 1) * rowsPerTask, outShape.height) {
            let ids = output + row * outShape.width
            if isFourfold {
                kernels.resizedArgmax(
                    input[0], inShape.plane, inShape.channels, Int(rows.low[row]) * inShape.width,
                    Int(rows.high[row]) * inShape.width, rows.weight[row], inShape.width, ids, blended)
                continue
            }
            ids.update(repeating: 0, count: outShape.width)
            for channel in 0..<inShape.channels {
                let plane = input[channel]
                let target = channel == 0 ? best : values
                kernels.resizeRow(
                    plane + Int(rows.low[row]) * inShape.width, plane + Int(rows.high[row]) * inShape.width,
                    rows.weight[row], inShape.width, target, outShape.width, columns.left, columns.right,
                    columns.weight, blended)
                if channel > 0 {
                    kernels.argmaxUpdate(UnsafePointer(values), outShape.width, UInt8(channel), best, ids)
                }
            }
        }
    }
}
