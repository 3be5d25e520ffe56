/// Something that happened to a recording, for the log.
public enum RecordingEvent: Sendable {
    /// A file is whole.
    case finished(path: String, frames: Int, bytes: Int64)
    /// A file that a process left behind when it died was given its name.
    case recovered(path: String)
    /// A file was removed for the quota.
    case removed(path: String)
    /// Nothing is recorded any more, for this reason; it is tried again by itself.
    case stopped(any Error)
    /// It records again.
    case resumed
    /// The clock of the input jumped so many times, and the file at `path` keeps its pace there.
    case clockJumped(path: String, jumps: Int)
}
