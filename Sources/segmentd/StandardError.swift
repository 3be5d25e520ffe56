import Glibc
import Imaging
import MediaIO
import Operations
import Synchronization

/// Where people are told what happens; standard output may be carrying video.
enum StandardError {
    /// Whether it is a terminal, where a line can be written over.
    static var isTerminal: Bool {
        isatty(STDERR_FILENO) != 0 && getenv("TERM").map { String(cString: $0) } != "dumb"
    }

    /// Columns of the terminal; 80 where it does not say.
    static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static let writer = Mutex<LogWriter?>(nil)

    /// Has everything written by `writer` from now on: a service does not wait for whoever reads standard error.
    static func use(_ writer: LogWriter) { self.writer.withLock { $0 = writer } }

    /// Writes as one piece, without what looks like a password; bytes of names that are no UTF-8 as `\xE9`.
    static func write(_ text: String) {
        let text = PathBytes.shown(MediaLocation.redacted(text), isText: true)
        guard let writer = writer.withLock({ $0 }) else { return ServiceLog.writeToStandardError(text) }
        writer.write(text)
    }

    /// Waits until what a service wrote has been read, `seconds` at most: for the end of the process.
    static func flush(seconds: Double = 1) { _ = writer.withLock { $0 }?.flush(seconds: seconds) }

    /// Writes a short text unless that would block, as it does where nobody reads what was written before.
    static func writeUnlessBlocked(_ text: String) {
        var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, 0) == 1, entry.revents == Int16(POLLOUT) else { return }
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
