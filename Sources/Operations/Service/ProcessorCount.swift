import Glibc

/// How many processors this process may use.
public enum ProcessorCount {
    /// Those that the machine has online, that the process's affinity allows, and that the cgroup's quota pays for.
    public static var available: Int {
        var count = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        if let allowed = ControlGroup.text("/proc/self/status").flatMap({ affinity(status: $0) }) {
            count = min(count, allowed)
        }
        if let quota = quota(membership: ControlGroup.membership, read: ControlGroup.text) {
            count = min(count, quota)
        }
        return max(1, count)
    }

    /// How many processors the process's affinity allows, from the text of `/proc/self/status`; nil where it does not
    /// say.
    public static func affinity(status: String) -> Int? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed:") }) else {
            return nil
        }
        let count = line.drop { $0 != ":" }.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count > 0 ? count : nil
    }

    /// The whole processors that the cgroups named in `membership` (`/proc/self/cgroup`) pay for, rounded up; nil
    /// where there is no limit. `read` gives the text of a file, nil where there is none.
    public static func quota(membership: String, read: (String) -> String?) -> Int? {
        ControlGroup.levels("cpu", of: membership).compactMap { level in
            level.isUnified ? unified(level.path, read) : legacy(level.path, read)
        }.min()
    }

    private static func unified(_ path: String, _ read: (String) -> String?) -> Int? {
        for root in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] {
            guard let words = read("\(root)\(path)/cpu.max")?.split(whereSeparator: \.isWhitespace),
                words.count == 2, let quota = Int(words[0]), let period = Int(words[1])
            else { continue }
            return processors(quota: quota, period: period)
        }
        return nil
    }

    private static func legacy(_ path: String, _ read: (String) -> String?) -> Int? {
        for root in ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"] {
            func number(_ name: String) -> Int? {
                read("\(root)\(path)/\(name)")?.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
            }
            guard let quota = number("cpu.cfs_quota_us"), let period = number("cpu.cfs_period_us") else { continue }
            return processors(quota: quota, period: period)
        }
        return nil
    }

    private static func processors(quota: Int, period: Int) -> Int? {
        guard quota > 0, period > 0 else { return nil }
        return max(1, (quota + period - 1) / period)
    }
}
