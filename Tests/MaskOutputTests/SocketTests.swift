import Dispatch
import Foundation
import Imaging
import MaskOutput
import Synchronization
import Testing

/// The path that a descriptor's socket is bound to; nil for what is no such socket.
private func boundPath(of descriptor: Int32) -> String? {
    var address = sockaddr_un()
    var length = socklen_t(MemoryLayout<sockaddr_un>.size)
    let result = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard result == 0, address.sun_family == sa_family_t(AF_UNIX) else { return nil }
    return withUnsafeBytes(of: &address.sun_path) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

@Suite(.serialized) struct SocketTests {
    @Test("Readers get header, ids and facts; a late one gets the header and the next whole frame")
    func basics() throws {
        let publisher = try Publisher()
        let first = try #require(SocketReader(publisher.path))
        publisher.wait("the first reader") { publisher.socket.snapshot.clients == 1 }
        #expect(
            first.readHeader() == "YUV4MPEG2 W32 H24 F30:1 Ip A1:1 Cmono XCOLORRANGE=FULL XSEGMENTD=1")
        for index in 0..<3 {
            try publisher.publish()
            let frame = try #require(first.frame(publisher.size.area))
            #expect(publisher.expectIDs(frame.bytes, index))
            #expect(frame.facts["XS"] == "\(index)" && frame.facts["XD"] == "0" && frame.facts["XF"] == "0")
            #expect(frame.facts["XT"] == "\(1_700_000_000_000_000_000 + index)")
            #expect((Int(frame.facts["XL"] ?? "") ?? -1) >= 0)
        }
        let late = try #require(SocketReader(publisher.path))
        publisher.wait("the late reader") { publisher.socket.snapshot.clients == 2 }
        try publisher.publish(dropped: 4)
        _ = late.readHeader()
        let seen = try #require(late.frame(publisher.size.area))
        #expect(seen.facts["XS"] == "7" && seen.facts["XD"] == "0")
        #expect(first.frame(publisher.size.area)?.facts["XD"] == "4")
        publisher.wait("five frames counted as sent") { publisher.socket.snapshot.framesSent == 5 }
    }

    @Test("A reader that stops holds nobody up, is told its drops, and gets the newest frame when it goes on")
    func slow() throws {
        // Longer than the test takes on a busy machine.
        var patient = SocketServer.Settings()
        patient.stallSeconds = 600
        let publisher = try Publisher(size: ImageSize(height: 768, width: 1024), settings: patient)
        let quick = try #require(SocketReader(publisher.path))
        let slow = try #require(SocketReader(publisher.path))
        publisher.wait("both readers") { publisher.socket.snapshot.clients == 2 }
        _ = quick.readHeader()
        for index in 0..<20 {
            try publisher.publish()
            let frame = try #require(quick.frame(publisher.size.area))
            #expect(publisher.expectIDs(frame.bytes, index))
        }
        _ = slow.readHeader()
        let begun = try #require(slow.frame(publisher.size.area))
        #expect(begun.facts["XS"] == "0" && publisher.expectIDs(begun.bytes, 0))
        let newest = try #require(slow.frame(publisher.size.area))
        #expect(newest.facts["XS"] == "19" && newest.facts["XD"] == "18" && publisher.expectIDs(newest.bytes, 19))
        publisher.wait("the drops to be counted") { publisher.socket.snapshot.framesDropped == 18 }
    }

    @Test("A mask that has become too old to be valid is not sent; the next one says that it is missing")
    func tooOld() throws {
        let publisher = try Publisher()
        let reader = try #require(SocketReader(publisher.path))
        publisher.wait("the reader") { publisher.socket.snapshot.clients == 1 }
        _ = reader.readHeader()
        try publisher.publish(validUntil: .max)
        #expect(reader.frame(publisher.size.area)?.facts["XS"] == "0")
        try publisher.publish(validUntil: 1)
        try publisher.publish()
        let next = try #require(reader.frame(publisher.size.area))
        #expect(next.facts["XS"] == "2" && next.facts["XD"] == "1")
    }

    @Test("A reader that takes nothing is closed after the stall time; the others are not")
    func stalled() throws {
        var settings = SocketServer.Settings()
        settings.stallSeconds = 0.2
        let publisher = try Publisher(size: ImageSize(height: 768, width: 1024), settings: settings)
        let quick = try #require(SocketReader(publisher.path))
        let stuck = try #require(SocketReader(publisher.path))
        publisher.wait("both readers") { publisher.socket.snapshot.clients == 2 }
        _ = quick.readHeader()
        try publisher.publish()
        #expect(quick.frame(publisher.size.area) != nil)
        publisher.wait("the stuck reader to be closed") { publisher.socket.snapshot.stalled == 1 }
        #expect(stuck.isClosed)
        try publisher.publish()
        #expect(quick.frame(publisher.size.area)?.facts["XS"] == "1")
        #expect(publisher.socket.snapshot.clients == 1)
    }

    @Test("Readers beyond the limit are turned away and counted")
    func limit() throws {
        var settings = SocketServer.Settings()
        settings.maximumClients = 2
        let refusals = Atomic<Int>(0)
        let publisher = try Publisher(settings: settings) { event in
            if case .refused(_, let limit) = event { refusals.add(limit == 2 ? 1 : 100, ordering: .relaxed) }
        }
        let kept = try (0..<2).map { _ in try #require(SocketReader(publisher.path)) }
        publisher.wait("two readers") { publisher.socket.snapshot.clients == 2 }
        let extra = try #require(SocketReader(publisher.path))
        #expect(extra.isClosed)
        #expect(publisher.socket.snapshot.refused == 1 && refusals.load(ordering: .relaxed) == 1)
        withExtendedLifetime(kept) {}
    }

    @Test("Fifty readers come and go at any moment; descriptors and numbers are as before")
    func comingAndGoing() throws {
        var settings = SocketServer.Settings()
        settings.maximumClients = 64
        let publisher = try Publisher(size: ImageSize(height: 240, width: 320), settings: settings)
        // The listener and the server's end of each connection have an address in its folder. Other tests open
        // descriptors meanwhile.
        let descriptors = {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            return names.compactMap { Int32($0) }.count { boundPath(of: $0)?.hasPrefix(publisher.folder("")) == true }
        }
        let steady = try #require(SocketReader(publisher.path))
        publisher.wait("the steady reader") { publisher.socket.snapshot.clients == 1 }
        _ = steady.readHeader()
        #expect(descriptors() == 2, "the listener and the steady reader")
        var readers: [SocketReader] = []
        for round in 0..<150 {
            if round < 100, let reader = SocketReader(publisher.path) {
                if round % 3 == 0 { shutdown(reader.descriptor, Int32(SHUT_WR)) }
                if round % 2 == 0 { readers.append(reader) }
            }
            if readers.count > 25 || round > 110, !readers.isEmpty { readers.removeFirst() }
            try publisher.publish()
            let frame = try #require(steady.frame(publisher.size.area))
            #expect(frame.facts["XS"] == "\(round)" && publisher.expectIDs(frame.bytes, round))
        }
        readers.removeAll()
        publisher.wait("all to be gone") {
            _ = try? publisher.publish()
            _ = steady.frame(publisher.size.area)
            return publisher.socket.snapshot.clients == 1
        }
        #expect(publisher.socket.snapshot.accepted == 101)
        publisher.wait("as many descriptors as before") { descriptors() == 2 }
    }

    @Test("A reader that says something or closes its sending half still gets its frames")
    func talkative() throws {
        let publisher = try Publisher()
        let reader = try #require(SocketReader(publisher.path))
        let words = [UInt8](repeating: 65, count: 50_000)
        #expect(send(reader.descriptor, words, words.count, 0) > 0)
        shutdown(reader.descriptor, Int32(SHUT_WR))
        publisher.wait("the reader") { publisher.socket.snapshot.clients == 1 }
        _ = reader.readHeader()
        for index in 0..<3 {
            try publisher.publish()
            #expect(reader.frame(publisher.size.area)?.facts["XS"] == "\(index)")
        }
    }

    @Test("A camera that comes back with the same stream keeps its readers; another stream closes them")
    func beginsAgain() throws {
        let publisher = try Publisher()
        let reader = try #require(SocketReader(publisher.path))
        publisher.wait("the reader") { publisher.socket.snapshot.clients == 1 }
        _ = reader.readHeader()
        try publisher.publish()
        #expect(reader.frame(publisher.size.area) != nil)
        try publisher.sink.finish()
        try publisher.sink.begin(stream: Made.stream(publisher.size), maskSize: publisher.size, labels: Made.labels)
        try publisher.publish()
        #expect(reader.frame(publisher.size.area)?.facts["XS"] == "1")
        // Another rate is no reason to go: times are in the frames' lines.
        try publisher.sink.begin(
            stream: Made.stream(publisher.size, rate: Rational(15, 1)), maskSize: publisher.size, labels: Made.labels)
        try publisher.publish()
        #expect(reader.frame(publisher.size.area)?.facts["XS"] == "2")
        let late = try #require(SocketReader(publisher.path))
        #expect(late.readHeader().contains(" F15:1 "))
        try publisher.sink.begin(
            stream: Made.stream(publisher.size), maskSize: ImageSize(height: 8, width: 8), labels: Made.labels)
        #expect(reader.isClosed && late.isClosed)
    }

    @Test("Readers of many sockets are waited for at the same time, not one after the other")
    func drainsTogether() throws {
        // Large masks: a reader that takes nothing is never done.
        let size = ImageSize(height: 1024, width: 1024)
        let publishers = try (0..<8).map { _ in try Publisher(size: size) }
        let readers = try publishers.map { try #require(SocketReader($0.path)) }
        for publisher in publishers {
            publisher.wait("the reader") { publisher.socket.snapshot.clients == 1 }
            try publisher.publish()
        }
        let began = ContinuousClock.now
        let deadline = DispatchTime.now() + 1
        for publisher in publishers { publisher.sink.willFinish(by: deadline) }
        for publisher in publishers { try publisher.sink.finish() }
        let took = ContinuousClock.now - began
        #expect(took > .milliseconds(900) && took < .seconds(6), "eight seconds one after the other: \(took)")
        withExtendedLifetime(readers) {}
    }

    @Test("A socket says what it was offered, and that nothing waits while its thread lives")
    func offered() throws {
        let publisher = try Publisher()
        for _ in 0..<3 { try publisher.publish() }
        #expect(publisher.socket.snapshot.offered == 3 && publisher.socket.snapshot.published == 0)
        let reader = try #require(SocketReader(publisher.path))
        publisher.wait("the reader") { publisher.socket.snapshot.clients == 1 }
        _ = publisher.server.probe()
        try publisher.publish(dropped: 2)
        _ = reader.readHeader()
        #expect(reader.frame(publisher.size.area)?.facts["XS"] == "5")
        let numbers = publisher.socket.snapshot
        #expect(numbers.offered == 6 && numbers.published == 1 && numbers.waitingSince == nil)
        publisher.wait("the count") { publisher.socket.snapshot.framesSent == 1 }
        #expect(publisher.server.probe() == nil, "the thread gave a sign of life")
        publisher.server.close()
        #expect(publisher.server.probe() == nil)
    }

    @Test("Readers stay when a rate becomes known, in every kind of stream", arguments: SocketSink.Content.allCases)
    func rateBecomesKnown(content: SocketSink.Content) throws {
        let publisher = try Publisher(content: content)
        try publisher.sink.begin(
            stream: Made.stream(publisher.size, rate: nil), maskSize: publisher.size, labels: Made.labels)
        let reader = try #require(SocketReader(publisher.path))
        publisher.wait("the reader") { publisher.socket.snapshot.clients == 1 }
        try publisher.sink.begin(
            stream: Made.stream(publisher.size, rate: Rational(15, 1)), maskSize: publisher.size, labels: Made.labels)
        try publisher.publish()
        publisher.wait("the frame") { publisher.socket.snapshot.framesSent == 1 }
        #expect(publisher.socket.snapshot.clients == 1)
        _ = reader
    }

    @Test("A stream that is forgotten closes its readers, and who connects later waits for the next one's header")
    func forgotten() throws {
        let publisher = try Publisher()
        let reader = try #require(SocketReader(publisher.path))
        #expect(reader.readHeader().contains(" W32 "))
        publisher.socket.forget(unless: publisher.size)
        try publisher.publish()
        #expect(reader.frame(publisher.size.area) != nil, "the same size is the same stream")
        let size = ImageSize(height: 8, width: 16)
        for _ in 0..<50 {
            publisher.socket.forget(unless: size)
            let late = try #require(SocketReader(publisher.path))
            try publisher.sink.begin(stream: Made.stream(size), maskSize: size, labels: Made.labels)
            #expect(late.readHeader().contains(" W16 "))
            publisher.socket.forget(unless: publisher.size)
            let later = try #require(SocketReader(publisher.path))
            try publisher.sink.begin(
                stream: Made.stream(publisher.size), maskSize: publisher.size, labels: Made.labels)
            #expect(later.readHeader().contains(" W32 "))
            #expect(late.isClosed)
        }
        #expect(reader.isClosed)
    }

    @Test("The socket's mode is as set, a stale file is replaced, and closing removes it")
    func files() throws {
        let folder = try TemporaryFolder()
        let path = folder("run/front.mask")
        var settings = SocketServer.Settings()
        settings.mode = 0o640
        for _ in 0..<2 {
            let server = try SocketServer(settings: settings)
            let socket = try server.open(path: path)
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o640)
            #expect(SocketReader(path) != nil)
            withExtendedLifetime(socket) {}
            server.close()
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder("run")) == [])
            // What a killed daemon leaves: a socket that nobody listens to.
            let stale = boundSocket(path)
            #expect(stale >= 0 && FileManager.default.fileExists(atPath: path))
            close(stale)
        }
    }

    /// A bound socket without a listener's backlog.
    private func boundSocket(_ path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? descriptor : -1
    }

    @Test("Another's live socket, a plain file and a path too long are refused and left alone")
    func refusals() throws {
        let publisher = try Publisher()
        let other = try SocketServer()
        #expect(throws: OutputError.socketInUse(path: publisher.path, pid: getpid())) {
            try other.open(path: publisher.path)
        }
        // A daemon that takes no lock (not ours) is found by knocking.
        let foreign = publisher.folder("foreign.mask")
        let listener = boundSocket(foreign)
        #expect(listen(listener, 1) == 0)
        defer { close(listener) }
        #expect(throws: OutputError.socketInUse(path: foreign, pid: getpid())) { try other.open(path: foreign) }
        #expect(FileManager.default.fileExists(atPath: foreign))
        let file = publisher.folder("file.mask")
        try Data("notes".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: OutputError.notASocket(path: file)) { try other.open(path: file) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == Data("notes".utf8))
        let long = publisher.folder(String(repeating: "x", count: 120))
        #expect(throws: OutputError.socketPathTooLong(path: long, limit: 107)) { try other.open(path: long) }
        #expect(publisher.folder.contents.filter { $0.hasSuffix(".lock") } == [".front.mask.lock"])
        other.close()
        #expect(SocketReader(publisher.path) != nil)
    }
}
