import Glibc

/// Writes to a descriptor that somebody else opened, such as standard output; waits where a pipe is full.
final class DescriptorWriter {
    private let descriptor: Int32
    private let output: String

    /// A writer to `descriptor`, called `output` in messages. It is not closed.
    init(descriptor: Int32, output: String) {
        self.descriptor = descriptor
        self.output = output
    }

    /// Writes all of `bytes`. Throws `OutputError.readerGone` where the other end was closed; no SIGPIPE reaches the
    /// process.
    func write(_ bytes: UnsafeRawBufferPointer) throws(OutputError) {
        var rest = bytes
        while rest.count > 0 {
            let (count, code) = withoutBrokenPipeSignal {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                return (count, errno)
            }
            if count >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } else if code == EAGAIN {
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                Glibc.poll(&poll, 1, -1)
            } else if code == EPIPE || code == ECONNRESET {
                throw .readerGone(output: output)
            } else if code != EINTR {
                throw .write(output: output, errno: code)
            }
        }
    }

    /// Runs `body` with SIGPIPE held back from this thread, and takes away the one that `body` caused.
    private func withoutBrokenPipeSignal<Result>(_ body: () -> Result) -> Result {
        var pipe = sigset_t()
        var before = sigset_t()
        var pending = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        sigpending(&pending)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        let result = body()
        if sigismember(&pending, SIGPIPE) == 0 {
            var none = timespec()
            while sigtimedwait(&pipe, nil, &none) == -1 && errno == EINTR {}
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return result
    }
}
