import Glibc

/// The few system calls that the sockets need, without a signal and without blocking.
enum UnixSocket {
    /// Bytes of a path that `sockaddr_un` holds besides the zero at its end.
    static let pathLimit = 107

    /// How many bytes the reader took; `again` where it takes none now, `gone` where it has gone away.
    enum Sent: Equatable {
        case bytes(Int)
        case again
        case gone
    }

    /// What a peer said; `end` where it will say nothing more, `gone` where it has gone away.
    enum Received {
        case bytes([UInt8])
        case end
        case again
        case gone
    }

    /// A new stream socket, closed on exec and non-blocking; negative with `errno` where there is none.
    static func make() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    }

    /// Calls `body` with the address of `path`, which must be at most `pathLimit` bytes long.
    static func withAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: path.utf8.prefix(pathLimit))
        }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// The next connection waiting at `listener`, non-blocking; nil with `errno` where there is none.
    static func accept(_ listener: Int32) -> Int32? {
        let descriptor = Glibc.accept(listener, nil, nil)
        guard descriptor >= 0 else { return nil }
        // Glibc's module has no accept4; nothing of ours forks without exec'ing in between.
        let isSet = fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 && fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0
        guard isSet else {
            let code = errno
            close(descriptor)
            errno = code
            return nil
        }
        return descriptor
    }

    /// Sends up to two pieces as one, as far as the reader takes them.
    static func send(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, to descriptor: Int32) -> Sent {
        var pieces = (
            iovec(iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count),
            iovec(iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count)
        )
        while true {
            let count = withUnsafeMutablePointer(to: &pieces) { pointer in
                pointer.withMemoryRebound(to: iovec.self, capacity: 2) { pieces in
                    var message = msghdr()
                    message.msg_iov = pieces
                    message.msg_iovlen = 2
                    return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
            }
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN, ENOBUFS, ENOMEM: return .again
            default: return .gone
            }
        }
    }

    /// What the peer said by now, up to `count` bytes of it.
    static func receive(from descriptor: Int32, atMost count: Int) -> Received {
        var bytes = [UInt8](repeating: 0, count: count)
        while true {
            let got = recv(descriptor, &bytes, count, Int32(MSG_DONTWAIT))
            if got > 0 { return .bytes(Array(bytes[..<got])) }
            if got == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .again
            default: return .gone
            }
        }
    }

    /// Throws away what the reader says; false once it will say nothing more.
    static func discardInput(_ descriptor: Int32) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            // A few reads at most, so that a talkative reader holds nobody up.
            for _ in 0..<4 {
                let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                if count == 0 { return false }
                if count < 0 { return errno == EAGAIN || errno == EINTR }
            }
            return true
        }
    }

    /// Whether `descriptor` is a stream socket of the Unix family that listens.
    static func isListening(_ descriptor: Int32) -> Bool {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
        }
        return option(SO_DOMAIN) == AF_UNIX && option(SO_TYPE) == Int32(SOCK_STREAM.rawValue)
            && option(SO_ACCEPTCONN) == 1
    }

    /// The path that a socket is bound to; nil for an abstract address or none.
    static func path(of descriptor: Int32) -> String? {
        var address = sockaddr_un()
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
        let bytes = withUnsafeBytes(of: &address.sun_path) { Array($0.prefix { $0 != 0 }) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }

    /// Whether a peer is among `users`; nil users means all. Who cannot be told is not.
    static func allows(_ peer: SocketPeer, _ users: Set<UInt32>?) -> Bool {
        guard let users else { return true }
        return peer.uid.map { users.contains($0) } ?? false
    }
}
