import Glibc

/// The system does not give the process a thread that it needs.
public struct ThreadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What the thread is for.
    public let name: String
    /// How many were asked for.
    public let count: Int
    /// What `pthread_create` answered: EAGAIN where a limit is reached.
    public let errno: Int32
    /// The threads that the process has.
    public let threads: Int
    /// Processes and threads that the user may have (`ulimit -u`); nil where there is no limit.
    public let userLimit: UInt64?
    /// Bytes of address space that the process may have (`ulimit -v`); nil where there is no limit.
    public let addressSpace: UInt64?

    /// What is known of a failure now: `count` threads for `name`.
    public init(name: String, count: Int = 1, errno: Int32) {
        self.init(
            name: name, count: count, errno: errno, threads: Self.threadsNow(), userLimit: Self.limit(__RLIMIT_NPROC),
            addressSpace: Self.limit(RLIMIT_AS))
    }

    /// A failure with all its facts.
    public init(
        name: String, count: Int = 1, errno: Int32, threads: Int, userLimit: UInt64?, addressSpace: UInt64?
    ) {
        self.name = name
        self.count = count
        self.errno = errno
        self.threads = threads
        self.userLimit = userLimit
        self.addressSpace = addressSpace
    }

    /// One sentence: what, why, what was found, and what to do.
    public var description: String {
        let what = count == 1 ? "a thread" : "\(count) threads"
        var found = ["the process got \(threads) thread\(threads == 1 ? "" : "s")"]
        if let userLimit { found.append("its user may have \(userLimit) processes and threads (ulimit -u)") }
        if let addressSpace { found.append("its address space is limited to \(addressSpace >> 10) KiB (ulimit -v)") }
        return
            "cannot start \(what) for \(name): \(String(cString: strerror(errno))); \(found.joined(separator: ", "));"
            + " allow more: TasksMax= in the unit, pids.max of the cgroup (a container's --pids-limit), ulimit -u"
            + (addressSpace == nil ? "" : ", ulimit -v")
    }

    /// The threads that the process has. Takes no descriptor: it is asked for when something has run out.
    public static func threadsNow() -> Int {
        // Two links are the folder's own.
        var status = stat()
        guard stat("/proc/self/task", &status) == 0, status.st_nlink > 2 else { return 1 }
        return Int(status.st_nlink) - 2
    }

    private static func limit(_ resource: __rlimit_resource) -> UInt64? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur != .max else { return nil }
        return UInt64(limit.rlim_cur)
    }
}
