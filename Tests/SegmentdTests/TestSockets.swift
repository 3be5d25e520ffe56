import Glibc

/// Sockets of the tests' own, at this machine's addresses.
enum TestSocket {
    /// A connection to the Unix socket at `path` on which nothing is waited for longer than `seconds`; nil where nobody
    /// listens there. The caller closes it.
    static func connected(to path: String, seconds: Int) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        return connected(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0), &address, seconds)
    }

    /// The same to a TCP port on 127.0.0.1.
    static func connected(toPort port: Int, seconds: Int) -> Int32? {
        var address = loopback(port: in_port_t(port))
        return connected(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), &address, seconds)
    }

    private static func connected<Address>(_ descriptor: Int32, _ address: inout Address, _ seconds: Int) -> Int32? {
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
        guard isConnected else {
            close(descriptor)
            return nil
        }
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    fileprivate static func loopback(port: in_port_t) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }
}

/// A TCP port on 127.0.0.1 that takes connections and says nothing, until it is closed.
final class SilentPort {
    let port: in_port_t
    private let descriptor: Int32

    init?() {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = TestSocket.loopback(port: 0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let listens = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, size) == 0 && listen(descriptor, 8) == 0
                    && getsockname(descriptor, pointer, &size) == 0
            }
        }
        port = in_port_t(bigEndian: address.sin_port)
        if !listens { return nil }
    }

    func close() { Glibc.close(descriptor) }
}
