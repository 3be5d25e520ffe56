import Glibc
import Synchronization
import Threads

/// What this process uses of the machine, and how much of it it may use.
public struct ProcessUsage: Codable, Hashable, Sendable {
    /// The process's id.
    public var pid: Int32
    /// Bytes of memory in use that are not on disk only.
    public var rssBytes: Int
    /// Open file descriptors.
    public var fds: Int
    /// Threads.
    public var threads: Int
    /// Processor time since the start, user and system, in seconds.
    public var cpuSeconds: Double
    /// What is limited, by the limit that is nearest.
    public var limits: [ResourceUse]

    enum CodingKeys: String, CodingKey {
        case pid, fds, threads, limits
        case rssBytes = "rss_bytes"
        case cpuSeconds = "cpu_s"
    }

    /// What the process uses now; 0 where /proc does not tell.
    public static func now() -> ProcessUsage {
        let pages = ProcessFiles.memory().split(separator: " ").map { Int($0) ?? 0 }
        let pageSize = sysconf(Int32(_SC_PAGESIZE))
        let (space, resident) = pages.count > 1 ? (pages[0] * pageSize, pages[1] * pageSize) : (0, 0)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        let fraction = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        let (fds, threads) = (ProcessFiles.descriptors(), ThreadError.threadsNow())
        return ProcessUsage(
            pid: getpid(), rssBytes: resident, fds: fds, threads: threads, cpuSeconds: seconds + fraction,
            limits: limits(fds: fds, threads: threads, resident: resident, space: space))
    }

    private static func limits(fds: Int, threads: Int, resident: Int, space: Int) -> [ResourceUse] {
        var all: [ResourceUse] = []
        func add(_ kind: ResourceUse.Kind, _ used: Int, _ resource: __rlimit_resource, _ setting: String) {
            guard let limit = softLimit(resource) else { return }
            all.append(ResourceUse(kind, used: used, limit: limit, setting: setting))
        }
        add(.descriptors, fds, RLIMIT_NOFILE, "LimitNOFILE= in the unit, ulimit -n")
        // It holds for all processes of the user, of which these are but some.
        add(.threads, threads, __RLIMIT_NPROC, "ulimit -u")
        add(.memory, space, RLIMIT_AS, "LimitAS= in the unit, ulimit -v")
        all += ResourceUse.ofControlGroups(ControlGroup.membership, resident: resident, read: ControlGroup.text)
        return Dictionary(grouping: all, by: \.kind).values.compactMap { uses in
            uses.max { $0.share < $1.share }
        }.sorted { $0.kind.rawValue < $1.kind.rawValue }
    }

    private static func softLimit(_ resource: __rlimit_resource) -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0, limit.rlim_cur < Int.max else {
            return nil
        }
        return Int(limit.rlim_cur)
    }
}

extension ResourceUse {
    /// What the control groups named in `membership` (`/proc/self/cgroup`) limit, for a process with `resident` bytes of
    /// memory. `read` gives the text of a file, nil where there is none.
    public static func ofControlGroups(
        _ membership: String, resident: Int, read: (String) -> String?
    ) -> [ResourceUse] {
        var uses: [ResourceUse] = []
        let pids = ControlGroup.nearest("pids", used: "pids.current", limit: "pids.max", of: membership, read: read)
        if let pids {
            uses.append(
                ResourceUse(
                    .threads, used: pids.used, limit: pids.limit,
                    setting: "TasksMax= in the unit, pids.max of the cgroup (a container's --pids-limit)"))
        }
        // What the group uses is mostly what the kernel keeps of files, and gives up when it is asked to.
        let memory = ControlGroup.nearest("memory", used: nil, limit: "memory.max", of: membership, read: read)
        if let memory {
            uses.append(
                ResourceUse(
                    .memory, used: resident, limit: memory.limit,
                    setting: "MemoryMax= in the unit, memory.max of the cgroup (a container's --memory)"))
        }
        return uses
    }

    /// The part of the limit that is in use.
    var share: Double { limit > 0 ? Double(used) / Double(limit) : 1 }
}

/// Files of /proc that are kept open from the first use on, so that they can be read when no descriptor is left.
private enum ProcessFiles {
    private struct Folder: @unchecked Sendable {
        /// Nil where it cannot be opened.
        var stream: OpaquePointer?
    }

    private static let folder = Mutex(Folder(stream: nil))
    private static let file = Mutex<Int32>(-1)

    /// Open descriptors, without the one that they are counted through.
    static func descriptors() -> Int {
        folder.withLock { folder in
            if folder.stream == nil { folder.stream = opendir("/proc/self/fd") }
            guard let stream = folder.stream else { return 0 }
            rewinddir(stream)
            var count = 0
            while let entry = readdir(stream) {
                // "." and ".." are the names that start with a dot.
                if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
            }
            return max(0, count - 1)
        }
    }

    /// The text of `/proc/self/statm`.
    static func memory() -> String {
        file.withLock { file in
            if file < 0 { file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC) }
            var bytes = [UInt8](repeating: 0, count: 512)
            let count = pread(file, &bytes, bytes.count, 0)
            return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
        }
    }
}
