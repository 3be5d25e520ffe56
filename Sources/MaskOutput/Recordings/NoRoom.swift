/// There is less room on a disk than is to be left free.
public struct NoRoom: Error, CustomStringConvertible {
    /// The folder.
    public let folder: String
    /// Bytes free there.
    public let free: Int64
    /// Bytes that stay free.
    public let minimum: Int64

    /// One sentence.
    public var description: String {
        "the disk of \(folder) is full: \(free / 1_000_000) MB are free, and \(minimum / 1_000_000) MB are to stay so "
            + "(min_free_mb)"
    }
}
