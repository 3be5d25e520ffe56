import Foundation
import Glibc
import Testing

@Suite("A service whose surroundings stand still", .serialized)
struct StandstillTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(_ settings: String = "") throws {
        try folder.write(
            """
            size: 64x64
            threads: 1
            report_interval_s: 1
            log_level: debug
            \(settings)
            cameras:
              - {name: front, source: "synthetic:size=160x96,live=true", sockets: [mask], max_age_ms: 60000}
              - {name: gone, source: "rtsp://127.0.0.1:1/x", sockets: [mask]}

            """, to: "config.yaml")
    }

    private func ctl(_ arguments: String...) throws -> Program.Result {
        try Running(["ctl"] + arguments + ["--socket", folder.path("run/control")], in: folder).wait()
    }

    /// The service with a standard error that is full and that nobody reads.
    private func startUnread() throws -> (Process, Pipe) {
        let errors = Pipe()
        let end = errors.fileHandleForWriting.fileDescriptor
        _ = fcntl(end, F_SETFL, O_NONBLOCK)
        var bytes = [UInt8](repeating: 10, count: 4096)
        while Glibc.write(end, &bytes, bytes.count) > 0 {}
        _ = fcntl(end, F_SETFL, 0)
        let process = Process()
        process.executableURL = Program.url
        process.arguments = ["run", "--config", "config.yaml"]
        process.currentDirectoryURL = folder.url
        process.environment = ProcessInfo.processInfo.environment.merging(["RUNTIME_DIRECTORY": folder.path("run")]) {
            $1
        }
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return (process, errors)
    }

    private func wait(seconds: Double = 60, until condition: () -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if condition() { return true }
            usleep(20_000)
        }
        return false
    }

    @Test("sends masks and ends at SIGTERM while nobody reads its log, and says what is missing")
    func unreadLog() throws {
        try write()
        let (process, errors) = try startUnread()
        defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
        try #require(wait { FileManager.default.fileExists(atPath: folder.path("run/front.mask")) })
        let reader = try #require(MaskStream(folder.path("run/front.mask")))
        for _ in 0..<30 { _ = try #require(reader.frame()) }
        let status = try ctl("status")
        #expect(status.status == 0, status.summary)
        let told = wait {
            guard let status = try? ctl("status") else { return false }
            return String(decoding: status.output, as: UTF8.self).contains("nobody has read the log")
        }
        #expect(told, "the status tells of the log")
        #expect(reader.frame() != nil)
        let began = ContinuousClock.now
        kill(process.processIdentifier, SIGTERM)
        #expect(wait { !process.isRunning }, "SIGTERM ends it")
        // One second for the log, one for readers of masks, and the rest for a busy machine.
        #expect(ContinuousClock.now - began < .seconds(20))
        #expect(process.terminationStatus == 0)
        _ = errors
    }

    /// The first line of what `path` answers; empty where nothing does.
    private func page(_ path: String, port: Int) -> String {
        guard let descriptor = TestSocket.connected(toPort: port, seconds: 5) else { return "" }
        defer { close(descriptor) }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        send(descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        return String(decoding: chunk.prefix { $0 != 13 }.prefix(max(0, count)), as: UTF8.self)
    }

    @Test("makes the folder of its sockets passable under any umask, and again where somebody removes it")
    func removedFolder() throws {
        try write()
        let running = try Running(
            ["-c", "umask 077; exec \"$0\" run --config config.yaml", Program.url.path(percentEncoded: false)],
            in: folder, environment: ["RUNTIME_DIRECTORY": folder.path("run")], program: URL(filePath: "/bin/sh"))
        let (mask, control) = (folder.path("run/front.mask"), folder.path("run/control"))
        let areThere = { [mask, control].allSatisfy { FileManager.default.fileExists(atPath: $0) } }
        #expect(running.wait { areThere() }, "\(running.errors)")
        let reader = try #require(MaskStream(mask))
        _ = try #require(reader.frame())
        for _ in 0..<2 {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("run"))
            #expect(attributes[.posixPermissions] as? Int == 0o755)
            try FileManager.default.removeItem(atPath: folder.path("run"))
            #expect(running.wait { areThere() }, "\(running.errors)")
            let late = try #require(MaskStream(mask))
            #expect(late.frame() != nil && reader.frame() != nil)
        }
        #expect(try ctl("status").status == 0)
        #expect(running.errors.contains("front.mask: the socket's file had been removed"), "\(running.errors)")
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("answers over HTTP and serves masks while descriptors run out, and after it")
    func descriptors() throws {
        let port = Int.random(in: 21_000..<21_500)
        try write("http: {port: \(port)}\nsockets: {max_clients: 200}")
        let running = try Running(
            ["-c", "ulimit -n 64; exec \"$0\" run --config config.yaml", Program.url.path(percentEncoded: false)],
            in: folder, environment: ["RUNTIME_DIRECTORY": folder.path("run")], program: URL(filePath: "/bin/sh"))
        #expect(running.wait { page("/live", port: port) == "HTTP/1.1 200 OK" }, "\(running.errors)")
        #expect(running.wait { FileManager.default.fileExists(atPath: folder.path("run/front.mask")) })
        let reader = try #require(MaskStream(folder.path("run/front.mask")))
        _ = try #require(reader.frame())
        // Idle connections to the port take few descriptors.
        let idle = (0..<70).compactMap { _ in TestSocket.connected(toPort: port, seconds: 5) }
        #expect(running.wait { page("/live", port: port) == "HTTP/1.1 200 OK" })
        for descriptor in idle { close(descriptor) }
        let control = try #require(OpenConnection(folder.path("run/control")))
        #expect(control.ask("labels").contains("Sky"))
        // Readers of masks take all there are.
        var readers = (0..<100).compactMap { _ in OpenConnection(folder.path("run/front.mask")) }
        // Asked over a connection that was there before.
        var told = ""
        #expect(
            running.wait {
                told = control.ask("status")
                return told.contains(" of 64 descriptors are in use")
            }, "\(told)")
        #expect(running.wait { running.errors.contains("cannot accept") }, "\(running.errors)")
        #expect(running.wait { control.ask("status").contains("readers cannot connect: Too many open files") })
        for _ in 0..<20 { _ = try #require(reader.frame()) }
        readers.removeAll()
        #expect(running.wait { page("/live", port: port) == "HTTP/1.1 200 OK" }, "\(running.errors)")
        let late = try #require(MaskStream(folder.path("run/front.mask")))
        #expect(late.frame() != nil)
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("raises its limit of descriptors, and calls a camera that does not answer connecting")
    func start() throws {
        let silent = try #require(SilentPort())
        defer { silent.close() }
        try folder.write(
            """
            size: 64x64
            threads: 1
            report_interval_s: 1
            cameras:
              - {name: mute, source: "rtsp://127.0.0.1:\(silent.port)/x", sockets: [mask]}

            """, to: "config.yaml")
        let running = try Running(
            ["-c", "ulimit -Sn 100; exec \"$0\" run --config config.yaml", Program.url.path(percentEncoded: false)],
            in: folder, environment: ["RUNTIME_DIRECTORY": folder.path("run")], program: URL(filePath: "/bin/sh"))
        #expect(running.wait { running.errors.contains("mute: connecting, no frames") }, "\(running.errors)")
        #expect(!running.errors.contains("live, no frames"))
        var hard = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &hard)
        let status = try ctl("status", "--json")
        let report = try #require(try JSONSerialization.jsonObject(with: status.output) as? [String: Any])
        let limits = (report["process"] as? [String: Any])?["limits"] as? [[String: Any]]
        let descriptors = limits?.first { $0["kind"] as? String == "descriptors" }
        #expect(hard.rlim_max <= 100 || descriptors?["limit"] as? Int != 100, "\(status.summary)")
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("tells facts to every reader, and gives pictures and commands to those who may", .enabled(if: geteuid() == 0))
    func permissions() throws {
        try write("sockets: {mode: 0666}")
        chmod(folder.path("."), 0o755)
        let running = try Running(
            ["run", "--config", "config.yaml"], in: folder, environment: ["RUNTIME_DIRECTORY": folder.path("run")])
        #expect(running.wait { (try? ctl("snapshot", "front", "-o", "own.png"))?.status == 0 }, "\(running.errors)")
        func asNobody(_ command: String, _ rest: [String] = []) throws -> Program.Result {
            try Running(
                [
                    "--reuid", "65534", "--regid", "65534", "--clear-groups", Program.url.path(percentEncoded: false),
                    "ctl",
                ]
                    + [command] + rest + ["--socket", folder.path("run/control")],
                program: URL(filePath: "/usr/bin/setpriv")
            ).wait()
        }
        let labels = try asNobody("labels")
        #expect(labels.status == 0, labels.summary)
        for request in [["snapshot", "front", "-o", "-"], ["reload"]] {
            let refused = try asNobody(request[0], Array(request.dropFirst()))
            #expect(refused.status == 77, refused.summary)
            #expect(refused.lastLine.contains("\(request[0]) is refused to user 65534"), refused.summary)
        }
        try write("sockets: {mode: 0666}\ncontrol: {allow_uids: [65534]}")
        #expect(try ctl("reload").status == 0)
        let allowed = try asNobody("reload")
        #expect(allowed.status == 0, allowed.summary)
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }
}

/// A connection to a Unix socket that stays open, and takes nothing unless it asks.
final class OpenConnection {
    private let descriptor: Int32

    init?(_ path: String) {
        guard let connected = TestSocket.connected(to: path, seconds: 20) else { return nil }
        descriptor = connected
    }

    deinit { close(descriptor) }

    /// The line that answers `request`; what came of it where there is none.
    func ask(_ request: String) -> String {
        let line = Array("{\"request\":\"\(request)\"}\n".utf8)
        guard send(descriptor, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else { return "" }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while !bytes.contains(10) {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
