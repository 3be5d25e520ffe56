import Glibc

/// What this process uses of the machine.
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

    enum CodingKeys: String, CodingKey {
        case pid, fds, threads
        case rssBytes = "rss_bytes"
        case cpuSeconds = "cpu_s"
    }

    /// What the process uses now; 0 where /proc does not tell.
    public static func now() -> ProcessUsage {
        let fields = (text("/proc/self/statm") ?? "").split(separator: " ")
        let pages = fields.count > 1 ? Int(fields[1]) ?? 0 : 0
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        let fraction = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        return ProcessUsage(
            pid: getpid(), rssBytes: pages * sysconf(Int32(_SC_PAGESIZE)), fds: count(in: "/proc/self/fd"),
            threads: count(in: "/proc/self/task"), cpuSeconds: seconds + fraction)
    }

    /// Entries of a folder, without the descriptor that it is read through.
    private static func count(in folder: String) -> Int {
        guard let directory = opendir(folder) else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            // "." and ".." are the names that start with a dot.
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return folder.hasSuffix("/fd") ? max(0, count - 1) : count
    }

    private static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
