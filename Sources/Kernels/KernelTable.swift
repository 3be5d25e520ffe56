import CKernels

/// The kernels of one instruction set: a function pointer per operation.
///
/// The choice is a value that is passed in: two tables of different sets work side by side. What each function
/// takes and promises is written in `CKernels/include/kernels.h`.
public struct KernelTable: Sendable {
    /// Depthwise convolution of a padded plane, written to a plane or into packed blocks.
    public typealias Depthwise =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ advance: Int, _ tapRow: Int, _ output: UnsafeMutablePointer<Float>,
            _ outputRow: Int, _ outputBlock: Int, _ rows: Int, _ width: Int, _ kernel: Int, _ stride: Int,
            _ dilation: Int, _ weights: UnsafePointer<Float>, _ bias: Float, _ relu: CInt
        ) -> Void
    /// Depthwise convolution at stride 2 of rows whose even and odd columns lie apart.
    public typealias DepthwiseSplit =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ inputRow: Int, _ odd: Int, _ output: UnsafeMutablePointer<Float>,
            _ outputRow: Int, _ outputBlock: Int, _ rows: Int, _ width: Int, _ kernel: Int,
            _ weights: UnsafePointer<Float>, _ bias: Float, _ relu: CInt
        ) -> Void
    /// 3 × 3 depthwise convolution with taps far apart, from the plane itself.
    public typealias DepthwiseApart =
        @convention(c) (
            _ plane: UnsafePointer<Float>, _ height: Int, _ width: Int, _ first: Int, _ rows: Int, _ dilation: Int,
            _ output: UnsafeMutablePointer<Float>, _ outputRow: Int, _ outputBlock: Int,
            _ weights: UnsafePointer<Float>, _ bias: Float, _ next: UnsafePointer<Float>?
        ) -> Void
    /// Three depthwise convolutions, 3 × 3, 5 × 5 and 7 × 7, of one padded plane.
    public typealias DepthwisePyramid =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ inputRow: Int, _ odd: Int, _ stride: Int,
            _ output: UnsafeMutablePointer<Float>, _ outputBetween: Int, _ outputRow: Int, _ outputBlock: Int,
            _ rows: Int, _ width: Int, _ weights: UnsafePointer<Float>
        ) -> Void
    /// Rows of a plane with their padding, even and odd columns apart where asked.
    public typealias PadRows =
        @convention(c) (
            _ plane: UnsafePointer<Float>, _ height: Int, _ width: Int, _ first: Int, _ step: Int, _ rows: Int,
            _ padding: Int, _ fill: Float, _ output: UnsafeMutablePointer<Float>, _ outputRow: Int, _ odd: Int,
            _ next: UnsafePointer<Float>?
        ) -> Void
    /// One tile of a matrix product over packed blocks.
    public typealias Product =
        @convention(c) (
            _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ depth: Int, _ rows: Int,
            _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ columns: Int, _ bias: UnsafePointer<Float>, _ add: CInt,
            _ relu: CInt
        ) -> Void
    /// One tile of a matrix product over rows that lie anywhere.
    public typealias ProductOfRows =
        @convention(c) (
            _ a: UnsafePointer<Float>, _ b: UnsafePointer<UnsafePointer<Float>>, _ first: Int, _ depth: Int,
            _ rows: Int, _ c: UnsafeMutablePointer<Float>, _ cStride: Int, _ columns: Int,
            _ bias: UnsafePointer<Float>, _ relu: CInt
        ) -> Void
    /// Maxima over windows of a padded plane.
    public typealias MaxPool =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ inputStride: Int, _ output: UnsafeMutablePointer<Float>,
            _ outputStride: Int,
            _ rows: Int, _ width: Int, _ kernel: Int, _ stride: Int
        ) -> Void
    /// Means over windows around each pixel of a plane.
    public typealias AveragePool =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ inputStride: Int, _ height: Int, _ width: Int, _ kernel: Int,
            _ output: UnsafeMutablePointer<Float>, _ outputStride: Int, _ scratch: UnsafeMutablePointer<Float>
        ) -> Void
    /// Sum of values.
    public typealias Sum = @convention(c) (_ input: UnsafePointer<Float>, _ count: Int) -> Double
    /// Scales and shifts values in place.
    public typealias ScaleShift =
        @convention(c) (
            _ values: UnsafeMutablePointer<Float>, _ count: Int, _ scale: Float, _ shift: Float, _ relu: CInt
        ) -> Void
    /// Adds two rows of values.
    public typealias Add =
        @convention(c) (
            _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
            _ count: Int, _ relu: CInt
        ) -> Void
    /// 8-bit samples to floating point.
    public typealias Normalize =
        @convention(c) (
            _ input: UnsafePointer<UInt8>, _ output: UnsafeMutablePointer<Float>, _ count: Int, _ scale: Float,
            _ offset: Float
        ) -> Void
    /// 8-bit samples to floating point, even and odd ones apart.
    public typealias NormalizeSplit =
        @convention(c) (
            _ input: UnsafePointer<UInt8>, _ pairs: Int, _ scale: Float, _ offset: Float,
            _ even: UnsafeMutablePointer<Float>, _ odd: UnsafeMutablePointer<Float>
        ) -> Void
    /// One row of a bilinear resize.
    public typealias ResizeRow =
        @convention(c) (
            _ top: UnsafePointer<Float>, _ bottom: UnsafePointer<Float>, _ rowWeight: Float, _ inputWidth: Int,
            _ output: UnsafeMutablePointer<Float>, _ outputWidth: Int, _ left: UnsafePointer<Int32>,
            _ right: UnsafePointer<Int32>, _ columnWeight: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
        ) -> Void
    /// One class's row against the best so far.
    public typealias ArgmaxUpdate =
        @convention(c) (
            _ row: UnsafePointer<Float>, _ width: Int, _ id: UInt8, _ best: UnsafeMutablePointer<Float>,
            _ ids: UnsafeMutablePointer<UInt8>
        ) -> Void

    /// Four rows of the sum of 3 × 3 taps over a ×4 resize.
    public typealias ResizedTaps =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ tapStride: Int, _ height: Int, _ width: Int, _ row: Int, _ bias: Float,
            _ relu: CInt, _ output: UnsafeMutablePointer<Float>, _ outputPhase: Int, _ outputBlock: Int,
            _ scratch: UnsafeMutablePointer<Float>
        ) -> Void
    /// Four phases to one row.
    public typealias Interleave =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ inputPhase: Int, _ width: Int, _ output: UnsafeMutablePointer<Float>
        ) -> Void

    /// One row of an argmax over a ×4 resize.
    public typealias ResizedArgmax =
        @convention(c) (
            _ input: UnsafePointer<Float>, _ plane: Int, _ classes: Int, _ low: Int, _ high: Int, _ weight: Float,
            _ width: Int, _ ids: UnsafeMutablePointer<UInt8>, _ scratch: UnsafeMutablePointer<Float>
        ) -> Void

    /// The set these kernels are written for.
    public let instructionSet: InstructionSet
    /// Depthwise convolution.
    public let depthwise: Depthwise
    /// Depthwise convolution at stride 2.
    public let depthwiseSplit: DepthwiseSplit
    /// Depthwise convolution with taps far apart.
    public let depthwiseApart: DepthwiseApart
    /// A pyramid of depthwise convolutions.
    public let depthwisePyramid: DepthwisePyramid
    /// Rows with their padding.
    public let padRows: PadRows
    /// A tile of a matrix product.
    public let product: Product
    /// The most output channels of a tile.
    public let productRows: Int
    /// The depth up to which a product is best done in one block.
    public let productDepth: Int
    /// A tile of a matrix product over rows that lie anywhere.
    public let productOfRows: ProductOfRows
    /// Max-pooling.
    public let maxPool: MaxPool
    /// Average pooling.
    public let averagePool: AveragePool
    /// Summation.
    public let sum: Sum
    /// Scale and shift.
    public let scaleShift: ScaleShift
    /// Addition.
    public let add: Add
    /// Normalisation of 8-bit samples.
    public let normalize: Normalize
    /// Normalisation of 8-bit samples, even and odd ones apart.
    public let normalizeSplit: NormalizeSplit
    /// Bilinear resize.
    public let resizeRow: ResizeRow
    /// Argmax.
    public let argmaxUpdate: ArgmaxUpdate
    /// Taps over a ×4 resize.
    public let resizedTaps: ResizedTaps
    /// Interleaving of four phases.
    public let interleave: Interleave
    /// Argmax over a ×4 resize.
    public let resizedArgmax: ResizedArgmax

    /// The kernels of `instructionSet`; throws `UnsupportedInstructionSet` where the machine does not have it.
    public init(_ instructionSet: InstructionSet = .best) throws(UnsupportedInstructionSet) {
        guard instructionSet.isSupported else { throw UnsupportedInstructionSet(requested: instructionSet) }
        let table = ck_kernels_for(instructionSet.code)
        self.instructionSet = instructionSet
        depthwise = table.depthwise
        depthwiseSplit = table.depthwise_split
        depthwiseApart = table.depthwise_apart
        depthwisePyramid = table.depthwise_pyramid
        padRows = table.pad_rows
        product = table.product
        productRows = table.product_rows
        productDepth = table.product_depth
        productOfRows = table.product_of_rows
        maxPool = table.max_pool
        averagePool = table.average_pool
        sum = table.sum
        scaleShift = table.scale_shift
        add = table.add
        normalize = table.normalize
        normalizeSplit = table.normalize_split
        resizeRow = table.resize_row
        argmaxUpdate = table.argmax_update
        resizedTaps = table.resized_taps
        interleave = table.interleave
        resizedArgmax = table.resized_argmax
    }

    /// Columns of a packed block.
    public static let block = Int(CK_BLOCK)

    /// Values that `depthwisePyramid` reads a channel: three kernels' weights and biases.
    public static let pyramidWeights = 9 + 25 + 49 + 3

    /// Floats of scratch that `averagePool` needs for one plane.
    public static func averagePoolScratch(height: Int, width: Int, kernel: Int) -> Int {
        3 * (height + kernel) * (width + kernel)
    }
}
