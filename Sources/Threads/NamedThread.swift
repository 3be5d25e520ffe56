import CThreads
import Glibc
import Synchronization

/// A thread with a name that `top -H` and a debugger show: for all work that lives long or blocks.
///
/// Such work does not go to Dispatch or to the concurrency pool: both have few threads, and where those block, or cannot
/// be made, the rest of the program waits for ever without a word. Here a thread that cannot be made is an error at once.
///
/// - `NamedThread("sockets") { loop.run() }`: one thread.
/// - `ThreadCrew.start`: several that need each other, all or none, and a completion when all have ended.
/// - `SerialWorker("rec front")`: work one after the other, in place of a serial `DispatchQueue`.
public final class NamedThread: Sendable {
    /// Bytes of stack unless another size is asked for: enough for FFmpeg's codecs, and little enough for hundreds of
    /// threads under a limit of address space (`ulimit -v`).
    public static let stackBytes = 1 << 20

    /// Gives threads that libraries make from now on without asking for a size the same stack as ours.
    public static func setDefaultStack() { _ = threads_set_default_stack(stackBytes) }

    /// Bytes of a name that the kernel keeps.
    private static let longestName = 15

    private final class Start: Sendable {
        let name: String
        let niceness: Int32
        let body: @Sendable () -> Void

        init(name: String, niceness: Int32, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.niceness = niceness
            self.body = body
        }
    }

    private static let attempts = 3

    private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        guard let argument else { return nil }
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        threads_name_self(start.name)
        // Linux: of this thread alone.
        if start.niceness != 0 { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, start.niceness) }
        start.body()
        return nil
    }

    /// Nil once the thread was joined. Tests send signals to it.
    let thread: Mutex<pthread_t?>

    /// Starts a thread that runs `body` and ends. Nobody has to keep or join it.
    ///
    /// `name` is cut to 15 bytes, so what tells threads apart comes first. `niceness` above 0 lets other threads go
    /// first (5 for work that nobody waits for). The caller's signal mask is inherited.
    @discardableResult
    public init(
        _ name: String, stackBytes: Int = NamedThread.stackBytes, niceness: Int32 = 0,
        _ body: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        let refused = pthread_attr_setstacksize(&attributes, stackBytes)
        guard refused == 0 else { throw ThreadError(name: name, errno: refused) }
        let start = Unmanaged.passRetained(Start(name: Self.cut(name), niceness: niceness, body: body))
        var thread = pthread_t()
        var failed: Int32 = 0
        for attempt in 0..<Self.attempts {
            // A thread that has just ended may still be counted.
            if attempt > 0 { usleep(10_000) }
            failed = pthread_create(&thread, &attributes, Self.main, start.toOpaque())
            guard failed == EAGAIN else { break }
        }
        guard failed == 0 else {
            start.release()
            throw ThreadError(name: name, errno: failed)
        }
        self.thread = Mutex(thread)
    }

    deinit {
        if let thread = thread.withLock({ $0 }) { pthread_detach(thread) }
    }

    /// Returns when the thread has ended; a second call returns at once. Not for the thread itself.
    public func join() {
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let thread { pthread_join(thread, nil) }
    }

    /// `name` without what the kernel would not take; a character is kept whole.
    static func cut(_ name: String) -> String {
        var bytes = 0
        return String(
            name.prefix { character in
                bytes += character.utf8.count
                return bytes <= longestName
            })
    }
}
