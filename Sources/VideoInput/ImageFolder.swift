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
    init(path: String) throws(MediaError) {
        let names = try FolderContents(path: path).files
        let images = names.filter(Self.isImage)
        guard !images.isEmpty else {
            let found = names.isEmpty ? "it holds no files" : "none of its \(names.count) files is an image"
            throw MediaError(
                .noVideo, "open", path, reason: "it is a directory without images: \(found)",
                hint: "give a video file, or a folder of png or jpg files")
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        self.images = images.map { folder + $0 }
        skipped = names.filter { !Self.isImage($0) }
    }

    /// Images that were chosen one by one, in the order given.
    init(images: [String]) {
        self.images = images
        skipped = []
    }

    /// Whether a file's name ends as an image's does.
    static func isImage(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        return endings.contains(name[name.index(after: dot)...].lowercased())
    }
}
