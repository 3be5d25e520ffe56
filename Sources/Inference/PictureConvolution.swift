/// A stride-2 convolution straight from the 8-bit picture: samples are normalised when they are read, and the result
/// is max-pooled before it is written. Neither the normalised picture nor the convolution's result ever exists.
public struct PictureConvolution: Sendable, Hashable {
    /// What is taken from a sample / 255, by channel.
    public var mean: [Float]
    /// What the rest is divided by, by channel.
    public var std: [Float]
    /// Stride 2, centred, one group.
    public var convolution: Convolution
    /// The convolution's result, which is more than what lies behind the pooling.
    public var result: Shape
    /// The pooling behind it, if any.
    public var pool: Pool?

    /// The most pixels that a window may reach beyond the edge: half a convolution's kernel, or a pooling's padding.
    static let reach = 16

    /// Max-pooling at stride 2.
    public struct Pool: Sendable, Hashable {
        /// Pixels a side.
        public var kernel: Int
        /// Pixels around the plane that are left out of the maximum.
        public var padding: Int
    }

    var parameters: [Parameter] { [convolution.weight] + (convolution.bias.map { [$0] } ?? []) }

    var kind: String {
        let kernel = convolution.kernel
        return "8-bit \(kernel)x\(kernel) s2" + (pool.map { " + pool \($0.kernel)x\($0.kernel)" } ?? "")
    }
}
