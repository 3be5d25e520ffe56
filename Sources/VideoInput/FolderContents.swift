import Glibc
import MediaIO

/// The names in a folder in natural order, hidden ones passed over.
struct FolderContents {
    /// Files.
    let files: [String]
    /// Folders, and links to folders.
    let folders: [String]

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
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var facts = stat()
            guard !name.hasPrefix("."), stat(path + "/" + name, &facts) == 0 else { continue }
            switch facts.st_mode & S_IFMT {
            case S_IFREG: files.append(name)
            case S_IFDIR: folders.append(name)
            default: break
            }
        }
        self.files = files.sorted(by: NaturalOrder.precedes)
        self.folders = folders.sorted(by: NaturalOrder.precedes)
    }

    /// The files in the folder at `path` and in the folders within it, as paths from there: its own files first, then
    /// those of each folder. Where links lead in a circle it is walked once; the folder at `excluded` is left out.
    ///
    /// - Throws: `MediaError` where one of the folders cannot be listed.
    static func allFiles(under path: String, except excluded: String? = nil) throws(MediaError) -> [String] {
        var seen: Set<FolderIdentity> = []
        if let excluded, let identity = FolderIdentity(path: excluded) { seen.insert(identity) }
        var found: [String] = []
        // Folders still to be listed, the next one last.
        var waiting = [""]
        while let prefix = waiting.popLast() {
            let folder = prefix.isEmpty ? path : path + "/" + prefix
            if let identity = FolderIdentity(path: folder), !seen.insert(identity).inserted { continue }
            let contents = try FolderContents(path: folder)
            found += contents.files.map { prefix + $0 }
            waiting += contents.folders.reversed().map { prefix + $0 + "/" }
        }
        return found
    }
}

/// Which folder it is, by whatever path it was reached.
struct FolderIdentity: Hashable {
    private let device: UInt
    private let inode: UInt

    /// Nil where there is nothing at `path`.
    init?(path: String) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return nil }
        device = UInt(facts.st_dev)
        inode = UInt(facts.st_ino)
    }
}
