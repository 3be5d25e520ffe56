import Imaging

/// Takes masks and does nothing with them: for measuring what comes before.
public final class NullSink: MaskSink {
    /// What it is, for messages.
    public let summary = "nothing (null:)"

    /// A sink that does nothing.
    public init() {}

    /// Does nothing.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) {}
    /// Does nothing.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) {}
    /// Does nothing.
    public func finish() {}
    /// Does nothing.
    public func abandon() {}
}
