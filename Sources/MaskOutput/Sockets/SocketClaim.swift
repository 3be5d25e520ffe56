import Glibc
import Imaging
import Synchronization

/// A listening socket at a path that is ours alone.
///
/// A lock on `.NAME.lock` beside it says whose the path is; the socket appears under its name only when it listens and
/// has its mode. A socket file that nobody listens to is cleared away; another process's is never touched.
///
/// A socket that systemd opened and handed over is served as it is: its file, its mode and its end are systemd's.
///
/// Made by whoever opens the socket, then used by the server's thread alone.
final class SocketClaim: @unchecked Sendable {
    /// The path.
    let path: String
    /// The listening descriptor, non-blocking; another one after `restoreFile`.
    private(set) var descriptor: Int32
    private var file: OwnFile?
    private var isClosed = false

    /// The socket file that is ours, and the lock that says so.
    private struct OwnFile {
        let lock: Int32
        let lockPath: String
        let identity: (dev_t, ino_t)
        /// As last seen: `restrict` may change them.
        var mode: mode_t
        var group: gid_t

        init(lock: Int32, lockPath: String, status: stat) {
            (self.lock, self.lockPath) = (lock, lockPath)
            (identity, mode, group) = ((status.st_dev, status.st_ino), status.st_mode & 0o7777, status.st_gid)
        }

        func isSame(as status: stat) -> Bool { status.st_dev == identity.0 && status.st_ino == identity.1 }
    }

    /// What became of a socket's file.
    enum FileState: Equatable {
        /// It is there, or it is not ours to look after.
        case present
        /// It had been removed, and was made again.
        case restored
        /// It was removed or replaced, and cannot be made again for now.
        case lost(OutputError)
    }

    /// Claims `path`: makes the folder if it is not there, takes the lock, clears a stale socket, listens.
    init(path: String, mode: mode_t, group: String?) throws(OutputError) {
        guard path.utf8.count <= UnixSocket.pathLimit else {
            throw .socketPathTooLong(path: path, limit: UnixSocket.pathLimit)
        }
        self.path = path
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { String(path[...$0]) } ?? "./"
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        guard !name.isEmpty else { throw .notASocket(path: path) }
        try Self.makeFolder(folder, for: path)
        let lockPath = folder + ".\(name).lock"
        let lock = try Self.takeLock(lockPath, for: path)
        do throws(OutputError) {
            try Self.clear(path)
            let (descriptor, status) = try Self.listen(at: path, temporary: folder + Self.temporaryName()) {
                temporary throws(OutputError) in
                try Self.restrict(path: temporary, mode: mode, group: group)
            }
            self.descriptor = descriptor
            file = OwnFile(lock: lock, lockPath: lockPath, status: status)
        } catch {
            unlink(lockPath)
            Glibc.close(lock)
            throw error
        }
    }

    /// Serves the listening socket `inherited`, called `path` in messages. It stays open for whoever handed it over.
    init(path: String, inherited: Int32) throws(OutputError) {
        self.path = path
        file = nil
        descriptor = fcntl(inherited, F_DUPFD_CLOEXEC, 3)
        guard descriptor >= 0 else { throw .socket(path: path, step: "taking it over", errno: errno) }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    /// Stops listening and removes the socket file, if it is still ours, and the lock.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(descriptor)
        guard let file else { return }
        var status = stat()
        if lstat(path, &status) == 0, file.isSame(as: status) { unlink(path) }
        if Self.isThere(file.lock, at: file.lockPath) { unlink(file.lockPath) }
        Glibc.close(file.lock)
    }

    /// Makes the socket's file again where it was removed (a folder that was cleaned, a file system that was unmounted):
    /// nobody could connect any more. Who is connected stays. What is not ours is never touched.
    func restoreFile() -> FileState {
        guard !isClosed, var file else { return .present }
        var status = stat()
        if lstat(path, &status) == 0, file.isSame(as: status) {
            (file.mode, file.group) = (status.st_mode & 0o7777, status.st_gid)
            self.file = file
            return .present
        }
        do throws(OutputError) {
            try listenAgain(instead: file)
            return .restored
        } catch {
            return .lost(error)
        }
    }

