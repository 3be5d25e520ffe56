import Glibc

/// Says so, and ends the process with status 71, where it aborts for want of memory.
///
/// What we allocate in large blocks is checked where it is allocated. Swift's own allocations (arrays, strings, objects)
/// and those of C++ libraries cannot be: they call `abort`, whose message names a number of bytes and nothing that helps.
enum OutOfMemory {
    /// Bytes that a process has which is not short of memory.
    private static let probe = 64 << 20
    private static let message: StaticString = """
        segmentd: out of memory: the system gives no more to this process; allow more, with ulimit -v, MemoryMax= or \
        LimitAS= of the unit, or a container's --memory, or use a smaller --size (size: in config.yaml) or fewer cameras

        """

    /// Takes SIGABRT: any other reason for it ends the process as always, with a core file where they are wanted.
    static func install() {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in OutOfMemory.aborted() }
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
        sigaction(SIGABRT, &action, nil)
    }

    /// Only calls that a signal handler may make.
    private static func aborted() {
        guard isShort else {
            raise(SIGABRT)
            return
        }
        tell()
        _exit(71)
    }

    /// Whether the system would give the process no memory to speak of.
    static var isShort: Bool {
        guard let found = mmap(nil, probe, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            found != MAP_FAILED
        else { return true }
        munmap(found, probe)
        return false
    }

    /// Writes the message.
    static func tell() { write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount) }
}
