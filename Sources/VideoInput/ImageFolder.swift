import Glibc
import MediaIO

/// The images of a folder, in natural order of their names.
///
/// Hidden files and folders in it are passed over. So are files whose name does not end as an image's does; those are
/// reported. A file that is called an image and is none is an error when its turn comes.
struct ImageFolder {
    /// Paths of the images, in order.
    let images: [String]
    /// Names of other files, in order.
    let skipped: [String]

    private static let endings: Set<String> = [
        "png", "apng", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "ppm", "pgm", "pbm", "pnm", "pam", "pfm", "tif",
        "tiff", "webp", "tga", "gif", "jp2", "j2k", "jpf", "jxl", "dpx", "exr", "qoi", "sgi", "rgb", "pcx", "hdr",
    ]

    /// Lists the folder at `path`.
    ///
    /// - Throws: `MediaError` where it cannot be listed or holds no image.
    init(path: String) throws {
        guard let directory = opendir(path) else {
            let code = errno
            throw MediaError(
                MediaError.kind(of: -code), "open", path, reason: String(cString: strerror(code)),
                hint: code == ENOENT ? "check the path" : nil)
        }
        defer { closedir(directory) }
        var images: [String] = []
        var others: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix("."), Self.isFile(path + "/" + name) else { continue }
            if Self.isImage(name) { images.append(name) } else { others.append(name) }
        }
        guard !images.isEmpty else {
            let found = others.isEmpty ? "it holds no files" : "none of its \(others.count) files is an image"
            throw MediaError(
                .noVideo, "open", path, reason: "it is a directory without images: \(found)",
                hint: "give a video file, or a folder of png or jpg files")
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        self.images = images.sorted(by: NaturalOrder.precedes).map { folder + $0 }
        skipped = others.sorted(by: NaturalOrder.precedes)
    }

    private static func isImage(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        return endings.contains(name[name.index(after: dot)...].lowercased())
    }

    private static func isFile(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }
}
