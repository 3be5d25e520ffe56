import Dispatch
import Imaging

/// Where masks go: a video file, a folder of PNGs, sockets, a checksum, nowhere.
///
/// One queue calls it: `begin` once, `write` for every mask in order, and then either `finish` or `abandon`. A sink that
/// shows blindness may be begun a second time, when the stream is known, and gets `writeBlind` too.
public protocol MaskSink: AnyObject, Sendable {
    /// What it is, for messages: `video drive.mp4`, `socket /run/segmentd/front.mask`.
    var summary: String { get }

    /// Prepares for masks of size `maskSize` with `labels`, made from the stream `info` describes.
    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws

    /// Takes one mask and the frame it was made from, a blind one too where it was too old. `dropped` counts the camera's
    /// frames that were skipped before this one since the last that was written.
    func write(_ mask: Mask, of frame: Frame, dropped: Int) throws

    /// Whether it wants masks while there is nothing to see: then it is begun before the source has opened.
    var showsBlindness: Bool { get }

    /// Takes a blind mask that stands for no frame.
    func writeBlind(_ mask: Mask, dropped: Int) throws

    /// `finish` follows soon, and is to wait for nobody outside the process beyond `deadline`. All outputs of a camera are
    /// told before the first is finished, so that they wait at the same time.
    func willFinish(by deadline: DispatchTime)

    /// Completes the output; only now does a file appear under its final name.
    func finish() throws

    /// Gives up: what is half written is removed.
    func abandon()

    /// What a user should know of what was written, a sentence each. Asked for after `finish`.
    var remarks: [String] { get }
}

extension MaskSink {
    /// Only what is seen.
    public var showsBlindness: Bool { false }
    /// Nothing out of the ordinary.
    public var remarks: [String] { [] }
    /// Does nothing: most outputs wait for nobody.
    public func willFinish(by deadline: DispatchTime) {}
    /// Does nothing.
    public func writeBlind(_ mask: Mask, dropped: Int) throws {}
}
