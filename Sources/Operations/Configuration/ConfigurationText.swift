import Glibc
import MediaIO

/// Reads the text of a configuration file.
enum ConfigurationText {
    /// No configuration is longer than this; what is was named by mistake.
    private static let longest = 1 << 20
    /// How long a pipe may take to deliver it.
    private static let patienceMilliseconds: Int32 = 5000

    /// The text of the file at `path`, without a byte order mark and with every line end a line feed.
    ///
    /// - Throws: `ConfigurationFileError` where it cannot be read, `ConfigurationError` where it is no text.
    static func read(_ path: String) throws -> String {
        let bytes = try bytes(of: path)
        guard bytes.count <= longest else {
            throw unusable(path, "longer than \(longest >> 20) MiB, which is no configuration")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw unusable(path, "this is UTF-16 text; save it as UTF-8")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let line = line(ofInvalid: bytes)
            throw unusable(path, "not UTF-8 text; save it as UTF-8", line: line)
        }
        return text
    }

    private static func bytes(of path: String) throws -> [UInt8] {
        // A named pipe that nobody writes to would keep an open waiting for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ConfigurationFileError(path: path, code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var isPipe = false
        var facts = stat()
        if fstat(descriptor, &facts) == 0 { isPipe = facts.st_mode & S_IFMT == S_IFIFO }
        while bytes.count <= longest {
            if isPipe, bytes.isEmpty { try wait(for: descriptor, path: path) }
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                try wait(for: descriptor, path: path)
                continue
            }
            guard count >= 0 else { throw ConfigurationFileError(path: path, code: errno) }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// Waits until a pipe has something to read, or has ended.
    private static func wait(for descriptor: Int32, path: String) throws {
        var wish = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let ready = poll(&wish, 1, patienceMilliseconds)
        if ready < 0, errno != EINTR { throw ConfigurationFileError(path: path, code: errno) }
        if ready == 0 {
            throw unusable(path, "nothing came from it for \(patienceMilliseconds / 1000) s; expected a file")
        }
    }

    private static func line(ofInvalid bytes: [UInt8]) -> Int {
        var line = 1
        for part in bytes.split(separator: 10, omittingEmptySubsequences: false) {
            if String(validating: part, as: UTF8.self) == nil { return line }
            line += 1
        }
        return 0
    }

    private static func unusable(_ path: String, _ message: String, line: Int = 0) -> ConfigurationError {
        ConfigurationError(
            problems: [
                ConfigurationProblem(file: path, line: line, column: line > 0 ? 1 : 0, key: "", message: message)
            ])
    }

    /// `text` without a byte order mark and with every line end a line feed, which is what lines are counted by.
    static func plain(_ text: String) -> String {
        var scalars: [UnicodeScalar] = []
        var wasReturn = false
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index == 0, scalar == "\u{FEFF}" { continue }
            if !(wasReturn && scalar == "\n") { scalars.append(scalar == "\r" ? "\n" : scalar) }
            wasReturn = scalar == "\r"
        }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }
}
