import Dispatch
import Imaging
import MaskOutput
import Synchronization

/// The last mask of every camera and the frame it was made from, for geometry and snapshots.
public final class LatestFrames: Sendable {
    /// A mask and its frame.
    public struct Sight: Sendable {
        /// The mask.
        public let mask: Mask
        /// The frame it was made from.
        public let frame: Frame
    }

    private let sights = Mutex<[String: Sight]>([:])

    /// Nothing seen yet.
    public init() {}

    /// The last of `camera`; nil before its first.
    public subscript(camera: String) -> Sight? { sights.withLock { $0[camera] } }

    /// Forgets a camera that is no more, and the memory its frame is in.
    public func forget(_ camera: String) { sights.withLock { $0[camera] = nil } }

    /// `sink`, whose masks are remembered as those of `camera`.
    public func watching(_ sink: any MaskSink, of camera: String) -> any MaskSink {
        WatchedSink(inner: sink, camera: camera, latest: self)
    }

    /// The sink that `watching` was given, where `sink` is one that it gave back.
    static func original(_ sink: any MaskSink) -> any MaskSink { (sink as? WatchedSink)?.inner ?? sink }

    fileprivate func keep(_ sight: Sight, of camera: String) {
        // What was kept before is let go outside the lock: it may give memory back.
        let old = sights.withLock { sights in
            defer { sights[camera] = sight }
            return sights[camera]
        }
        withExtendedLifetime(old) {}
    }

    /// Passes everything on, and remembers what was written.
    private final class WatchedSink: MaskSink {
        let inner: any MaskSink
        let camera: String
        let latest: LatestFrames

        init(inner: any MaskSink, camera: String, latest: LatestFrames) {
            self.inner = inner
            self.camera = camera
            self.latest = latest
        }

        var summary: String { inner.summary }

        func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
            try inner.begin(stream: info, maskSize: maskSize, labels: labels)
        }

        func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
            try inner.write(mask, of: frame, dropped: dropped)
            // A blind mask says nothing of where the camera looks.
            if !mask.flags.isBlind { latest.keep(Sight(mask: mask, frame: frame), of: camera) }
        }

        var showsBlindness: Bool { inner.showsBlindness }
        func writeBlind(_ mask: Mask, dropped: Int) throws { try inner.writeBlind(mask, dropped: dropped) }
        var remarks: [String] { inner.remarks }
        func willFinish(by deadline: DispatchTime) { inner.willFinish(by: deadline) }
        func finish() throws { try inner.finish() }
        func abandon() { inner.abandon() }
    }
}
