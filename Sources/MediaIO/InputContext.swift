import CFFmpeg
import Glibc

/// An input whose bytes FFmpeg takes from us: the buffer, the context and its callbacks. A subclass says where the
/// bytes come from. It must outlive what reads from `context`.
class InputContext {
    /// What `AVFormatContext.pb` is set to. Never nil while this lives.
    private(set) var context: UnsafeMutablePointer<AVIOContext>?

    private static let bufferBytes = 65536

    /// `canSeek` says whether `seek` is there.
    init(canSeek: Bool = false) throws {
        guard let buffer = av_malloc(Self.bufferBytes) else { throw FrameHolder.outOfMemory() }
        context = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(Self.bufferBytes), 0,
            Unmanaged.passUnretained(self).toOpaque(),
            { opaque, bytes, count in
                guard let opaque, let bytes else { return ff_averror(EINVAL) }
                return Unmanaged<InputContext>.fromOpaque(opaque).takeUnretainedValue().read(bytes, count)
            }, nil,
            canSeek
                ? { opaque, offset, whence in
                    guard let opaque else { return Int64(ff_averror(EINVAL)) }
                    return Unmanaged<InputContext>.fromOpaque(opaque).takeUnretainedValue().seek(offset, whence)
                } : nil)
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

    /// Writes up to `count` bytes to `bytes`; how many, or FFmpeg's code for the end or an error.
    func read(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 { FF_ERROR_EOF }

    /// Goes to `offset` as `whence` counts it (`SEEK_SET`, …, `AVSEEK_SIZE`); the place, or FFmpeg's code for an error.
    func seek(_ offset: Int64, _ whence: Int32) -> Int64 { Int64(ff_averror(EINVAL)) }
}
