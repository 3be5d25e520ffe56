import Glibc
import Imaging
import Synchronization

/// A file that appears under its name only when it is whole.
///
/// Until `commit` it lies beside its final place as `.NAME.partial-PID` under an advisory lock, so that a crash leaves
/// nothing under the final name, and the next writer of the same name clears away what a dead one left. Several writers
/// of one name do not meet: the last one that commits wins. A file that is worth something before it is whole lies under
/// a name of its own choice instead, and stays there after a crash.
///
/// A file that cannot be replaced (one that is mounted by itself, or in a folder that may not be written to) is written
/// in place: it is emptied at the first write, and again by `abandon`.
public final class PartialFile {
    /// The name it gets in the end.
    public let path: String
    /// `errno` of the first write that failed; 0 as long as all went well.
    public private(set) var failure: Int32 = 0
    /// Where it lies until it is whole; nil where it is written in place.
    private var partialPath: String?
    private let folder: String
    private var isTouched = false
    private var descriptor: Int32

    /// Makes the file as `unfinishedPath`, in the folder of `path`, where it stays if the process dies.
    init(path: String, unfinishedPath: String) throws(EncodeError) {
        self.path = path
        partialPath = unfinishedPath
        folder = PartialName(path: path).folder
        guard let made = try Self.create(unfinishedPath, for: path) else {
            throw .cannotCreate(path: path, errno: EEXIST)
        }
        descriptor = made
    }

    /// Makes the temporary file, in the folder of `path` (where that is a link, in that of the file it leads to).
    /// `clearsLeftovers` says whether those of dead writers are looked for, which reads the whole folder.
    public init(path: String, clearsLeftovers: Bool = true) throws(EncodeError) {
        let path = Self.followed(path)
        self.path = path
        let names = PartialName(path: path)
        folder = names.folder
        let target = try Self.target(path)
        if target != nil, try Self.mustStay(path, in: folder) {
            descriptor = try Self.openInPlace(path)
            return
        }
        if clearsLeftovers { Self.removeLeftovers(in: names.folder, where: names.matches) }
        do throws(EncodeError) {
            let made = try Self.create(names, for: path)
            (descriptor, partialPath) = (made.descriptor, made.path)
        } catch {
            guard case .cannotCreate(_, let code) = error, [EACCES, EPERM, EROFS].contains(code), target != nil,
                access(path, W_OK) == 0
            else { throw error }
            descriptor = try Self.openInPlace(path)
            return
        }
        // Who kept others from reading the old file does not want them to read the new one.
        if let target { fchmod(descriptor, target.st_mode & 0o777) }
    }

    deinit { abandon() }

