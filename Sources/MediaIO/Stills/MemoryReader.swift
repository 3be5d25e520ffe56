import CFFmpeg
import Glibc

/// Reads bytes in memory for FFmpeg.
final class MemoryReader {
    private let bytes: [UInt8]
    private var place = 0
    private(set) var context: UnsafeMutablePointer<AVIOContext>?

    /// A reader of `bytes`.
    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        let size = 65536
        guard let buffer = av_malloc(size) else { throw FrameHolder.outOfMemory() }
        context = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(size), 0, Unmanaged.passUnretained(self).toOpaque(),
            { opaque, bytes, count in
                guard let opaque, let bytes else { return ff_averror(EINVAL) }
                return Unmanaged<MemoryReader>.fromOpaque(opaque).takeUnretainedValue().read(bytes, count)
            }, nil,
            { opaque, offset, whence in
                guard let opaque else { return Int64(ff_averror(EINVAL)) }
                return Unmanaged<MemoryReader>.fromOpaque(opaque).takeUnretainedValue().seek(offset, whence)
            })
        guard context != nil else {
            av_free(buffer)
            throw FrameHolder.outOfMemory()
        }
    }

    deinit {
        if let context {
            av_free(context.pointee.buffer)
            avio_context_free(&self.context)
        }
    }

    private func read(_ target: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        let count = min(Int(count), bytes.count - place)
        guard count > 0 else { return FF_ERROR_EOF }
        bytes.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { target.update(from: base + place, count: count) }
        }
        place += count
        return Int32(count)
    }

    private func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
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
