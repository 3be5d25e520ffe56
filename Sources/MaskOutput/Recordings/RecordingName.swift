import Glibc

/// The names of a recording's files: `front.mkv` stands for `front_20261123T083015.250Z.mkv` and its like, the time being
/// that of the first frame in UTC, so that names sort as the files were written.
struct RecordingName: Hashable, Sendable {
    /// The names of one file.
    struct File: Hashable, Sendable {
        /// Where it lies when it is whole.
        let finished: String
        /// Where it lies before that; playable, and left there if the process dies.
        let unfinished: String
        /// Its index, a line a frame.
        let index: String
    }

    /// The folder, without a slash at its end; `.` for the one the process is in.
    let folder: String
    private let stem: String
    private let suffix: String

    /// The names for a recording that is configured as `path`, which ends in an extension.
    init(path: String) {
        let slash = path.lastIndex(of: "/")
        folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
        let dot = name.lastIndex(of: ".") ?? name.endIndex
        stem = String(name[..<dot]) + "_"
        suffix = String(name[dot...])
    }

    /// The names of the file whose first frame was captured so many nanoseconds after the epoch.
    func file(began epochNanoseconds: Int64) -> File { file(stamp: Self.stamp(epochNanoseconds)) }

    /// Bytes of the longest name of a file, without the folder.
    var longest: Int {
        let file = file(began: 0)
        return [file.finished, file.unfinished, file.index].map { $0.utf8.count }.reduce(0, max) - folder.utf8.count
    }

    private func file(stamp: String) -> File {
        let base = (folder == "/" ? "" : folder) + "/" + stem + stamp
        return File(finished: base + suffix, unfinished: base + ".unfinished" + suffix, index: base + suffix + ".jsonl")
    }

    /// What a name in the folder is to this recording; nil where it is none of its files, or an index.
    func recognize(_ name: String) -> (file: File, isFinished: Bool)? {
        guard name.hasPrefix(stem), name.hasSuffix(suffix), name.utf8.count > stem.utf8.count + suffix.utf8.count
        else { return nil }
        var middle = name.dropFirst(stem.count).dropLast(suffix.count)
        let isFinished = !middle.hasSuffix(".unfinished")
        if !isFinished { middle = middle.dropLast(".unfinished".count) }
        guard Self.isStamp(middle) else { return nil }
        return (file(stamp: String(middle)), isFinished)
    }

    /// `20261123T083015.250Z`.
    static func stamp(_ epochNanoseconds: Int64) -> String {
        let milliseconds = epochNanoseconds / 1_000_000
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int, _ count: Int) -> String {
            let text = "\(max(0, number))"
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return digits(Int(parts.tm_year) + 1900, 4) + digits(Int(parts.tm_mon) + 1, 2) + digits(Int(parts.tm_mday), 2)
            + "T" + digits(Int(parts.tm_hour), 2) + digits(Int(parts.tm_min), 2) + digits(Int(parts.tm_sec), 2) + "."
            + digits(Int(milliseconds % 1000), 3) + "Z"
    }

    private static func isStamp(_ text: Substring) -> Bool {
        let pattern = "00000000T000000.000Z"
        return text.utf8.count == pattern.utf8.count
            && zip(text.utf8, pattern.utf8).allSatisfy { byte, wanted in
                wanted == UInt8(ascii: "0") ? (0x30...0x39).contains(byte) : byte == wanted
            }
    }
}
