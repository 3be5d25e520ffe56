import Glibc
import Imaging

/// What lies in a recording's folder, and how much room its disk has.
struct RecordingFolder {
    /// A finished file and its index.
    struct Finished: Equatable {
        let file: RecordingName.File
        /// Bytes of both.
        let bytes: Int64
    }

    let name: RecordingName

    /// Bytes that this process may still write there; nil where that cannot be told, as for a folder that is not there.
    var freeBytes: Int64? {
        var facts = statvfs()
        guard statvfs(name.folder, &facts) == 0 else { return nil }
        return Int64(clamping: UInt64(facts.f_bavail) &* UInt64(facts.f_frsize))
    }

    /// The finished files of the recording, oldest first.
    func finished() -> [Finished] {
        names().compactMap { name.recognize($0) }.filter(\.isFinished)
            .map { Finished(file: $0.file, bytes: Self.bytes($0.file.finished) + Self.bytes($0.file.index)) }
            .sorted { $0.file.finished < $1.file.finished }
    }

    /// Removes a finished file and its index.
    func remove(_ file: RecordingName.File) {
        unlink(file.finished)
        unlink(file.index)
    }

    /// Removes the index of a file that came to nothing.
    static func removeIndex(_ file: RecordingName.File) { unlink(file.index) }

    /// Gives files that a process left unfinished when it died their final names, and removes those that nothing was
    /// written to. Returns the former.
    func recover() -> [String] {
        names().compactMap { name.recognize($0) }.filter { !$0.isFinished }.map(\.file)
            .sorted { $0.finished < $1.finished }
            .filter { file in
                let descriptor = open(file.unfinished, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                guard descriptor >= 0 else { return false }
                defer { close(descriptor) }
                // Whoever still writes it holds its lock.
                guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return false }
                guard Self.bytes(file.index) > 0 else {
                    unlink(file.unfinished)
                    unlink(file.index)
                    return false
                }
                return rename(file.unfinished, file.finished) == 0
            }
            .map(\.finished)
    }

    private func names() -> [String] {
        guard let directory = opendir(name.folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(Imaging.name(of: entry))
        }
        return names
    }

    static func bytes(_ path: String) -> Int64 {
        var facts = stat()
        return lstat(path, &facts) == 0 ? Int64(facts.st_size) : 0
    }
}