    private func listenAgain(instead file: OwnFile) throws(OutputError) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
        try Self.makeFolder(folder, for: path)
        let hasLock = Self.isThere(file.lock, at: file.lockPath)
        let lock = hasLock ? file.lock : try Self.takeLock(file.lockPath, for: path)
        do throws(OutputError) {
            try Self.clear(path)
            let (descriptor, status) = try Self.listen(at: path, temporary: folder + Self.temporaryName()) {
                temporary throws(OutputError) in
                guard chown(temporary, uid_t.max, file.group) == 0, chmod(temporary, file.mode) == 0 else {
                    throw .socket(path: path, step: "giving it its permissions", errno: errno)
                }
            }
            Glibc.close(self.descriptor)
            if !hasLock { Glibc.close(file.lock) }
            self.descriptor = descriptor
            self.file = OwnFile(lock: lock, lockPath: file.lockPath, status: status)
        } catch {
            if !hasLock {
                unlink(file.lockPath)
                Glibc.close(lock)
            }
            throw error
        }
    }

    /// Whether the file that is open as `descriptor` is the one at `path`.
    private static func isThere(_ descriptor: Int32, at path: String) -> Bool {
        var ours = stat()
        var there = stat()
        return fstat(descriptor, &ours) == 0 && lstat(path, &there) == 0 && ours.st_ino == there.st_ino
            && ours.st_dev == there.st_dev
    }

    /// Changes the permissions of a socket file of ours. Throws `OutputError` where the system refuses.
    static func restrict(path: String, mode: mode_t, group: String?) throws(OutputError) {
        if let group {
            let number = try groupNumber(group, for: path)
            guard chown(path, uid_t.max, number) == 0 else {
                throw .socket(path: path, step: "giving it to the group \(group)", errno: errno)
            }
        }
        guard chmod(path, mode) == 0 else { throw .socket(path: path, step: "chmod", errno: errno) }
    }

    /// The number of the group `name`, which the socket at `path` is to get. Throws where there is no such group.
    static func groupNumber(_ name: String, for path: String) throws(OutputError) -> gid_t {
        guard let entry = getgrnam(name) else { throw .unknownGroup(name: name, path: path) }
        return entry.pointee.gr_gid
    }

    private static let count = Atomic<UInt32>(0)

    /// A short name that no other claim has, of this process or another.
    private static func temporaryName() -> String {
        ".\(getpid()).\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    private static func makeFolder(_ folder: String, for path: String) throws(OutputError) {
        var partial = ""
        for part in folder.split(separator: "/", omittingEmptySubsequences: false).dropLast() {
            partial += part + "/"
            if partial == "/" { continue }
            if mkdir(partial, 0o755) == 0 {
                // The sockets' own permissions say who may connect, not the umask, under which nobody else may get here.
                guard chmod(partial, 0o755) == 0 else {
                    throw .socket(path: path, step: "opening the folder \(partial) to others", errno: errno)
                }
                continue
            }
            var status = stat()
            let code = errno
            let isThere = stat(partial, &status) == 0
            guard isThere, status.st_mode & S_IFMT == S_IFDIR else {
                throw .socket(
                    path: path, step: "making the folder \(partial)", errno: isThere || code == EEXIST ? ENOTDIR : code)
            }
        }
    }

    private static func takeLock(_ lockPath: String, for path: String) throws(OutputError) -> Int32 {
        // The former owner removes the file it holds locked: a lock counts only on the file that is there now.
        for _ in 0..<100 {
            let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
            guard lock >= 0 else { throw .socket(path: path, step: "opening the lock \(lockPath)", errno: errno) }
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
                let owner = readOwner(lock)
                Glibc.close(lock)
                throw .socketInUse(path: path, pid: owner)
            }
            if isThere(lock, at: lockPath) {
                let text = Array("\(getpid())\n".utf8)
                ftruncate(lock, 0)
                pwrite(lock, text, text.count, 0)
                return lock
            }
            Glibc.close(lock)
        }
        throw .socketInUse(path: path, pid: nil)
    }

    private static func readOwner(_ lock: Int32) -> Int32? {
        var text = [UInt8](repeating: 0, count: 16)
        let count = pread(lock, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: text.prefix(count).prefix { $0 != 10 }, as: UTF8.self))
    }

    /// Makes sure that nobody listens at `path`; a stale socket is left to be replaced.
    private static func clear(_ path: String) throws(OutputError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else { throw .socket(path: path, step: "looking at it", errno: errno) }
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let probe = UnixSocket.make()
        guard probe >= 0 else { throw .socket(path: path, step: "socket", errno: errno) }
        defer { Glibc.close(probe) }
        let result = UnixSocket.withAddress(path) { connect(probe, $0, $1) }
        let code = errno
        if result == 0 || code == EAGAIN || code == EINPROGRESS {
            // Nobody but the listener's own process answers; its peer credentials name it.
            throw .socketInUse(path: path, pid: result == 0 ? SocketPeer(of: probe).pid : nil)
        }
        // EPROTOTYPE: somebody has a socket of another type there. EACCES: we cannot tell.
        guard code == ECONNREFUSED || code == ENOENT else {
            throw .socket(path: path, step: "finding out whether somebody listens there", errno: code)
        }
    }

    /// Listens at `path`, with the permissions that `permit` gives the file before it has that name.
    private static func listen(
        at path: String, temporary: String, permit: (_ temporary: String) throws(OutputError) -> Void
    ) throws(OutputError) -> (Int32, stat) {
        guard temporary.utf8.count <= UnixSocket.pathLimit else {
            throw .socketPathTooLong(path: path, limit: UnixSocket.pathLimit - temporary.utf8.count + path.utf8.count)
        }
        let descriptor = UnixSocket.make()
        guard descriptor >= 0 else { throw .socket(path: path, step: "socket", errno: errno) }
        unlink(temporary)
        do throws(OutputError) {
            guard UnixSocket.withAddress(temporary, { bind(descriptor, $0, $1) }) == 0 else {
                throw .socket(path: path, step: "bind", errno: errno)
            }
            try permit(temporary)
            guard Glibc.listen(descriptor, 64) == 0 else { throw .socket(path: path, step: "listen", errno: errno) }
            var status = stat()
            guard lstat(temporary, &status) == 0, rename(temporary, path) == 0 else {
                throw .socket(path: path, step: "naming it", errno: errno)
            }
            return (descriptor, status)
        } catch {
            unlink(temporary)
            Glibc.close(descriptor)
            throw error
        }
    }
}
