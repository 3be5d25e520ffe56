import CFFmpeg
import Glibc
import Imaging

/// Reads a pipe or FIFO for FFmpeg. FFmpeg's own reader blocks in `read` where no deadline and no cancellation
/// reach it; this one polls.
final class PipeReader: InputContext {
    private let descriptor: Int32
    private let ownsDescriptor: Bool
    private let interruption: Interruption
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
        let (file, isOurs) = (descriptor, ownsDescriptor)
        do {
            try super.init()
        } catch {
            if isOurs { close(file) }
            throw error
        }
    }

    deinit {
        if ownsDescriptor, descriptor >= 0 { close(descriptor) }
    }

    override func read(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int32) -> Int32 {
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
