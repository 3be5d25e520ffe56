import FlyingFox
import FlyingSocks
import Foundation
import Synchronization

/// What the HTTP port shows.
public struct StatusPages: Sendable {
    /// How the service is doing now.
    public var report: @Sendable () -> ServiceReport
    /// The page of metrics.
    public var metrics: @Sendable () -> String

    /// Pages made by these.
    public init(report: @escaping @Sendable () -> ServiceReport, metrics: @escaping @Sendable () -> String) {
        self.report = report
        self.metrics = metrics
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
    private let task: Task<Void, Never>

    /// Opens the port. Blocks until it is open; not for async code. Throws `StatusServerError`.
    public init(port: Int, address: LoopbackAddress, pages: StatusPages) throws(StatusServerError) {
        let endpoint = address == .ipv6 ? "[::1]:\(port)" : "127.0.0.1:\(port)"
        let server: HTTPServer
        do {
            let number = UInt16(clamping: port)
            switch address {
            case .ipv4:
                server = HTTPServer(
                    address: try .inet(ip4: address.rawValue, port: number), timeout: 5, logger: .disabled)
            case .ipv6:
                server = HTTPServer(
                    address: try .inet6(ip6: address.rawValue, port: number), timeout: 5, logger: .disabled)
            }
        } catch {
            throw StatusServerError(endpoint: endpoint, reason: "\(error)")
        }
        self.server = server
        let opened = DispatchSemaphore(value: 0)
        let failure = Failure()
        task = Task {
            await server.appendRoute("*") { await Self.answer($0, pages) }
            let listening = Task {
                do { try await server.waitUntilListening(timeout: 10) } catch { failure.note("\(error)") }
                opened.signal()
            }
            do {
                try await server.run()
            } catch {
                // It ends so when it is stopped, too.
                failure.note("\(error)")
                listening.cancel()
            }
        }
        opened.wait()
        if let reason = failure.reason {
            task.cancel()
            throw StatusServerError(endpoint: endpoint, reason: reason)
        }
    }

    /// Closes the port and every connection. Blocks until that is done; not for async code.
    public func close() {
        let done = DispatchSemaphore(value: 0)
        Task { [server, task] in
            await server.stop(timeout: 0.2)
            task.cancel()
            await task.value
            done.signal()
        }
        done.wait()
    }

    /// The first reason wins: what comes after it follows from it.
    private final class Failure: Sendable {
        private let first = Mutex<String?>(nil)
        var reason: String? { first.withLock { $0 } }
        func note(_ reason: String) { first.withLock { $0 = $0 ?? reason } }
    }

    private static func answer(_ request: HTTPRequest, _ pages: StatusPages) async -> HTTPResponse {
        guard request.method == .GET || request.method == .HEAD else {
            return page(.methodNotAllowed, "text/plain; charset=utf-8", "only GET and HEAD are answered\n", of: request)
        }
        switch request.path {
        case "/metrics": return page(.ok, ServiceMetrics.contentType, pages.metrics(), of: request)
        case "/status":
            guard let json = try? pages.report().json(isPretty: true) else { break }
            return page(.ok, "application/json", String(decoding: json, as: UTF8.self) + "\n", of: request)
        case "/live": return page(.ok, "text/plain; charset=utf-8", "live\n", of: request)
        case "/ready":
            let (isReady, text) = readiness(pages.report())
            return page(isReady ? .ok : .serviceUnavailable, "text/plain; charset=utf-8", text, of: request)
        default: break
        }
        return page(
            .notFound, "text/plain; charset=utf-8", "the pages are /metrics, /status, /live and /ready\n", of: request)
    }

    /// Ready is who has started and sees something: masks can be had of one camera at least.
    static func readiness(_ report: ServiceReport) -> (isReady: Bool, text: String) {
        guard report.isReady else { return (false, "starting\n") }
        let states = report.cameras.map { "\($0.name) \($0.source.state)\n" }.joined()
        return (report.cameras.contains { $0.source.state == "live" }, states)
    }

    private static func page(
        _ status: HTTPStatusCode, _ type: String, _ text: String, of request: HTTPRequest
    ) -> HTTPResponse {
        HTTPResponse(
            statusCode: status, headers: [.contentType: type], body: request.method == .HEAD ? Data() : Data(text.utf8))
    }
}
