import Glibc

/// The names of a file's temporary neighbour: `.NAME.partial-PID`, and `.NAME.partial-PID-1` and so on where that is taken.
/// Where NAME is so long that they would be longer than the file system allows, its end is replaced by a checksum of it.
struct PartialName {
    /// The folder; `.` for the one the process is in.
    let folder: String
    /// What all of them begin with.
    let prefix: String

    /// Bytes that the longest ending has: a process id, a dash and two digits.
    private static let longestEnding = 13

    /// The names for the file `path`.
    init(path: String) {
        let slash = path.lastIndex(of: "/")
        folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        let limit = pathconf(folder, Int32(_PC_NAME_MAX))
        let room = (limit > 0 ? limit : 255) - Self.longestEnding - ".".utf8.count - ".partial-".utf8.count
        prefix = ".\(Self.shortened(name, to: room)).partial-"
    }

    /// The `index`th name, from 0.
    func path(_ index: Int) -> String {
        (folder == "/" ? "" : folder) + "/\(prefix)\(getpid())" + (index == 0 ? "" : "-\(index)")
    }

    /// Whether `name`, of a file in the folder, is one of these names, of whichever process.
    func matches(_ name: String) -> Bool {
        name.hasPrefix(prefix) && name.dropFirst(prefix.count).allSatisfy { $0.isNumber || $0 == "-" }
    }

    /// Whether `name` is that of a temporary file, of whichever file.
    static func isPartial(_ name: String) -> Bool {
        guard name.hasPrefix("."), let mark = name.lastIndex(where: { !$0.isNumber && $0 != "-" }) else { return false }
        let ending = name[mark...].dropFirst()
        return name[...mark].hasSuffix(".partial") && ending.hasPrefix("-") && ending.count > 1
    }

    private static func shortened(_ name: Substring, to room: Int) -> String {
        guard name.utf8.count > room else { return String(name) }
        // FNV-1a: the names of one process must differ, no more.
        let sum = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let ending = "~" + String(sum, radix: 16)
        var kept = name.prefix(max(0, room - ending.utf8.count))
        while kept.utf8.count + ending.utf8.count > room, !kept.isEmpty { kept.removeLast() }
        return kept + ending
    }
}
