import Dispatch
import Foundation
import Imaging
import MaskOutput
import Synchronization
import Testing

/// A reader of ours, blocking, with the facts of each frame.
final class SocketReader {
    struct Frame {
        let facts: [String: String]
        let bytes: [UInt8]
    }

    let descriptor: Int32
    private(set) var header = ""
    private var buffered: [UInt8] = []

    init?(_ path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // A test that waits for ever says nothing.
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        if result != 0 { return nil }
    }

    deinit { close(descriptor) }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffered += chunk[..<count]
        return true
    }

    func line() -> String? {
        while true {
            if let end = buffered.firstIndex(of: 10) {
                defer { buffered.removeFirst(end + 1) }
                return String(decoding: buffered[..<end], as: UTF8.self)
            }
            if !fill() { return nil }
        }
    }

    func readHeader() -> String { line() ?? "" }

    func frame(_ size: Int) -> Frame? {
        guard let line = line(), line.hasPrefix("FRAME ") else { return nil }
        while buffered.count < size { if !fill() { return nil } }
        defer { buffered.removeFirst(size) }
        var facts: [String: String] = [:]
        for word in line.split(separator: " ").dropFirst() {
            let parts = word.split(separator: "=")
            if parts.count == 2 { facts[String(parts[0])] = String(parts[1]) }
        }
        return Frame(facts: facts, bytes: Array(buffered[..<size]))
    }

    var isClosed: Bool {
        while fill() {}
        return errno != EAGAIN
    }
}

/// A sink at a socket that a test feeds, from one thread at a time.
final class Publisher: @unchecked Sendable {
    let folder: TemporaryFolder
    let path: String
    let server: SocketServer
    let socket: MaskSocket
    let sink: SocketSink
    let size: ImageSize
    private let sequence = Atomic<UInt64>(0)
    var next: UInt64 { sequence.load(ordering: .relaxed) }

    init(
        size: ImageSize = ImageSize(height: 24, width: 32), content: SocketSink.Content = .mask,
        settings: SocketServer.Settings = .init(), events: @escaping @Sendable (SocketEvent) -> Void = { _ in }
    ) throws {
        folder = try TemporaryFolder()
        path = folder("front.\(content.rawValue)")
        self.size = size
        server = try SocketServer(settings: settings, onEvent: events)
        socket = try server.open(path: path)
        sink = SocketSink(socket: socket, content: content)
        try sink.begin(stream: Made.stream(size), maskSize: size, labels: Made.labels)
    }

    deinit { server.close() }

    func publish(dropped: Int = 0, validUntil: UInt64? = nil) throws {
        sequence.add(UInt64(dropped), ordering: .relaxed)
        let stamp = Made.stamp(next)
        var mask = Made.mask(Made.street(size, seed: Int(next)), stamp: stamp)
        mask.expiry = Expiry(validUntil)
        try sink.write(
            mask, of: Frame(stamp: stamp, picture: Made.ramp(ImageSize(height: 2, width: 2))), dropped: dropped)
        sequence.add(1, ordering: .relaxed)
    }

    /// Waits for what another thread brings about; a test that fails here would wait for ever otherwise.
    func wait(_ what: String, for isTrue: () -> Bool) {
        for _ in 0..<5000 {
            if isTrue() { return }
            usleep(2000)
        }
        Issue.record("waited ten seconds for: \(what)")
    }

    func expectIDs(_ bytes: [UInt8], _ sequence: Int) -> Bool {
        Made.street(size, seed: sequence).withUnsafeBytes { $0.elementsEqual(bytes) }
    }
}
