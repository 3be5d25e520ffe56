import CFFmpeg
import Glibc

/// Reads MJPEG over HTTP from a server that sends no boundary before the first part, as early firmware of ESP32
/// cameras does, or a text before it (RFC 2046's preamble): the missing line is put before what comes, and the text is
/// skipped. FFmpeg expects the boundary at once.
///
/// FFmpeg's raw `mjpeg` demuxer reads such streams too, but finds the end of a picture only where the next one begins.
final class PartsReader: InputContext {
    private static let boundary: [UInt8] = Array("--first\r\n".utf8)
    /// A preamble is no longer, in bytes.
    private static let mostPreamble = 1 << 16

    private var inner: UnsafeMutablePointer<AVIOContext>?
    /// What comes before the rest of `inner`.
    private var start: [UInt8] = []
    private var sent = 0

    /// Opens `url`; takes what it knows out of `options`. Nil where the server does not announce parts.
    init?(
        url: String, interruption: Interruption, options: OptionDictionary
    ) throws {
        var callback = interruption.callback
        let code = avio_open2(&inner, url, AVIO_FLAG_READ, &callback, &options.pointer)
        guard code >= 0, let inner else { return nil }
        do {
            try super.init()
        } catch {
            var opened: UnsafeMutablePointer<AVIOContext>? = inner
            avio_closep(&opened)
            throw error
        }
        guard Self.announcesParts(inner) else { return nil }
        start = Self.start(of: inner)
    }

    deinit { avio_closep(&inner) }

    override func read(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        guard let inner, count > 0 else { return FF_ERROR_EOF }
        let left = start[sent...]
        guard left.isEmpty else {
            let now = left.prefix(Int(count))
            for (place, byte) in now.enumerated() { bytes[place] = byte }
            sent += now.count
            return Int32(now.count)
        }
        let got = avio_read_partial(inner, bytes, count)
        return got == 0 ? FF_ERROR_EOF : got
    }

    /// The first boundary, and what was read of the first part to find it.
    private static func start(of inner: UnsafeMutablePointer<AVIOContext>) -> [UInt8] {
        var line: [UInt8] = []
        for _ in 0..<mostPreamble where avio_feof(inner) == 0 {
            let byte = UInt8(truncatingIfNeeded: avio_r8(inner))
            line.append(byte)
            // The first picture, without any head.
            if line == [0xFF, 0xD8] { break }
            guard byte == UInt8(ascii: "\n") else { continue }
            if line.starts(with: Array("--".utf8)) { return line }
            if String(decoding: line, as: UTF8.self).lowercased().hasPrefix("content-") { break }
            line.removeAll()
        }
        return boundary + line
    }

    private static func announcesParts(_ inner: UnsafeMutablePointer<AVIOContext>) -> Bool {
        var text: UnsafeMutablePointer<UInt8>?
        guard av_opt_get(inner, "mime_type", AV_OPT_SEARCH_CHILDREN, &text) >= 0, let text else { return false }
        defer { av_free(text) }
        return String(cString: text).lowercased().hasPrefix("multipart/x-mixed-replace")
    }
}
