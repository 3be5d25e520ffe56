import CThreads
import Glibc

/// Says so, and ends the process with status 71, where it aborts or crashes for want of memory.
///
/// What we allocate in large blocks is checked where it is allocated. Swift's own allocations (arrays, strings, objects)
/// and those of C++ libraries cannot be: they call `abort`, whose message names a number of bytes and nothing that helps,
/// or themselves fail while they write it. C libraries use what they did not get.
enum OutOfMemory {
    private static let message: StaticString = """
        segmentd: out of memory: the system gives no more to this process; allow more, with ulimit -v, MemoryMax= or \
        LimitAS= of the unit, or a container's --memory, or use a smaller --size (size: in config.yaml) or fewer cameras

        """

    /// Takes SIGABRT, SIGILL, SIGTRAP, and SIGSEGV at a null pointer: any other reason for them ends the process as
    /// always, with a core file where they are wanted.
    static func install() {
        message.withUTF8Buffer { bytes in
            // A static string: it lies in the program for as long as it runs, and ends with a zero byte.
            let text = UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
            memory_shortage_tell(text, ExitStatus.osError.rawValue)
        }
    }

    /// Whether the system would give the process no memory to speak of.
    static var isShort: Bool { memory_is_short(64 << 20) }

    /// Writes the message.
    static func tell() { write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount) }
}
