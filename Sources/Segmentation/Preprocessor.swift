import Imaging
import MediaIO

/// Brings decoded pictures to the network's size. One for each camera: it keeps what one stream's scaling needs.
public final class Preprocessor: @unchecked Sendable {
    /// The network's size.
    public let inputSize: ImageSize
    /// How pictures of other proportions are fitted.
    public let fit: Fit
    private let scaler = Scaler()

    /// A preprocessor for a network of `inputSize`.
    public init(inputSize: ImageSize, fit: Fit) {
        self.inputSize = inputSize
        self.fit = fit
    }

    /// Writes `picture`, upright and scaled, into `input`, which is of `inputSize`; says how the two lie on each other.
    /// One call at a time. Throws `MediaError` where the picture cannot be converted.
    public func prepare(_ picture: Picture, into input: PlanarRGB) throws -> MaskGeometry {
        try scaler.scale(picture, into: input, fit: fit)
    }
}
