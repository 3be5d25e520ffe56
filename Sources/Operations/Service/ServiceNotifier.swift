import Glibc

/// Tells systemd how the service is doing: sd_notify's datagrams, written by hand.
public struct ServiceNotifier: Sendable {
    /// What can be told.
    public enum Message: Hashable, Sendable {
        /// The service is up.
        case ready
        /// The configuration is being read again, since this time of CLOCK_MONOTONIC in microseconds; `ready` follows.
        case reloading(since: UInt64)
        /// The service is on its way down.
        case stopping
        /// One line for `systemctl status`.
        case status(String)
        /// The service makes progress.
        case watchdog

        var text: String {
            switch self {
            case .ready: "READY=1"
            case .reloading(let microseconds): "RELOADING=1\nMONOTONIC_USEC=\(microseconds)"
            case .stopping: "STOPPING=1"
            case .status(let line): "STATUS=" + line.replacing("\n", with: " ")
            case .watchdog: "WATCHDOG=1"
            }
        }
    }

    private let path: String?

    /// Talks to the socket named in NOTIFY_SOCKET; without one, to nobody.
    public init() {
        self.init(socket: getenv("NOTIFY_SOCKET").map { String(cString: $0) })
    }

    /// Talks to the datagram socket at `socket`: a path, or an abstract name after `@`.
    public init(socket: String?) {
        path = socket.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
    }

    /// Whether somebody listens.
    public var isConnected: Bool { path != nil }

    /// Sends `messages` in one datagram. Says whether it was sent; nobody listening is no failure of the service.
    @discardableResult
    public func notify(_ messages: Message...) -> Bool {
        guard let path else { return false }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var name = Array(path.utf8)
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        // An abstract name has no end but its length; a path ends at its zero byte.
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count + (name.first == 0 ? 0 : 1))
        let datagram = Array(messages.map(\.text).joined(separator: "\n").utf8)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, datagram, datagram.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
        return sent == datagram.count
    }
}
