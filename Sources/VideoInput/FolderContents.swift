import Glibc
import Imaging
import MediaIO

/// The names in a folder in natural order.
package struct FolderContents {
    /// Files.
    let files: [String]
    /// Folders, and links to folders.
    let folders: [String]
    /// What is neither, hidden, or cannot be reached.
    let leftOut: [LeftOut]

    /// Lists the folder at `path`.
    ///
    /// - Throws: `MediaError` where it cannot be listed.
    init(path: String) throws(MediaError) {
        guard let directory = opendir(path) else {
            let code = errno
            throw MediaError(
                MediaError.kind(of: -code), "open", path, reason: String(cString: strerror(code)),
                hint: code == ENOENT ? "check the path" : nil)
        }
        defer { closedir(directory) }
        var files: [String] = []
        var folders: [String] = []
        var leftOut: [LeftOut] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else { break }
            let name = name(of: entry)
            if name == "." || name == ".." { continue }
            if name.utf8.first == UInt8(ascii: ".") {
                leftOut.append(LeftOut(name, .hidden))
                continue
            }
            var facts = stat()
            guard stat(path + "/" + name, &facts) == 0 else {
                leftOut.append(LeftOut(name, .unreachable, problem: String(cString: strerror(errno))))
                continue
            }
            switch facts.st_mode & S_IFMT {
            case S_IFREG: files.append(name)
            case S_IFDIR: folders.append(name)
            default: leftOut.append(LeftOut(name, .special))
            }
        }
        let code = errno
        guard code == 0 else {
            throw MediaError(MediaError.kind(of: -code), "read", path, reason: String(cString: strerror(code)))
        }
        self.files = files.sorted(by: NaturalOrder.precedes)
        self.folders = folders.sorted(by: NaturalOrder.precedes)
        self.leftOut = leftOut.sorted { NaturalOrder.precedes($0.name, $1.name) }
    }

    /// The files in the folder at `path` and in the folders within it, as paths from there, and what was left out: its
    /// own files first, then those of each folder. Where links lead in a circle it is walked once; the folder at
    /// `excluded` is another's.
    ///
    /// - Throws: `MediaError` where one of the folders cannot be listed.
    package static func all(under path: String, except excluded: String? = nil) throws(MediaError)
        -> (files: [String], leftOut: [LeftOut])
    {
        var seen: Set<FolderIdentity> = []
        if let excluded, let identity = FolderIdentity(path: excluded) { seen.insert(identity) }
        var files: [String] = []
        var leftOut: [LeftOut] = []
        // Folders still to be listed, the next one last.
        var waiting = [""]
        while let prefix = waiting.popLast() {
            let folder = prefix.isEmpty ? path : path + "/" + prefix
            if let identity = FolderIdentity(path: folder), !seen.insert(identity).inserted { continue }
            let contents = try FolderContents(path: folder)
            files += contents.files.map { prefix + $0 }
            leftOut += contents.leftOut.map { $0.under(prefix) }
            waiting += contents.folders.reversed().map { prefix + $0 + "/" }
        }
        return (files, leftOut)
    }
}

/// Which folder it is, by whatever path it was reached.
package struct FolderIdentity: Hashable {
    private let device: UInt
    private let inode: UInt

    /// Nil where there is nothing at `path`.
    package init?(path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        device = UInt(facts.st_dev)
        inode = UInt(facts.st_ino)
    }
}
