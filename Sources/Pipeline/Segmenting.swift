import Dispatch
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

/// The one queue on which a network runs, shared by every camera that uses it.
///
/// It is first come, first served, and a camera asks for its next frame only when it has the answer to the last one,
/// so cameras that are all busy take turns.
public final class InferenceQueue: Sendable {
    private let segmenter: any Segmenting
    private let queue: DispatchQueue

    /// The queue of `segmenter`.
    public init(_ segmenter: any Segmenting) {
        self.segmenter = segmenter
        queue = DispatchQueue(label: "segmentd.infer", qos: .userInitiated)
    }

    /// The size of the pictures it takes and of the class maps it gives.
    public var inputSize: ImageSize { segmenter.inputSize }
    /// What the class ids mean.
    public var labels: LabelSet { segmenter.labels }
    /// The model's name, as masks carry it.
    public var modelName: String { segmenter.modelName }

    /// Waits for the network to be free, runs it, and says when it ran; the wait is not in it.
    public func segment(
        _ input: PlanarRGB, into classes: ClassMap, clock: any FrameClock
    ) throws -> StageTimes.Interval {
        try queue.sync {
            let began = clock.monotonicNanoseconds
            try segmenter.segment(input, into: classes)
            return StageTimes.Interval(began: began, ended: clock.monotonicNanoseconds)
        }
    }
}
