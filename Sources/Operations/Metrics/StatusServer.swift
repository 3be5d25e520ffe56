import MaskOutput

/// What the HTTP port shows.
public struct StatusPages: Sendable {
    /// How the service is doing now.
    public var report: @Sendable () -> ServiceReport
    /// Whether it does its work.
    public var health: @Sendable () -> ServiceHealth
    /// The page of metrics.
    public var metrics: @Sendable () -> String

    /// Pages made by these.
    public init(
        report: @escaping @Sendable () -> ServiceReport, health: @escaping @Sendable () -> ServiceHealth,
        metrics: @escaping @Sendable () -> String
    ) {
        self.report = report
        self.health = health
        self.metrics = metrics
    }

    /// The page at `path`. All of them are read-only facts: whoever is on the machine may see them.
    public func page(_ path: String) -> HTTPResponse {
        switch path {
        case "/metrics": return HTTPResponse(status: 200, contentType: ServiceMetrics.contentType, body: metrics())
        case "/status":
            guard let json = try? report().json(isPretty: true) else {
                return HTTPResponse(status: 500, body: "the status cannot be written as JSON\n")
            }
            return HTTPResponse(
                status: 200, contentType: "application/json", body: String(decoding: json, as: UTF8.self) + "\n")
        case "/live":
            let health = health()
            let reasons = health.problems.filter { $0.severity == .dead }.map { "\($0.text)\n" }.joined()
            return HTTPResponse(status: health.isAlive ? 200 : 503, body: health.isAlive ? "live\n" : reasons)
        case "/ready":
            let (isReady, text) = Self.readiness(report())
            return HTTPResponse(status: isReady ? 200 : 503, body: text)
        default: return HTTPResponse(status: 404, body: "the pages are /metrics, /status, /live and /ready\n")
        }
    }

    /// Ready is who has started and sees something: masks can be had of one camera at least. What is wrong follows the
    /// states.
    static func readiness(_ report: ServiceReport) -> (isReady: Bool, text: String) {
        guard report.isReady else { return (false, "starting\n") }
        let states = report.cameras.map { "\($0.name) \($0.source.state)\n" }.joined()
        let problems = report.health.problems.map { "\($0.severity.rawValue): \($0.text)\n" }.joined()
        return (report.health.isReady, states + problems)
    }
}

/// The HTTP port cannot be opened.
public struct StatusServerError: Error, CustomStringConvertible {
    /// Address and port.
    public let endpoint: String
    /// Why.
    public let reason: String

    /// One sentence: what, why, and what to do.
    public var description: String {
        "cannot serve HTTP on \(endpoint): \(reason); choose another http.port, or none"
    }
}

/// Serves metrics and status over HTTP, on this machine's own address only: `/metrics`, `/status`, `/live`, `/ready`.
public final class StatusServer: Sendable {
    private let server: HTTPServer

    /// Opens the port. Throws `StatusServerError`.
    public init(
        port: Int, address: LoopbackAddress, pages: StatusPages,
        onEvent: @escaping @Sendable (SocketEvent) -> Void = { _ in }
    ) throws(StatusServerError) {
        do {
            server = try HTTPServer(
                port: UInt16(clamping: port), isIPv6: address == .ipv6, onEvent: onEvent, handler: { pages.page($0) })
        } catch {
            throw StatusServerError(
                endpoint: address == .ipv6 ? "[::1]:\(port)" : "127.0.0.1:\(port)", reason: "\(error)")
        }
    }

    /// How the port is doing.
    public var facts: RequestServerFacts { server.facts }

    /// Address and port.
    public var endpoint: String { server.endpoint }

    /// Closes the port and every connection. Returns when that is done.
    public func close() { server.close() }
}
