import Glibc
import Imaging

/// The bytes of a file, read where they are wanted. It is closed with this object.
final class FileBytes {
    private let descriptor: Int32
    private let path: String
    /// How many there are.
    let count: Int

    /// Opens the regular file at `path`.
    ///
    /// - Throws: `MediaError` where it cannot be opened, or is no regular file.
    init(path: String) throws(MediaError) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.failure("open", path, errno) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else {
            let code = errno
            close(descriptor)
            throw Self.failure("open", path, code)
        }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw MediaError(
                .invalidData, "open", path, reason: "it is no file", hint: "give a file with a picture in it")
        }
        count = Int(facts.st_size)
    }

    deinit { close(descriptor) }

    /// The bytes from `place` on, `count` of them or what is there up to the end.
    func bytes(at place: Int, count wanted: Int) throws(MediaError) -> [UInt8] {
        guard place >= 0, wanted > 0, place < count else { return [] }
        var bytes = [UInt8](repeating: 0, count: min(wanted, count - place))
        var done = 0
        while done < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(place + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Self.failure("read", path, errno) }
            guard got > 0 else { break }
            done += got
        }
        return Array(bytes.prefix(done))
    }

    private static func failure(_ action: String, _ path: String, _ code: Int32) -> MediaError {
        MediaError(MediaError.kind(of: -code), action, path, reason: String(cString: strerror(code)))
    }
}
