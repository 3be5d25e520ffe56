import Foundation
import Imaging
import MaskOutput
import Synchronization
import Testing

@Suite("A socket's file that somebody removes", .serialized) struct SocketFileTests {
    private final class Events: Sendable {
        private let list = Mutex<[SocketEvent]>([])
        func add(_ event: SocketEvent) { list.withLock { $0.append(event) } }
        /// Those that are about the file.
        var files: [SocketEvent] {
            list.withLock {
                $0.filter {
                    switch $0 {
                    case .fileRestored, .fileLost: true
                    default: false
                    }
                }
            }
        }
    }

    private func mode(_ path: String) -> Int? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions] as? Int
    }

    @Test(
        "is made again with its permissions; who reads stays, and others can connect",
        arguments: [["front.mask"], ["front.mask", ".front.mask.lock"], [""]])
    func restored(removed: [String]) throws {
        let events = Events()
        let publisher = try Publisher(events: events.add)
        try publisher.socket.restrict(mode: 0o600, group: nil)
        let reader = try #require(SocketReader(publisher.path))
        _ = reader.readHeader()
        // The server has looked at the file since its mode changed.
        sleep(2)
        for name in removed { try FileManager.default.removeItem(atPath: publisher.folder(name)) }
        publisher.wait("the file") { !events.files.isEmpty }
        #expect(events.files == [.fileRestored(path: publisher.path)])
        #expect(mode(publisher.path) == 0o600)
        let next = try #require(SocketReader(publisher.path))
        #expect(next.readHeader().hasPrefix("YUV4MPEG2"))
        publisher.wait("both readers") { publisher.socket.snapshot.clients == 2 }
        try publisher.publish()
        #expect(reader.frame(publisher.size.area) != nil && next.frame(publisher.size.area) != nil)
        // It is still ours alone, and goes with the socket.
        #expect(throws: OutputError.socketInUse(path: publisher.path, pid: getpid())) {
            try SocketServer().open(path: publisher.path)
        }
        publisher.server.close()
        #expect(publisher.folder.contents == [])
    }

    @Test("is not made where something else lies there by now, which is told once, until the place is free")
    func replaced() throws {
        let events = Events()
        let publisher = try Publisher(events: events.add)
        try FileManager.default.removeItem(atPath: publisher.path)
        try Data("precious".utf8).write(to: URL(fileURLWithPath: publisher.path))
        publisher.wait("the report") { !events.files.isEmpty }
        sleep(2)
        #expect(
            events.files == [.fileLost(path: publisher.path, .notASocket(path: publisher.path))]
                || events.files.first == .fileRestored(path: publisher.path))
        publisher.wait("the reason") { publisher.socket.snapshot.fileFailure != nil }
        #expect(publisher.socket.snapshot.unreachable?.contains(publisher.path) == true)
        #expect(FileManager.default.contents(atPath: publisher.path) == Data("precious".utf8))
        try FileManager.default.removeItem(atPath: publisher.path)
        publisher.wait("the file") { events.files.last == .fileRestored(path: publisher.path) }
        publisher.wait("nothing wrong") { publisher.socket.snapshot.unreachable == nil }
        #expect(SocketReader(publisher.path) != nil)
    }

    @Test("is made again for a server of lines as well")
    func lines() throws {
        let folder = try TemporaryFolder()
        let server = try LineServer(path: folder("run/control"), tooLong: []) { line, _, respond in
            respond(Array("<\(line)>".utf8))
        }
        defer { server.close() }
        try FileManager.default.removeItem(atPath: folder("run"))
        for _ in 0..<5000 where !FileManager.default.fileExists(atPath: folder("run/control")) { usleep(2000) }
        let reader = try #require(SocketReader(folder("run/control")))
        #expect(send(reader.descriptor, "a\n", 2, Int32(MSG_NOSIGNAL)) == 2 && reader.line() == "<a>")
    }
}
