import Glibc
import MaskOutput
import Synchronization
import Testing

@Suite("The HTTP port", .serialized) struct HTTPServerTests {
    private func port(of server: HTTPServer) -> UInt16 {
        server.endpoint.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
    }

    /// A connection to `port`; negative where there is none.
    private func connect(_ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connected == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    private func ask(_ port: UInt16, _ request: String = "GET /x HTTP/1.1\r\n\r\n") -> String {
        let descriptor = connect(port)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let bytes = Array(request.utf8)
        send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        return text(descriptor)
    }

    private func text(_ descriptor: Int32) -> String {
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
            answer += chunk[..<count]
        }
    }

    @Test("answers paths, large answers too, and takes its address from whoever asks for one in use")
    func answers() throws {
        let server = try HTTPServer(port: 0) { path in
            HTTPResponse(status: 200, body: path == "/large" ? String(repeating: "x", count: 5_000_000) : path)
        }
        let port = port(of: server)
        #expect(ask(port).hasSuffix("\r\n\r\n/x"))
        #expect(ask(port, "GET /large HTTP/1.1\r\n\r\n").utf8.count > 5_000_000)
        #expect(ask(port, "POST /x HTTP/1.1\r\nContent-Length: 6\r\n\r\nabcdef").hasPrefix("HTTP/1.1 405 "))
        #expect(throws: OutputError.self) { try HTTPServer(port: port) { _ in HTTPResponse(status: 200, body: "") } }
        server.close()
        #expect(connect(port) < 0)
        let again = try HTTPServer(port: port) { _ in HTTPResponse(status: 200, body: "again") }
        #expect(ask(port).hasSuffix("again"))
        again.close()
    }

    @Test("answers while hundreds of connections say nothing, and keeps few of them")
    func idle() throws {
        let server = try HTTPServer(port: 0, clients: 4) { _ in HTTPResponse(status: 200, body: "here") }
        defer { server.close() }
        let port = port(of: server)
        var idle: [Int32] = []
        for _ in 0..<300 { idle.append(connect(port)) }
        #expect(ask(port).hasSuffix("here"))
        #expect(server.facts.clients <= 4 && server.facts.refused > 290)
        for descriptor in idle where descriptor >= 0 { close(descriptor) }
        #expect(ask(port).hasSuffix("here"))
    }

    @Test("goes on while a client asks and does not read")
    func deaf() throws {
        let server = try HTTPServer(port: 0) { path in
            HTTPResponse(status: 200, body: String(repeating: path, count: path == "/x" ? 1 : 4_000_000))
        }
        defer { server.close() }
        let port = port(of: server)
        let deaf = connect(port)
        defer { close(deaf) }
        let request = Array("GET /much HTTP/1.1\r\n\r\n".utf8)
        send(deaf, request, request.count, Int32(MSG_NOSIGNAL))
        for _ in 0..<10 { #expect(ask(port).hasSuffix("/x")) }
        _ = server.facts
        #expect(ask(port).hasSuffix("/x"))
        #expect(server.facts.unansweredSince == nil, "its thread gave a sign of life")
    }
}
