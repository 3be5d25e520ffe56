import Glibc
import Operations

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

    /// Writes as one piece.
    static func write(_ text: String) { ServiceLog.writeToStandardError(text) }
}
