import CFFmpeg
import Glibc

/// Reads MJPEG over HTTP from a server whose parts FFmpeg does not take: no boundary before the first one, as early
/// firmware of ESP32 cameras has it, a text before it (RFC 2046's preamble), no `Content-Type` of a part or another one
/// than `image/jpeg`, no parts at all. The pictures are found by their own structure, and given to FFmpeg as parts.
///
/// FFmpeg's raw `mjpeg` demuxer reads such streams too, but finds the end of a picture only where the next one begins.
final class PartsReader: InputContext {
    private static let bufferBytes = 65536

    private var inner: UnsafeMutablePointer<AVIOContext>?
    private var scanner = JPEGScanner()
    private var buffer = [UInt8](repeating: 0, count: PartsReader.bufferBytes)
    /// Parts that were found, and how much of them was given.
    private var parts: [UInt8] = []
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
    }

    deinit { avio_closep(&inner) }

    override func read(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        guard let inner, count > 0 else { return FF_ERROR_EOF }
        while sent == parts.count {
            sent = 0
            parts.removeAll(keepingCapacity: true)
            let got = buffer.withUnsafeMutableBufferPointer {
                avio_read_partial(inner, $0.baseAddress, Int32($0.count))
            }
            guard got > 0 else { return got == 0 ? FF_ERROR_EOF : got }
            let pictures = buffer.withUnsafeBufferPointer {
                scanner.add(UnsafeBufferPointer(rebasing: $0[..<Int(got)]))
            }
            for picture in pictures {
                parts += "--part\r\nContent-Type: image/jpeg\r\nContent-Length: \(picture.count)\r\n\r\n".utf8
                parts += picture
                parts += "\r\n".utf8
            }
        }
        let now = min(parts.count - sent, Int(count))
        parts.withUnsafeBufferPointer {
            if let base = $0.baseAddress { bytes.update(from: base + sent, count: now) }
        }
        sent += now
        return Int32(now)
    }

    private static func announcesParts(_ inner: UnsafeMutablePointer<AVIOContext>) -> Bool {
        var text: UnsafeMutablePointer<UInt8>?
        guard av_opt_get(inner, "mime_type", AV_OPT_SEARCH_CHILDREN, &text) >= 0, let text else { return false }
        defer { av_free(text) }
        return String(cString: text).lowercased().hasPrefix("multipart/x-mixed-replace")
    }
}
