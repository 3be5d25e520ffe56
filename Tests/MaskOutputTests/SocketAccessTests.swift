import Foundation
import Imaging
import MaskOutput
import Synchronization
import Testing

@Suite("Who may use a socket, and whose it is", .serialized) struct SocketAccessTests {
    /// A socket that listens, as systemd makes them.
    private func listener(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0 && listen(descriptor, 8) == 0)
        return descriptor
    }

    @Test("A user that is not on the list is turned away and counted; changing the list holds at once")
    func users() throws {
        var settings = SocketServer.Settings()
        settings.allowedUsers = [getuid() &+ 1]
        let events = Mutex<[SocketEvent]>([])
        let publisher = try Publisher(settings: settings) { event in events.withLock { $0.append(event) } }
        #expect(try #require(SocketReader(publisher.path)).isClosed)
        #expect(events.withLock { $0 } == [.denied(path: publisher.path, pid: getpid(), uid: getuid())])
        #expect(publisher.socket.snapshot.refused == 1)
        settings.allowedUsers = [getuid()]
        publisher.server.change(settings)
        let reader = try #require(SocketReader(publisher.path))
        #expect(reader.readHeader().hasPrefix("YUV4MPEG2"))
    }

    @Test("One socket closes while the others of its server go on")
    func closesOne() throws {
        let publisher = try Publisher()
        let other = try publisher.server.open(path: publisher.folder("rear.mask"))
        let gone = try #require(SocketReader(publisher.folder("rear.mask")))
        let reader = try #require(SocketReader(publisher.path))
        publisher.wait("both readers") {
            publisher.socket.snapshot.clients == 1 && other.snapshot.clients == 1
        }
        other.close()
        #expect(gone.isClosed)
        #expect(publisher.folder.contents == [".front.mask.lock", "front.mask"])
        _ = reader.readHeader()
        try publisher.publish()
        #expect(reader.frame(publisher.size.area) != nil)
        other.close()
        publisher.server.close()
        other.close()
    }

    @Test("A socket's mode changes while it is open")
    func mode() throws {
        let publisher = try Publisher()
        try publisher.socket.restrict(mode: 0o600, group: nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: publisher.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(throws: OutputError.unknownGroup(name: "no-such-group", path: publisher.path)) {
            try publisher.socket.restrict(mode: 0o600, group: "no-such-group")
        }
    }

    @Test("A socket that was handed over is served as it is, keeps its file, and can be opened again")
    func inherited() throws {
        let folder = try TemporaryFolder()
        let path = folder("front.mask")
        let descriptor = listener(path)
        defer { close(descriptor) }
        let early = try #require(SocketReader(path))
        let server = try SocketServer()
        for _ in 0..<2 {
            let socket = try server.open(path: path, inherited: descriptor)
            let sink = SocketSink(socket: socket, content: .mask)
            let size = ImageSize(height: 16, width: 16)
            try sink.begin(stream: Made.stream(size), maskSize: size, labels: Made.labels)
            let reader = try #require(SocketReader(path))
            #expect(reader.readHeader().hasPrefix("YUV4MPEG2 W16"))
            socket.close()
            #expect(reader.isClosed && folder.contents == ["front.mask"])
        }
        #expect(early.readHeader().hasPrefix("YUV4MPEG2 W16"), "who connected before the daemon came is served too")
        server.close()
        #expect(folder.contents == ["front.mask"])
    }

    @Test("Handed-over sockets are found by path, by their unit's name, and by file name; others are named")
    func finding() {
        let sockets = InheritedSockets(entries: [
            .init(descriptor: 3, name: "segmentd.socket", path: "/run/segmentd/front.mask"),
            .init(descriptor: 4, name: "control", path: nil),
            .init(descriptor: 5, name: "x", path: "/elsewhere/rear.nut"),
        ])
        #expect(sockets.descriptor(for: "/run/segmentd/front.mask") == 3)
        #expect(sockets.descriptor(for: "/run/segmentd/control") == 4)
        #expect(sockets.unused.map(\.descriptor) == [5])
        #expect(sockets.descriptor(for: "/run/segmentd/rear.nut") == 5)
        #expect(sockets.descriptor(for: "/run/segmentd/rear.mask") == nil)
        #expect(sockets.unused.isEmpty)
    }

    @Test(
        "Nothing is taken over that is meant for another process or makes no sense",
        arguments: [
            [:], ["LISTEN_FDS": "2"], ["LISTEN_PID": "99", "LISTEN_FDS": "1"], ["LISTEN_PID": "7", "LISTEN_FDS": "-1"],
            ["LISTEN_PID": "7", "LISTEN_FDS": "many"], ["LISTEN_PID": "7", "LISTEN_FDS": "99999999"],
        ])
    func environment(variables: [String: String]) {
        let sockets = InheritedSockets(environment: { variables[$0] }, pid: 7)
        #expect(sockets.entries.isEmpty && sockets.problems.isEmpty)
    }
}
