import Imaging

/// What failed in a camera's pipeline, and where.
public struct PipelineFailure: Error, CustomStringConvertible {
    /// The step that failed.
    public enum Step: Hashable, Sendable {
        /// Starting the camera's threads.
        case start
        /// Opening the source.
        case open
        /// Reading or decoding a frame.
        case read
        /// Bringing a picture to the network's size.
        case preprocess
        /// Running the network.
        case infer
        /// Preparing, writing or completing the output of this summary.
        case sink(String)
    }

    /// Where.
    public let step: Step
    /// What.
    public let error: any Error

    /// `error` happened in `step`.
    public init(step: Step, error: any Error) {
        self.step = step
        self.error = error
    }

    /// The error's own sentence, which names file or socket; the stages within say which they are.
    public var description: String {
        switch step {
        case .start, .open, .read, .sink: "\(error)"
        case .preprocess: "preparing a frame for the network failed: \(error)"
        case .infer: "running the network failed: \(error)"
        }
    }
}

/// How a camera's pipeline ended.
public struct PipelineOutcome: Sendable {
    /// What the source said of itself; nil where it did not open.
    public let stream: StreamInfo?
    /// The first failure that ended it; nil where the source ended or `cancel` was called.
    public let failure: PipelineFailure?
    /// Whether `cancel` ended it.
    public let wasCancelled: Bool
    /// Whether every output was completed; false where nothing was written and outputs were given up.
    public let isComplete: Bool
}

/// Something that happened in a running pipeline, told on the thread of the stage where it happened.
public enum PipelineEvent: Sendable {
    /// The source is open.
    case opened(StreamInfo)
    /// A frame was left out because a stage failed on it; the camera goes on.
    case frameFailed(PipelineFailure)
    /// An output was given up; the camera goes on with the others.
    case sinkFailed(PipelineFailure)
}
