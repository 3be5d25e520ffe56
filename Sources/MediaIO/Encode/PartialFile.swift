import Glibc
import Synchronization

/// A file that appears under its name only when it is whole.
///
/// Until `commit` it lies beside its final place as `.NAME.partial-PID` under an advisory lock, so that a crash leaves
/// nothing under the final name, and the next writer of the same name clears away what a dead one left. A file that is
/// worth something before it is whole lies under a name of its own choice instead, and stays there after a crash.
public final class PartialFile {
    /// The name it gets in the end.
    public let path: String
    /// `errno` of the first write that failed; 0 as long as all went well.
    public private(set) var failure: Int32 = 0
    private let partialPath: String
    private let folder: String
    private let survives: Bool
    private var descriptor: Int32

    /// Makes the file as `unfinishedPath`, in the folder of `path`, where it stays if the process dies.
    init(path: String, unfinishedPath: String) throws(EncodeError) {
        self.path = path
        partialPath = unfinishedPath
        folder = Self.folder(of: path)
        survives = true
        descriptor = try Self.create(partialPath, for: path)
    }

    /// Makes the temporary file, in the folder of `path` (where that is a link to a file, in that file's folder).
    public init(path: String) throws(EncodeError) {
        let path = Self.followed(path)
        self.path = path
        let slash = path.lastIndex(of: "/")
        folder = Self.folder(of: path)
        survives = false
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let prefix = ".\(name).partial-"
        partialPath = (folder == "/" ? "" : folder) + "/\(prefix)\(getpid())"
        Self.removeLeftovers(folder: folder, prefix: prefix)
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw .cannotCreate(path: path, errno: isFolder ? EISDIR : EEXIST)
        }
        descriptor = try Self.create(partialPath, for: path)
        Self.unfinished.withLock { _ = $0.insert(partialPath) }
    }

    deinit { abandon() }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    }

    private static func create(_ partialPath: String, for path: String) throws(EncodeError) -> Int32 {
        let descriptor = open(partialPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .cannotCreate(path: path, errno: errno) }
        flock(descriptor, LOCK_EX | LOCK_NB)
        return descriptor
    }

    private static let unfinished = Mutex<Set<String>>([])

    /// Removes every temporary file of this process: for one that ends at once, without finishing anything.
    public static func removeAll() {
        unfinished.withLock { paths in
            for path in paths { unlink(path) }
            paths.removeAll()
        }
    }

    /// Whether what is written from now on is thrown away.
    var isDiscarding = false

    /// Appends all of `bytes` at the current position.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(EncodeError) {
        guard !isDiscarding else { return }
        var rest = bytes
        while rest.count > 0 {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                if failure == 0 { failure = errno }
                throw .cannotWrite(path: path, errno: failure)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Moves to `offset` from the beginning (`SEEK_SET`), here or the end; the new position, or -1.
    func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
        Int64(lseek(descriptor, Int(offset), whence))
    }

    /// How long the file is now; -1 where that cannot be told.
    func length() -> Int64 {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : -1
    }

    /// Brings what is written to the disk.
    func synchronize() throws(EncodeError) {
        guard fdatasync(descriptor) == 0 else { throw .cannotWrite(path: path, errno: errno) }
    }

    /// Cuts the file off at `length`, be a write failed or not, and gives it its name.
    func salvage(length: Int64) throws(EncodeError) {
        guard ftruncate(descriptor, Int(length)) == 0 else { throw .cannotWrite(path: path, errno: errno) }
        failure = 0
        try commit()
    }

    /// Gives the file its name. With `durable` its bytes are on the disk before, and its name after.
    public func commit(durable: Bool = true) throws(EncodeError) {
        guard descriptor >= 0 else { return }
        guard failure == 0 else { throw .cannotWrite(path: path, errno: failure) }
        if durable {
            guard fsync(descriptor) == 0 else { throw .cannotWrite(path: path, errno: errno) }
        }
        guard rename(partialPath, path) == 0 else { throw .cannotWrite(path: path, errno: errno) }
        Self.unfinished.withLock { _ = $0.remove(partialPath) }
        let file = descriptor
        descriptor = -1
        guard close(file) == 0 else { throw .cannotWrite(path: path, errno: errno) }
        if durable { Self.synchronize(folder: folder) }
    }

    /// Removes the temporary file. Harmless after `commit`.
    public func abandon() {
        guard descriptor >= 0 else { return }
        unlink(partialPath)
        Self.unfinished.withLock { _ = $0.remove(partialPath) }
        close(descriptor)
        descriptor = -1
    }

    /// Brings the names in `folder` to the disk, as far as the file system can.
    public static func synchronize(folder: String) {
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    /// Where a symbolic link to something that is there leads; else `path` itself.
    private static func followed(_ path: String) -> String {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let real = realpath(path, nil) else {
            return path
        }
        defer { free(real) }
        return String(cString: real)
    }

    /// Removes what writers of the same name left when they died: files whose lock nobody holds.
    private static func removeLeftovers(folder: String, prefix: String) {
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix(prefix), name.dropFirst(prefix.count).allSatisfy(\.isNumber) else { continue }
            let path = (folder == "/" ? "" : folder) + "/" + name
            let file = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard file >= 0 else { continue }
            if flock(file, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
            close(file)
        }
    }
}
