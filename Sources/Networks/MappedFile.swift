import Glibc

/// A file mapped into memory for reading. Every access is checked against its length.
final class MappedFile: @unchecked Sendable {
    /// The file's path.
    let path: String
    /// The file's length in bytes.
    let count: Int
    private let base: UnsafeRawPointer?

    /// Maps the file at `path`.
    init(path: String) throws(ModelError) {
        func fail(_ doing: String) -> ModelError {
            ModelError(path: path, "cannot \(doing): \(String(cString: strerror(errno)))")
        }
        // Without O_NONBLOCK a named pipe would be waited for until somebody writes to it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw fail("open") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw fail("examine") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelError(path: path, "is not a regular file; give the path of a .safetensors file")
        }
        self.path = path
        count = Int(status.st_size)
        guard count > 0 else {
            base = nil
            return
        }
        guard let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), mapped != MAP_FAILED else {
            throw fail("map")
        }
        base = UnsafeRawPointer(mapped)
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
    }

    /// The bytes of `range`, valid inside `body`; nil where the range is not inside the file.
    func withBytes<Result>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        guard range.lowerBound >= 0, range.upperBound <= count, let base else { return nil }
        defer { withExtendedLifetime(self) {} }
        return body(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }
}
