import Glibc

/// What the first bytes of a file look like, for error messages only.
enum FileContent {
    /// Letters, digits and line ends.
    case text
    /// It begins as an MP4 file does.
    case mp4
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
        if head.allSatisfy({ (32..<127).contains($0) || (9...13).contains($0) || $0 >= 0x80 }),
            String(validating: head, as: UTF8.self) != nil
        {
            self = .text
        } else {
            let boxes: Set<String> = ["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "moof"]
            self = boxes.contains(String(decoding: head.dropFirst(4).prefix(4), as: UTF8.self)) ? .mp4 : .notMP4
        }
    }
}
