/// How long and how large a recording may become.
public struct RecordingLimits: Hashable, Sendable {
    /// Seconds of film after which a new file is begun; nil for any.
    public var rotateSeconds: Int?
    /// Bytes after which a new file is begun; nil for any.
    public var rotateBytes: Int64?
    /// Bytes of all files of the recording together; the oldest are removed for the newest. Nil for any.
    public var quotaBytes: Int64?
    /// Bytes that stay free on the disk: with less, nothing is recorded.
    public var minimumFreeBytes: Int64

    /// Ten minutes a file, no quota, 100 MB left free.
    public init(
        rotateSeconds: Int? = 600, rotateBytes: Int64? = nil, quotaBytes: Int64? = nil,
        minimumFreeBytes: Int64 = 100_000_000
    ) {
        self.rotateSeconds = rotateSeconds
        self.rotateBytes = rotateBytes
        self.quotaBytes = quotaBytes
        self.minimumFreeBytes = minimumFreeBytes
    }

    /// Whether a new file is due after one of `seconds` and `bytes`. A file takes a quarter of the quota at most: what is
    /// being written cannot be removed.
    func isRotationDue(seconds: Double, bytes: Int64) -> Bool {
        if let rotateSeconds, seconds >= Double(rotateSeconds) { return true }
        if let rotateBytes, bytes >= rotateBytes { return true }
        if let quotaBytes, bytes >= quotaBytes / 4 { return true }
        return false
    }

    /// How many of `files` (their bytes, oldest first) must go for them and `current` bytes more to fit the quota.
    func surplus(_ files: [Int64], current: Int64) -> Int {
        guard let quotaBytes else { return 0 }
        var sum = files.reduce(current, +)
        var count = 0
        while sum > quotaBytes, count < files.count {
            sum -= files[count]
            count += 1
        }
        return count
    }

    /// Whether there is room to record with so many bytes free. To begin again after a full disk takes a quarter and
    /// 16 MB more than to go on, so that it does not stop at once.
    func hasRoom(free: Int64, isRecording: Bool) -> Bool {
        free >= minimumFreeBytes + (isRecording ? 0 : minimumFreeBytes / 4 + 16_000_000)
    }
}
