import CFFmpeg
import Glibc
import Imaging

/// Reads a pipe or FIFO for FFmpeg. FFmpeg's own reader blocks in `read` where no deadline and no cancellation
/// reach it; this one polls.
final class PipeReader {
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private let interruption: Interruption
    private(set) var context: UnsafeMutablePointer<AVIOContext>?
    /// Whether it ended before a single byte came.
    private(set) var isEmpty = false
    private var hasBytes = false

    /// A reader of the FIFO at `path`, or of standard input where that is nil.
    init(path: String?, interruption: Interruption) throws {
        self.interruption = interruption
        if let path {
            // Without O_NONBLOCK opening would wait for a writer.
            descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            ownsDescriptor = true
            guard descriptor >= 0 else { throw MediaError(code: ff_averror(errno), "open", path) }
        } else {
            descriptor = STDIN_FILENO
            ownsDescriptor = false
        }
        let size = 65536
        guard let buffer = av_malloc(size) else { throw FrameHolder.outOfMemory() }
        context = avio_alloc_context(
            buffer.assumingMemoryBound(to: UInt8.self), Int32(size), 0, Unmanaged.passUnretained(self).toOpaque(),
            { opaque, bytes, count in
                guard let opaque, let bytes else { return ff_averror(EINVAL) }
                return Unmanaged<PipeReader>.fromOpaque(opaque).takeUnretainedValue().read(bytes, count)
            }, nil, nil)
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
        if ownsDescriptor, descriptor >= 0 { close(descriptor) }
    }

    private func read(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
        var hasWriter = false
        while true {
            if interruption.isDue { return FF_ERROR_EXIT }
            var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&request, 1, 20)
            if ready < 0, errno != EINTR { return ff_averror(errno) }
            guard ready > 0 else { continue }
            if request.revents & Int16(POLLIN) != 0 { hasWriter = true }
            let got = Glibc.read(descriptor, bytes, Int(count))
            if got > 0 {
                hasBytes = true
                return Int32(got)
            }
            if got == 0, hasWriter || request.revents & Int16(POLLHUP) != 0 || !ownsDescriptor {
                isEmpty = !hasBytes
                return FF_ERROR_EOF
            }
            if got < 0, errno != EAGAIN, errno != EINTR { return ff_averror(errno) }
        }
    }
}
