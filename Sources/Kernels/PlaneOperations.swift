import CKernels

/// Operations that exist once, whatever the instruction set: data movement, conversion, and the specification's
/// convolution. See `CKernels/include/kernels.h`.
public enum PlaneOperations {
    /// What a convolution does, besides its sizes.
    public struct ConvolutionShape: Sendable {
        /// Input channels, rows, columns.
        public let channels: Int, height: Int, width: Int
        /// Output channels, rows, columns.
        public let outChannels: Int, outHeight: Int, outWidth: Int
        /// Taps a side, pixels between outputs, zeros around, pixels between taps, groups of channels.
        public let kernel: Int, stride: Int, padding: Int, dilation: Int, groups: Int

        /// The sizes of one convolution.
        public init(
            channels: Int, height: Int, width: Int, outChannels: Int, outHeight: Int, outWidth: Int, kernel: Int,
            stride: Int, padding: Int, dilation: Int, groups: Int
        ) {
            self.channels = channels
            self.height = height
            self.width = width
            self.outChannels = outChannels
            self.outHeight = outHeight
            self.outWidth = outWidth
            self.kernel = kernel
            self.stride = stride
            self.padding = padding
            self.dilation = dilation
            self.groups = groups
        }
    }

    /// The definition of a convolution, tap by tap, for the output channels of `range`; `planes` holds a pointer to
    /// each input channel's plane.
    public static func convolution(
        _ shape: ConvolutionShape, planes: UnsafePointer<UnsafePointer<Float>>, weights: UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>, range: Range<Int>, relu: Bool
    ) {
        ck_convolution(
            planes, shape.channels, shape.height, shape.width, weights, bias, output, shape.outChannels,
            shape.outHeight, shape.outWidth, shape.kernel, shape.stride, shape.padding, shape.dilation, shape.groups,
            range.lowerBound, range.upperBound, relu ? 1 : 0)
    }

    /// Copies a plane into a larger one, `fill` around it.
    public static func pad(
        _ input: UnsafePointer<Float>, height: Int, width: Int, into output: UnsafeMutablePointer<Float>,
        stride: Int, before: Int, below: Int, right: Int, fill: Float
    ) {
        ck_pad_plane(input, width, height, width, output, stride, before, before, below, right, fill)
    }

    /// Where packed rows go: row r, column x of depth k lies at
    /// k · depth + r · row + x / block · blockStride + x mod block, `block` being `KernelTable.block`.
    public struct PackedLayout: Sendable {
        /// From one depth to the next.
        public let depth: Int
        /// From one row to the next.
        public let row: Int
        /// From one block of columns to the next.
        public let block: Int

        /// A layout with these strides, in elements.
        public init(depth: Int, row: Int, block: Int) {
            self.depth = depth
            self.row = row
            self.block = block
        }
    }

    /// Packs rows `rows` of `channels` planes of `width` columns.
    public static func packPlanes(
        _ planes: UnsafePointer<UnsafePointer<Float>>, channels: Int, rows: Range<Int>, width: Int,
        into output: UnsafeMutablePointer<Float>, _ layout: PackedLayout
    ) {
        ck_pack_planes(
            planes, channels, rows.lowerBound * width, width, rows.count, width, output, layout.depth, layout.row,
            layout.block)
    }

    /// Packs one tap of a convolution's windows for output rows `rows`.
    public static func packWindows(
        _ plane: UnsafePointer<Float>, _ shape: ConvolutionShape, rows: Range<Int>, ky: Int, kx: Int,
        into output: UnsafeMutablePointer<Float>, _ layout: PackedLayout
    ) {
        ck_pack_windows(
            plane, shape.height, shape.width, rows.lowerBound, rows.count, shape.outWidth, ky, kx, shape.stride,
            shape.padding, shape.dilation, output, layout.row, layout.block)
    }

    /// IEEE half precision to single.
    public static func halfToFloat(
        _ input: UnsafePointer<UInt16>, into output: UnsafeMutablePointer<Float>, count: Int
    ) {
        ck_half_to_float(input, output, count)
    }

    /// Tells the processor that this is a waiting loop.
    public static func pause() { ck_pause() }
}
