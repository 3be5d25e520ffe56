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

    /// The definition of a convolution, tap by tap, for the output channels of `range`.
    public static func convolution(
        _ shape: ConvolutionShape, input: UnsafePointer<Float>, weights: UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, output: UnsafeMutablePointer<Float>, range: Range<Int>, relu: Bool
    ) {
        ck_convolution(
            input, shape.channels, shape.height, shape.width, weights, bias, output, shape.outChannels,
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

    /// One row of the matrix of a convolution by matrix product.
    public static func im2colRow(
        _ plane: UnsafePointer<Float>, shape: ConvolutionShape, row: Int, ky: Int, kx: Int,
        into output: UnsafeMutablePointer<Float>
    ) {
        ck_im2col_row(
            plane, shape.height, shape.width, output, shape.outWidth, row, ky, kx, shape.stride, shape.padding,
            shape.dilation)
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
