import Imaging

/// Where masks go: a video file, a folder of PNGs, sockets, a checksum, nowhere.
///
/// One queue calls it: `begin` once, `write` for every mask in order, and then either `finish` or `abandon`.
public protocol MaskSink: AnyObject, Sendable {
    /// What it is, for messages: `video drive.mp4`, `socket /run/segmentd/front.mask`.
    var summary: String { get }

    /// Prepares for masks of size `maskSize` with `labels`, made from the stream `info` describes.
    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws

    /// Takes one mask and the frame it was made from. `dropped` counts the camera's frames that were skipped
    /// before this one since the last that was written.
    func write(_ mask: Mask, of frame: Frame, dropped: Int) throws

    /// Completes the output; only now does a file appear under its final name.
    func finish() throws

    /// Gives up: what is half written is removed.
    func abandon()
}
