import Dispatch
import Foundation
import MaskOutput
import Synchronization
import Testing

@Suite("A server of lines", .serialized) struct LineServerTests {
    private let folder: TemporaryFolder
    private var path: String { folder("control") }

    init() throws { folder = try TemporaryFolder() }

    private func server(
        _ settings: SocketServer.Settings = .init(), events: @escaping @Sendable (SocketEvent) -> Void = { _ in },
        handler: @escaping LineServer.Handler = { line, _, respond in respond(Array("<\(line)>".utf8)) }
    ) throws -> LineServer {
        try LineServer(
            path: path, settings: settings, tooLong: Array("too long\n".utf8), onEvent: events, handler: handler)
    }

    private func say(_ reader: SocketReader, _ text: String) {
        let bytes = Array(text.utf8)
        #expect(send(reader.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    @Test("answers each line with a line, in order, to several clients at once")
    func lines() throws {
        let server = try server()
        defer { server.close() }
        let first = try #require(SocketReader(path))
        let second = try #require(SocketReader(path))
        say(first, "a\nb\n")
        say(second, "c\n")
        #expect(first.line() == "<a>" && second.line() == "<c>" && first.line() == "<b>")
        say(first, "without an end")
        shutdown(first.descriptor, Int32(SHUT_WR))
        #expect(first.line() == "<without an end>" && first.line() == nil)
        say(second, String(repeating: "x", count: 70_000))
        #expect(second.line() == "too long" && second.line() == nil)
    }

    @Test("answers others while one waits for its answer or does not take it")
    func slow() throws {
        let held = Mutex<(@Sendable ([UInt8]) -> Void)?>(nil)
        // Longer than the test takes on a busy machine.
        var patient = SocketServer.Settings()
        patient.stallSeconds = 600
        let server = try server(
            patient,
            handler: { line, _, respond in
                switch line {
                case "wait": held.withLock { $0 = respond }
                case "much": respond([UInt8](repeating: 65, count: 8 << 20))
                default: respond(Array(line.utf8))
                }
            })
        defer { server.close() }
        let waiting = try #require(SocketReader(path))
        let deaf = try #require(SocketReader(path))
        let quick = try #require(SocketReader(path))
        say(waiting, "wait\n")
        say(deaf, "much\n")
        for index in 0..<20 {
            say(quick, "\(index)\n")
            #expect(quick.line() == "\(index)")
        }
        held.withLock { $0 }?(Array("at last".utf8))
        #expect(waiting.line() == "at last")
        #expect(deaf.line()?.count == 8 << 20)
    }

    @Test("turns away clients beyond the limit and users that are not on the list, and leaves no descriptor")
    func limits() throws {
        var settings = SocketServer.Settings()
        settings.maximumClients = 1
        let denied = Atomic<Int>(0)
        let server = try server(settings) { event in
            if case .denied = event { denied.add(1, ordering: .relaxed) }
        }
        let kept = try #require(SocketReader(path))
        say(kept, "x\n")
        #expect(kept.line() == "<x>")
        #expect(try #require(SocketReader(path)).line() == nil)
        settings.maximumClients = 8
        settings.allowedUsers = [getuid() &+ 1]
        server.change(settings)
        #expect(try #require(SocketReader(path)).line() == nil)
        #expect(denied.load(ordering: .relaxed) == 1)
        settings.allowedUsers = [getuid()]
        server.change(settings)
        let allowed = try #require(SocketReader(path))
        say(allowed, "y\n")
        #expect(allowed.line() == "<y>" && server.clientCount == 2)
        server.close()
        #expect(kept.line() == nil && folder.contents.isEmpty)
    }

    @Test("closes who does not take an answer for the set time")
    func stalled() throws {
        var settings = SocketServer.Settings()
        settings.stallSeconds = 0.2
        let server = try server(settings, handler: { _, _, respond in respond([UInt8](repeating: 65, count: 8 << 20)) })
        defer { server.close() }
        let deaf = try #require(SocketReader(path))
        say(deaf, "much\n")
        for _ in 0..<500 where server.clientCount > 0 { usleep(20_000) }
        #expect(server.clientCount == 0)
    }
}
