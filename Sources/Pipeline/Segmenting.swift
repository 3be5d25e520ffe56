import Imaging

/// What the pipeline asks of the network: the class of every pixel of one prepared picture.
public protocol Segmenting: AnyObject, Sendable {
    /// The size of the pictures it takes and of the class maps it gives.
    var inputSize: ImageSize { get }
    /// What the class ids mean.
    var labels: LabelSet { get }
    /// The model's name, as masks carry it.
    var modelName: String { get }
    /// Writes the class of every pixel of `input` into `classes`, both of `inputSize`. One call at a time.
    func segment(_ input: PlanarRGB, into classes: ClassMap) throws
}

/// What the pipeline asks of preprocessing: a decoded picture brought to the network's size.
public protocol Preparing: AnyObject, Sendable {
    /// Writes `picture` into `input` and says how the two lie on each other. One call at a time.
    func prepare(_ picture: Picture, into input: PlanarRGB) throws -> MaskGeometry
}
