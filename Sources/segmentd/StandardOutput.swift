import Glibc
import MaskOutput

/// Where results go; the program that reads them may leave early, and a file may have no room.
enum StandardOutput {
    private static let name = "standard output"

    /// Writes all of `bytes`, after what was printed before.
    static func write(_ bytes: some Sequence<UInt8>) throws(OutputError) {
        let code = send(bytes)
        guard code != 0 else { return }
        throw isReaderGone(code) ? .readerGone(output: name) : .write(output: name, errno: code)
    }

    /// Writes `text`; false where the reader has left, who has seen what it wanted.
    static func show(_ text: String) throws(OutputError) -> Bool {
        let code = send(text.utf8)
        guard code != 0 else { return true }
        guard isReaderGone(code) else { throw .write(output: name, errno: code) }
        return false
    }

    /// Writes what was printed and waits in memory. A reader that left early has seen what it wanted.
    static func flush() throws(OutputError) {
        guard fflush(nil) != 0 else { return }
        let code = errno
        guard !isReaderGone(code) else { return }
        throw .write(output: name, errno: code)
    }

    /// The error number of what failed; 0 for nothing.
    private static func send(_ bytes: some Sequence<UInt8>) -> Int32 {
        guard fflush(nil) == 0 else { return errno }
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            let code = errno
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if code == EAGAIN {
                var poll = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                Glibc.poll(&poll, 1, -1)
            } else if code != EINTR {
                return code
            }
        }
        return 0
    }

    private static func isReaderGone(_ code: Int32) -> Bool { code == EPIPE || code == ECONNRESET }
}
