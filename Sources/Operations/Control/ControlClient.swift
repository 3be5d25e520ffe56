import Foundation
import Glibc

/// The service that is asked is not there, or does not answer.
public enum ControlClientError: Error, Equatable, CustomStringConvertible {
    /// There is no such socket, or nobody listens.
    case notRunning(path: String, errno: Int32)
    /// The socket is there and may not be used.
    case notAllowed(path: String)
    /// The path is no socket, or too long.
    case unusable(path: String, reason: String)
    /// The service closed the connection without an answer.
    case noAnswer(path: String)
    /// No answer came in time.
    case timedOut(path: String, seconds: Int)
    /// The answer is not one of ours.
    case notUnderstood(path: String)
    /// The service says no.
    case refused(String)
    /// The service says no to this user.
    case notPermitted(String)

    /// One sentence: what, and what to do.
    public var description: String {
        switch self {
        case .notRunning(let path, let code):
            "no segmentd answers at \(path): \(String(cString: strerror(code))); is the service running? "
                + "(systemctl status segmentd; another place: --socket)"
        case .notAllowed(let path):
            "\(path) may not be used by this user: join the group that sockets.group names, be named by "
                + "sockets.allow_uids, or use sudo"
        case .unusable(let path, let reason): "\(path) is no control socket: \(reason)"
        case .noAnswer(let path):
            "segmentd at \(path) closed the connection without an answer: it is stopping, has all the clients it may "
                + "have, or sockets.allow_uids does not name this user"
        case .timedOut(let path, let seconds): "segmentd at \(path) did not answer within \(seconds) s"
        case .notUnderstood(let path): "what answers at \(path) is no segmentd of this version"
        case .refused(let reason), .notPermitted(let reason): reason
        }
    }
}

/// Asks the control socket of a service that runs. Blocks.
public final class ControlClient {
    private let path: String
    private let descriptor: Int32
    private let seconds: Int
    private var buffered: [UInt8] = []

    /// Connects to the socket at `path`; an answer may take `seconds`. Throws `ControlClientError`.
    public init(path: String, seconds: Int = 30) throws(ControlClientError) {
        self.path = path
        self.seconds = seconds
        var address = sockaddr_un()
        let limit = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < limit else {
            throw .unusable(path: path, reason: "the path is longer than the system allows")
        }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .unusable(path: path, reason: String(cString: strerror(errno))) }
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected != 0 else { return }
        let code = errno
        close(descriptor)
        switch code {
        case EACCES, EPERM: throw .notAllowed(path: path)
        case ENOTSOCK, EPROTOTYPE: throw .unusable(path: path, reason: String(cString: strerror(code)))
        case EAGAIN: throw .timedOut(path: path, seconds: seconds)
        default: throw .notRunning(path: path, errno: code)
        }
    }

    deinit { close(descriptor) }

    /// The answer's line to `request`, without its end. Throws `ControlClientError`.
    public func ask(_ request: ControlRequest) throws(ControlClientError) -> Data {
        var rest = Array((request.line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw errno == EAGAIN ? .timedOut(path: path, seconds: seconds) : .noAnswer(path: path)
            }
            rest = rest.dropFirst(count)
        }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var searched = 0
        while true {
            if let end = buffered[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffered.removeFirst(end + 1) }
                return Data(buffered[..<end])
            }
            searched = buffered.count
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw count < 0 && errno == EAGAIN ? .timedOut(path: path, seconds: seconds) : .noAnswer(path: path)
            }
            buffered += chunk[..<count]
        }
    }

    /// What the service answers to `request`, whose name is the answer's key. Throws `ControlClientError`.
    public func answer<Value: Decodable>(
        to request: ControlRequest, as type: Value.Type
    ) throws(ControlClientError) -> Value {
        let line = try ask(request)
        if let refusal = try? ServiceJSON.decode([String: String].self, from: line), let reason = refusal["error"] {
            throw refusal["reason"] == "permission" ? .notPermitted(reason) : .refused(reason)
        }
        guard let value = (try? ServiceJSON.decode([String: Value].self, from: line))?[request.kind.rawValue] else {
            throw .notUnderstood(path: path)
        }
        return value
    }
}
