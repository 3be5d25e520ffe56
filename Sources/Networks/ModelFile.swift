import Glibc

/// A regular file that is read piece by piece, with every read checked against the length that it had when it was
/// opened.
///
/// It is never mapped into memory: a file that is cut while it is mapped ends the process that reads it (SIGBUS).
final class ModelFile: Sendable {
    /// The file's path.
    let path: String
    /// The file's length in bytes when it was opened.
    let count: Int
    private let descriptor: Int32
    private let modified: (seconds: Int, nanoseconds: Int)

    /// Opens the file at `path`.
    init(path: String) throws(ModelError) {
        // Without O_NONBLOCK a named pipe would be waited for until somebody writes to it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.error(path, "open") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let error = Self.error(path, "examine")
            close(descriptor)
            throw error
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw ModelError(path: path, "is not a regular file; give the path of a .safetensors file")
        }
        self.path = path
        self.descriptor = descriptor
        count = Int(status.st_size)
        modified = (Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec))
    }

    deinit { close(descriptor) }

    private static func error(_ path: String, _ doing: String) -> ModelError {
        ModelError(path: path, "cannot \(doing): \(String(cString: strerror(errno)))")
    }

    /// Fills `target` with the bytes from `offset` on, which must lie inside the file. Throws where the file has become
    /// shorter since it was opened, or cannot be read.
    func read(from offset: Int, into target: UnsafeMutableRawBufferPointer) throws(ModelError) {
        guard offset >= 0, offset <= count, target.count <= count - offset else {
            throw ModelError(
                path: path, "has \(count) bytes, and bytes \(offset) to \(offset + target.count) were asked for")
        }
        var done = 0
        while done < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let some = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if some < 0, errno == EINTR { continue }
            guard some >= 0 else { throw Self.error(path, "read") }
            guard some > 0 else {
                throw ModelError(
                    path: path,
                    "became shorter while it was read: it had \(count) bytes, and ends at byte \(offset + done) now; write it under another name and rename it"
                )
            }
            done += some
        }
    }

    /// The bytes of `range`, which must lie inside the file.
    func bytes(_ range: Range<Int>) throws(ModelError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count)
        var failure: ModelError?
        bytes.withUnsafeMutableBytes { target in
            do throws(ModelError) { try read(from: range.lowerBound, into: target) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Throws where the file was written to since it was opened: what was read may be half of one and half of another.
    func checkUnchanged() throws(ModelError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.error(path, "examine") }
        let now = (Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec))
        guard Int(status.st_size) == count, now == modified else {
            throw ModelError(
                path: path,
                "was written to while it was read; write it under another name and rename it, or load it again")
        }
    }
}
