import Imaging

/// A port on this machine's own address that answers GET and HEAD over HTTP, one request a connection.
///
/// It has `clients` connections at most; one more closes the one that has asked nothing for the longest time.
public final class HTTPServer: Sendable {
    /// Answers a path, without its query.
    public typealias Handler = @Sendable (_ path: String) -> HTTPResponse

    private let server: RequestServer<HTTPConversation>
    /// Address and port.
    public var endpoint: String { server.path }

    /// Opens `port` of 127.0.0.1 or ::1 (0: a free one), and answers with `handler`. Throws `OutputError` or
    /// `ThreadError`.
    public init(
        port: UInt16, isIPv6: Bool = false, clients: Int = 16, clock: any FrameClock = SystemClock(),
        onEvent: @escaping @Sendable (SocketEvent) -> Void = { _ in }, handler: @escaping Handler
    ) throws {
        let limits = SocketLoop.Limits(clients: clients, stall: 5_000_000_000, allowedUsers: nil)
        server = try RequestServer(
            "http", listener: try LoopbackListener(port: port, isIPv6: isIPv6), limits: limits, makesRoom: true,
            clock: clock, onEvent: onEvent, begin: { HTTPConversation(stall: $0.stall, now: $1) },
            handler: { path, _, respond in respond(handler(path).bytes) })
    }

    /// How it is doing.
    public var facts: RequestServerFacts { server.facts }

    /// Closes the port and every connection. Returns when that is done.
    public func close() { server.close() }
}

/// An answer over HTTP.
public struct HTTPResponse: Equatable, Sendable {
    /// The status: 200.
    public var status: Int
    /// What the body is.
    public var contentType: String
    /// The body.
    public var body: String

    /// An answer with this body.
    public init(status: Int, contentType: String = "text/plain; charset=utf-8", body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    var bytes: [UInt8] {
        let reason =
            switch status {
            case 200: "OK"
            case 400: "Bad Request"
            case 404: "Not Found"
            case 405: "Method Not Allowed"
            case 408: "Request Timeout"
            case 431: "Request Header Fields Too Large"
            case 503: "Service Unavailable"
            default: "Internal Server Error"
            }
        let allow = status == 405 ? "Allow: GET, HEAD\r\n" : ""
        let head =
            "HTTP/1.1 \(status) \(reason)\r\nContent-Type: \(contentType)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "\(allow)Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + Array(body.utf8)
    }
}
