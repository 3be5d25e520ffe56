import CFFmpeg
import Glibc

/// Reads bytes in memory for FFmpeg.
final class MemoryReader: InputContext {
    private let bytes: [UInt8]
    private var place = 0

    /// A reader of `bytes`.
    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        try super.init(canSeek: true)
    }

    override func read(_ target: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        let count = min(Int(count), bytes.count - place)
        guard count > 0 else { return FF_ERROR_EOF }
        bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { target.update(from: base + place, count: count) }
        }
        place += count
        return Int32(count)
    }

    override func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
        let end = Int64(bytes.count)
        let wanted: Int64
        switch whence & ~AVSEEK_FORCE {
        case AVSEEK_SIZE: return end
        case SEEK_SET: wanted = offset
        case SEEK_CUR: wanted = Int64(place) + offset
        case SEEK_END: wanted = end + offset
        default: return Int64(ff_averror(EINVAL))
        }
        guard (0...end).contains(wanted) else { return Int64(ff_averror(EINVAL)) }
        place = Int(wanted)
        return wanted
    }
}
