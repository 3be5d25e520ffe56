import Imaging

/// Where frames come from: a stream, a file, a folder of images, the synthetic drive.
///
/// One queue opens, reads and closes it; the calls block, with deadlines of their own. Only `cancel` may come from
/// another thread.
public protocol VideoSource: AnyObject, Sendable {
    /// The camera's name, as in `FrameStamp.camera`.
    var camera: String { get }

    /// Whether frames come at their own pace whether or not somebody reads them (a camera, a stream),
    /// so that a slow reader must skip some rather than fall behind.
    var isLive: Bool { get }

    /// Opens the source and says what it is. Opening again after `close` starts anew.
    func open() throws -> StreamInfo

    /// The next frame, its `decode` stage filled in and its sequence number one above the last one's, or more where
    /// frames in between were refused; nil at the end of the stream.
    ///
    /// A stream that is damaged at its end, such as a file that was cut off, first delivers the frames it has, then
    /// throws once, then answers nil.
    func next() throws -> Frame?

    /// Lets go of everything that `open` took. Harmless when nothing is open.
    func close()

    /// Makes an `open` or `next` that blocks, and all later ones, return promptly by throwing
    /// `CancellationError`. May be called from any thread, more than once.
    func cancel()
    /// What it met so far that is no frame and no error. May be asked from any thread.
    var diagnostics: SourceDiagnostics { get }
}

extension VideoSource {
    /// Nothing met.
    public var diagnostics: SourceDiagnostics { SourceDiagnostics() }
}
