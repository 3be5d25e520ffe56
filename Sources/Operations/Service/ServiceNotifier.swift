import Glibc
import Synchronization

/// Tells systemd how the service is doing: sd_notify's datagrams, written by hand. One socket serves all messages, from
/// the start on: it is there when descriptors have run out.
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
    private let descriptor: Descriptor?

    /// A datagram socket that is opened once.
    private final class Descriptor: Sendable {
        private let value = Mutex<Int32>(-1)

        init() { _ = opened }

        deinit {
            let descriptor = value.withLock { $0 }
            if descriptor >= 0 { close(descriptor) }
        }

        /// The socket; negative where it cannot be had now.
        var opened: Int32 {
            value.withLock { value in
                guard value < 0 else { return value }
                value = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                // systemd reads slowly while it is busy; nobody here waits for it for long.
                var limit = timeval(tv_sec: 1, tv_usec: 0)
                setsockopt(value, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                return value
            }
        }
    }

    /// Talks to the socket named in NOTIFY_SOCKET; without one, to nobody.
    public init() {
        self.init(socket: getenv("NOTIFY_SOCKET").map { String(cString: $0) })
    }

    /// Talks to the datagram socket at `socket`: a path, or an abstract name after `@`.
    public init(socket: String?) {
        path = socket.flatMap { $0.hasPrefix("/") || $0.hasPrefix("@") ? $0 : nil }
        descriptor = path.map { _ in Descriptor() }
    }

    /// systemd's watchdog interval in nanoseconds, from WATCHDOG_USEC and WATCHDOG_PID; nil where it does not watch this
    /// process.
    public static func watchdogInterval(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }, pid: Int32 = getpid()
    ) -> UInt64? {
        guard let text = environment("WATCHDOG_USEC"), let microseconds = UInt64(text), microseconds > 0,
            microseconds < 1 << 50
        else { return nil }
        if let owner = environment("WATCHDOG_PID"), owner != "\(pid)" { return nil }
        return microseconds * 1000
    }

    /// Whether somebody listens.
    public var isConnected: Bool { path != nil }

    /// Sends `messages` in one datagram. Says whether it was sent; nobody listening is no failure of the service.
    @discardableResult
    public func notify(_ messages: Message...) -> Bool {
        guard let path, let descriptor = descriptor?.opened, descriptor >= 0 else { return false }
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
