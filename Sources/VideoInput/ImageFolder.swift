import MediaIO

/// The images of a folder, in natural order of their names.
///
/// Hidden files, folders in it, and files whose name does not end as an image's does are left out, and reported. A file
/// that is called an image and is none is an error when its turn comes.
package struct ImageFolder {
    /// Paths of the images, in order.
    let images: [String]
    /// What else there is.
    let leftOut: [LeftOut]

    private static let endings: Set<String> = [
        "png", "apng", "jpg", "jpeg", "jpe", "jfif", "bmp", "dib", "ppm", "pgm", "pbm", "pnm", "pam", "pfm", "tif",
        "tiff", "webp", "tga", "gif", "jp2", "j2k", "jpf", "jxl", "dpx", "exr", "qoi", "sgi", "rgb", "pcx", "hdr",
    ]

    /// Lists the folder at `path`.
    ///
    /// - Throws: `MediaError` where it cannot be listed or holds no image.
    init(path: String) throws(MediaError) {
        let contents = try FolderContents(path: path)
        let names = contents.files
        let images = names.filter(Self.isImage)
        guard !images.isEmpty else {
            let others = LeftOut.summary(of: contents.leftOut + contents.folders.map { LeftOut($0, .folder) })
            let files = names.isEmpty ? "it holds no files" : "none of its \(names.count) files is an image"
            let found = files + (others.map { ", but \($0)" } ?? "")
            throw MediaError(
                .noVideo, "open", path, reason: "it is a directory without images: \(found)",
                hint: "give a video file, or a folder of png or jpg files")
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        self.images = images.map { folder + $0 }
        leftOut =
            contents.leftOut + contents.folders.map { LeftOut($0, .folder) }
            + names.filter { !Self.isImage($0) }.map { LeftOut($0, .notAPicture) }
    }

    /// Images that were chosen one by one, in the order given.
    init(images: [String]) {
        self.images = images
        leftOut = []
    }

    /// Whether a file's name ends as an image's does.
    package static func isImage(_ name: String) -> Bool {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return endings.contains(name[dot...].dropFirst().lowercased())
    }
}
