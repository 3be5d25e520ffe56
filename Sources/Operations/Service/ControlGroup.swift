import Glibc

/// The control groups that the process is in, and what they allow.
enum ControlGroup {
    /// Where a group's files are.
    struct Level: Equatable {
        /// The group, from the root of its tree: `/system.slice/segmentd.service`.
        var path: String
        /// Whether it is of the unified tree (version 2).
        var isUnified: Bool
    }

    /// The text of `/proc/self/cgroup`; empty where there is none.
    static var membership: String { text("/proc/self/cgroup") ?? "" }

    /// The groups of `membership` that have a say in what `controller` limits, each with all above it: every level up to
    /// the root can set a limit; in a container the root is the container's own.
    static func levels(_ controller: String, of membership: String) -> [Level] {
        var levels: [Level] = []
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains(Substring(controller)) else { continue }
            var path = String(parts[2])
            while true {
                levels.append(Level(path: path, isUnified: isUnified))
                guard let slash = path.lastIndex(of: "/"), path.count > 1 else { break }
                path = slash == path.startIndex ? "/" : String(path[..<slash])
            }
        }
        return levels
    }

    /// The limit in the file `limit` that is nearest to being reached, and what the file `used` beside it says; the
    /// lowest limit where `used` is nil. Nil where there is no limit. `read` gives the text of a file.
    static func nearest(
        _ controller: String, used: String?, limit: String, of membership: String,
        read: (String) -> String? = text
    ) -> (used: Int, limit: Int)? {
        func number(_ level: Level, _ name: String) -> Int? {
            let roots =
                level.isUnified ? ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"] : ["/sys/fs/cgroup/\(controller)"]
            for root in roots {
                if let text = read("\(root)\(level.path)/\(name)") {
                    return text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
                }
            }
            return nil
        }
        return levels(controller, of: membership).compactMap { level -> (used: Int, limit: Int)? in
            guard let limit = number(level, limit), limit > 0 else { return nil }
            guard let used else { return (0, limit) }
            return number(level, used).map { ($0, limit) }
        }.min { $0.limit - $0.used < $1.limit - $1.used }
    }

    /// The text of a small file; nil where it cannot be read.
    static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16_384)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