    /// What lies at `path`; nil for nothing. Throws where that is no file, or can be none.
    private static func target(_ path: String) throws(EncodeError) -> stat? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENAMETOOLONG { throw .cannotCreate(path: path, errno: ENAMETOOLONG) }
            return nil
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return status
        case S_IFDIR: throw .cannotCreate(path: path, errno: EISDIR)
        default: throw .cannotCreate(path: path, errno: EEXIST)
        }
    }

    /// Whether the file at `path` can only be written in place. Throws where it cannot be written at all.
    private static func mustStay(_ path: String, in folder: String) throws(EncodeError) -> Bool {
        // A file may be replaced whatever its permissions are, but not one that is immutable or on a read-only disk.
        if access(path, W_OK) != 0, [EPERM, EROFS].contains(errno) { throw .cannotCreate(path: path, errno: errno) }
        if MountTable.isMountPoint(path) { return true }
        var (file, above) = (stat(), stat())
        // In a folder such as /tmp only the owner of a file may replace it.
        return geteuid() != 0 && stat(folder, &above) == 0 && above.st_mode & S_ISVTX != 0 && stat(path, &file) == 0
            && ![file.st_uid, above.st_uid].contains(geteuid())
    }

    private static func openInPlace(_ path: String) throws(EncodeError) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .cannotCreate(path: path, errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            close(descriptor)
            throw .cannotCreate(path: path, errno: EBUSY)
        }
        return descriptor
    }

    private static func create(_ names: PartialName, for path: String) throws(EncodeError) -> (
        descriptor: Int32, path: String
    ) {
        for index in 0..<100 {
            let partialPath = names.path(index)
            // Known before it is there: whoever ends the process at any moment removes it.
            unfinished.withLock { _ = $0.insert(partialPath) }
            do throws(EncodeError) {
                if let descriptor = try create(partialPath, for: path) { return (descriptor, partialPath) }
            } catch {
                unfinished.withLock { _ = $0.remove(partialPath) }
                throw error
            }
            unfinished.withLock { _ = $0.remove(partialPath) }
        }
        throw .cannotCreate(path: path, errno: EEXIST)
    }

    /// Makes an empty file under a lock; nil where there is one already.
    private static func create(_ partialPath: String, for path: String) throws(EncodeError) -> Int32? {
        while true {
            let descriptor = open(partialPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else {
                if errno == EEXIST { return nil }
                throw .cannotCreate(path: path, errno: errno)
            }
            // Who clears leftovers away may hold the lock for a moment, and then the file is gone.
            while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
            if isAt(partialPath, descriptor) { return descriptor }
            close(descriptor)
        }
    }

    /// Whether the open file is what lies at `path`.
    private static func isAt(_ path: String, _ descriptor: Int32) -> Bool {
        var (open, found) = (stat(), stat())
        return fstat(descriptor, &open) == 0 && lstat(path, &found) == 0 && open.st_dev == found.st_dev
            && open.st_ino == found.st_ino
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
        try touch()
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

    /// Empties a file that is written in place, before anything else is done to it.
    private func touch() throws(EncodeError) {
        guard partialPath == nil, !isTouched else { return }
        isTouched = true
        guard ftruncate(descriptor, 0) == 0 else { throw .cannotWrite(path: path, errno: errno) }
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
        if partialPath == nil { try touch() }
        if durable {
            guard fsync(descriptor) == 0 else { throw .cannotWrite(path: path, errno: errno) }
        }
        if let partialPath { try rename(from: partialPath, durable: durable) }
        let file = descriptor
        descriptor = -1
        guard close(file) == 0 else { throw .cannotWrite(path: path, errno: errno) }
        if durable, partialPath != nil { Self.synchronize(folder: folder) }
    }

    /// Gives the temporary file its name, or where that cannot be done its bytes to the file of that name.
    private func rename(from partialPath: String, durable: Bool) throws(EncodeError) {
        if Imaging.rename(partialPath, path) == 0 {
            Self.unfinished.withLock { _ = $0.remove(partialPath) }
            return
        }
        let code = errno
        switch code {
        case ENOENT where !Self.isAt(partialPath, descriptor):
            // Somebody cleaned up, but what was written is still there.
            let fresh = try PartialFile(path: path)
            try copy(to: fresh)
            try fresh.commit(durable: durable)
        case EBUSY, EPERM, EACCES:
            // It became a mount point, or another's, meanwhile.
            guard access(path, W_OK) == 0, let target = try? Self.openInPlace(path) else {
                throw .cannotWrite(path: path, errno: code)
            }
            let file = PartialFile(inPlace: target, path: path, folder: folder)
            try copy(to: file)
            try file.commit(durable: durable)
            unlink(partialPath)
        default: throw .cannotWrite(path: path, errno: code)
        }
        Self.unfinished.withLock { _ = $0.remove(partialPath) }
    }

    private init(inPlace descriptor: Int32, path: String, folder: String) {
        self.path = path
        self.folder = folder
        self.descriptor = descriptor
    }

    private func copy(to other: PartialFile) throws(EncodeError) {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { chunk.deallocate() }
        var offset = 0
        while true {
            let count = pread(descriptor, chunk.baseAddress, chunk.count, offset)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .cannotWrite(path: path, errno: errno) }
            guard count > 0 else { return }
            try other.write(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
            offset += count
        }
    }

    /// Removes the temporary file, or empties a file that was to be written in place. Harmless after `commit`.
    public func abandon() {
        guard descriptor >= 0 else { return }
        if let partialPath {
            // Not what somebody else put there meanwhile.
            if Self.isAt(partialPath, descriptor) { unlink(partialPath) }
            Self.unfinished.withLock { _ = $0.remove(partialPath) }
        } else if isTouched {
            ftruncate(descriptor, 0)
        }
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

    /// Where a symbolic link leads, be something there or not; else `path` itself.
    private static func followed(_ path: String) -> String {
        var path = path
        // As many as the system follows.
        for _ in 0..<40 {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
            if let real = realPath(path) { return real }
            var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let count = path.withPath { readlink($0, &bytes, bytes.count) }
            guard count > 0, count < bytes.count else { return path }
            let target = PathBytes.text(bytes[..<count])
            path = target.hasPrefix("/") ? target : PartialName(path: path).folder + "/" + target
        }
        return path
    }

    /// Removes the temporary files in `folder` of names that begin with `prefix`, where their writers died.
    public static func removeLeftovers(in folder: String, prefix: String) {
        removeLeftovers(in: folder) { $0.hasPrefix("." + prefix) && PartialName.isPartial($0) }
    }

    /// Removes files whose lock nobody holds: what their writers left when they died.
    private static func removeLeftovers(in folder: String, where matches: (String) -> Bool) {
        guard let directory = opendir(folder) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = name(of: entry)
            guard matches(name) else { continue }
            let path = (folder == "/" ? "" : folder) + "/" + name
            let file = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            guard file >= 0 else { continue }
            if flock(file, LOCK_EX | LOCK_NB) == 0, isAt(path, file) { unlink(path) }
            close(file)
        }
    }
}
