import Glibc
import Imaging

/// What the first bytes of a file look like, for error messages only.
enum FileContent: Equatable {
    /// Letters, digits and line ends.
    case text
    /// It begins as an MP4 file does.
    case mp4
    /// A picture in a container like MP4's; `HEIC`, `AVIF` or `CR3`.
    case still(String)
    /// Anything else.
    case notMP4
    /// It could not be read.
    case unknown

    /// Looks into the file at `path`.
    init(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            self = .unknown
            return
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else {
            self = .unknown
            return
        }
        let head = bytes.prefix(count)
        if head.starts(with: Array("#EXTM3U".utf8)) {
            self = .notMP4
        } else if head.allSatisfy({ (32..<127).contains($0) || (9...13).contains($0) || $0 >= 0x80 }),
            String(validating: head, as: UTF8.self) != nil
        {
            self = .text
        } else {
            if let name = Self.still(Array(head)) {
                self = .still(name)
                return
            }
            let boxes: Set<String> = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "moof"]
            self = boxes.contains(String(decoding: head.dropFirst(4).prefix(4), as: UTF8.self)) ? .mp4 : .notMP4
        }
    }

    private static let pictures = [
        "avif": "AVIF", "avis": "AVIF", "heic": "HEIC", "heix": "HEIC", "heim": "HEIC", "heis": "HEIC", "hevc": "HEIC",
        "hevx": "HEIC", "hevm": "HEIC", "hevs": "HEIC", "crx ": "CR3",
    ]
    /// How the brands of videos begin.
    private static let videos = [
        "iso", "mp4", "mp7", "avc", "M4", "qt", "3g", "f4", "F4", "dash", "cmf", "MSNV", "XAVC",
    ]

    /// By the brands in its first box.
    private static func still(_ head: [UInt8]) -> String? {
        guard head.count >= 16, Array(head[4..<8]) == Array("ftyp".utf8) else { return nil }
        let length = min(head[0..<4].reduce(0) { $0 << 8 | Int($1) }, head.count)
        let places = [8] + Array(stride(from: 16, to: max(length - 3, 16), by: 4))
        let brands = places.map { String(decoding: head[$0..<$0 + 4], as: UTF8.self) }
        // Videos may be compatible with pictures; what the file is says its first brand, and where that is of the
        // structure only or a maker's own, the first of the others that says it.
        for brand in brands {
            if let name = pictures[brand] { return name }
            if videos.contains(where: brand.hasPrefix) { return nil }
        }
        return brands.contains { ["mif1", "msf1", "mif2", "miaf"].contains($0) } ? "HEIC" : nil
    }
}
