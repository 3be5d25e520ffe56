import CFFmpeg
import Glibc

/// libavformat's output into a `PartialFile`.
final class FileIOContext {
    let file: PartialFile
    private(set) var context: UnsafeMutablePointer<AVIOContext>?

    init(file: PartialFile) throws(EncodeError) {
        self.file = file
        let capacity: Int32 = 1 << 16
        guard let buffer = av_malloc(Int(capacity)) else { throw .cannotCreate(path: file.path, errno: ENOMEM) }
        context = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), capacity, 1, Unmanaged.passUnretained(file).toOpaque(), nil,
            { opaque, bytes, count in
                guard let opaque, let bytes, count >= 0 else { return ff_averror(EINVAL) }
                let file = Unmanaged<PartialFile>.fromOpaque(opaque).takeUnretainedValue()
                do throws(EncodeError) {
                    try file.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
                    return count
                } catch {
                    return ff_averror(file.failure)
                }
            },
            { opaque, offset, whence in
                guard let opaque else { return Int64(ff_averror(EINVAL)) }
                let file = Unmanaged<PartialFile>.fromOpaque(opaque).takeUnretainedValue()
                let position = whence & AVSEEK_SIZE != 0 ? file.length() : file.seek(offset, whence & ~AVSEEK_FORCE)
                return position >= 0 ? position : Int64(ff_averror(errno))
            })
        guard context != nil else {
            av_free(buffer)
            throw .cannotCreate(path: file.path, errno: ENOMEM)
        }
    }

    deinit {
        if let context {
            av_free(context.pointee.buffer)
            context.pointee.buffer = nil
        }
        avio_context_free(&context)
    }

    /// Hands what is buffered to the file.
    func flush() {
        if let context { avio_flush(context) }
    }
}
