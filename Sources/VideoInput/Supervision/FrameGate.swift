import Imaging
import MediaIO

/// Decides which decoded frames are fit to be segmented. Pure: what it must know of pixels is handed in.
///
/// After a loss, and when reading begins, nothing passes until a key frame or a complete recovery: what a decoder makes of a picture whose
/// reference is missing looks like a picture, and shows what never was.
public struct FrameGate: Sendable {
    /// What it refuses.
    public struct Settings: Hashable, Sendable {
        /// Whether pictures wait for a key frame after a loss.
        public var awaitsKeyFrame = true
        /// Whether frames are refused that the decoder or the container says are damaged.
        public var refusesCorrupt = true
        /// Nanoseconds after which pictures that are the same bit for bit count as frozen; nil never. A real sensor's
        /// noise changes every picture, but an encoder may take it away for as long as a group of pictures lasts.
        public var frozenAfter: UInt64? = 5_000_000_000
        /// Whether frames are refused that show the grey or green of lost data.
        public var refusesFlat = true
        /// The share of a picture, 0…1, that is flat where it is refused.
        public var flatShare = 0.4
        /// The most pixels a picture may have.
        public var maxPixels = 8192 * 8192

        /// The usual settings of a camera.
        public init() {}
    }

    private let settings: Settings
    private var isAwaitingKeyFrame: Bool
    private var still: (fingerprint: UInt64, since: UInt64)?

    /// A gate before the first frame.
    public init(_ settings: Settings = Settings()) {
        self.settings = settings
        isAwaitingKeyFrame = settings.awaitsKeyFrame
    }

    /// Whether it wants to know what pictures look like.
    public var looks: Bool { settings.refusesFlat || settings.frozenAfter != nil }

    /// Reading begins anew.
    public mutating func reset() {
        isAwaitingKeyFrame = settings.awaitsKeyFrame
        still = nil
    }

    /// Why a frame that came at `now` (nanoseconds) is refused; nil where it may pass. `look` is what its picture
    /// looks like, nil where that is not known.
    public mutating func judge(
        flags: FrameFlags, size: ImageSize, look: PictureLook?, at now: UInt64
    ) -> RefusalCause? {
        let isFrozen = isFrozen(look, at: now)
        guard size.area <= settings.maxPixels else { return .tooLarge }
        if flags.contains(.corrupt), settings.refusesCorrupt {
            isAwaitingKeyFrame = settings.awaitsKeyFrame
            return .corrupt
        }
        if !flags.isDisjoint(with: [.key, .recovered]) {
            isAwaitingKeyFrame = false
        } else if flags.contains(.afterLoss) {
            isAwaitingKeyFrame = settings.awaitsKeyFrame
        }
        if isAwaitingKeyFrame { return .awaitingKeyFrame }
        if settings.refusesFlat, let look, look.flatShare >= settings.flatShare {
            // What follows is built upon it.
            isAwaitingKeyFrame = settings.awaitsKeyFrame
            return .flat
        }
        return isFrozen ? .frozen : nil
    }

    private mutating func isFrozen(_ look: PictureLook?, at now: UInt64) -> Bool {
        guard let limit = settings.frozenAfter, let look else { return false }
        guard let known = still, known.fingerprint == look.fingerprint else {
            still = (look.fingerprint, now)
            return false
        }
        return now > known.since && now - known.since >= limit
    }
}
