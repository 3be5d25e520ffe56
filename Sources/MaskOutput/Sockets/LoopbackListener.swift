import Glibc

/// What a `RequestServer` accepts clients at.
protocol RequestListener: AnyObject {
    /// What it is called in messages.
    var path: String { get }
    /// The listening descriptor, non-blocking; negative where it is broken.
    var descriptor: Int32 { get }
    /// Opens it again where the system broke it; leaves it broken where that fails.
    func reopen()
    /// Makes its file again where that was removed.
    func restoreFile() -> SocketClaim.FileState
    /// Stops listening.
    func close()
}

extension SocketClaim: RequestListener {
    /// A listening Unix socket does not break.
    func reopen() {}
}

/// A TCP port on this machine's own address.
///
/// Made by whoever opens the port, then used by the server's thread alone.
final class LoopbackListener: RequestListener, @unchecked Sendable {
    let path: String
    private(set) var descriptor: Int32
    private let port: UInt16
    private let isIPv6: Bool

    /// Listens on `port` of 127.0.0.1 or ::1; 0 takes a free one.
    init(port: UInt16, isIPv6: Bool) throws(OutputError) {
        self.isIPv6 = isIPv6
        descriptor = try Self.listen(port: port, isIPv6: isIPv6)
        let port = port > 0 ? port : Self.port(of: descriptor)
        self.port = port
        path = Self.endpoint(port, isIPv6)
    }

    deinit { close() }

    func reopen() {
        close()
        descriptor = (try? Self.listen(port: port, isIPv6: isIPv6)) ?? -1
    }

    /// A port has no file.
    func restoreFile() -> SocketClaim.FileState { .present }

    func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private static func endpoint(_ port: UInt16, _ isIPv6: Bool) -> String {
        isIPv6 ? "[::1]:\(port)" : "127.0.0.1:\(port)"
    }

    private static func listen(port: UInt16, isIPv6: Bool) throws(OutputError) -> Int32 {
        func fail(_ step: String) -> OutputError {
            .socket(path: endpoint(port, isIPv6), step: step, errno: errno)
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, type, 0)
        guard descriptor >= 0 else { throw fail("socket") }
        // Connections of the last run that are still closing do not hold the port.
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = isIPv6 ? bindIPv6(descriptor, port) : bindIPv4(descriptor, port)
        guard bound == 0, Glibc.listen(descriptor, 64) == 0 else {
            let error = fail(bound == 0 ? "listen" : "bind")
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func bindIPv4(_ descriptor: Int32, _ port: UInt16) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return bind(descriptor, to: &address)
    }

    private static func bindIPv6(_ descriptor: Int32, _ port: UInt16) -> Int32 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0[15] = 1 }
        return bind(descriptor, to: &address)
    }

    private static func bind<Address>(_ descriptor: Int32, to address: inout Address) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        // The port is at the same place for both families.
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return result == 0 ? UInt16(bigEndian: address.sin6_port) : 0
    }
}
