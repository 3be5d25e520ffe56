/// How a recording is doing.
public struct RecordingSnapshot: Hashable, Sendable {
    /// What it does.
    public enum State: String, Sendable {
        /// No frame has come yet.
        case waiting
        /// Frames are written.
        case recording
        /// The disk has no room; it goes on when there is some.
        case diskFull = "disk_full"
        /// It failed; it is tried again.
        case failed
        /// It was completed.
        case ended
    }

    /// The path as configured.
    public var path: String
    /// What it does.
    public var state = State.waiting
    /// The file being written.
    public var file: String?
    /// Bytes of that file that are on the disk.
    public var bytes: Int64 = 0
    /// Bytes of all its files.
    public var totalBytes: Int64 = 0
    /// Frames written.
    public var frames: UInt64 = 0
    /// Frames left out, for want of time or room.
    public var dropped: UInt64 = 0
    /// Files finished.
    public var finished: UInt64 = 0
    /// Files removed for the quota.
    public var removed: UInt64 = 0
    /// The last failure.
    public var error: String?
}
