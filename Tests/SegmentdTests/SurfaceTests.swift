import Foundation
import Glibc
import Testing

@Suite("The service's surface, from outside", .serialized)
struct SurfaceTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let camera = "  - {name: front, source: \"synthetic:size=160x96,live=true\", sockets: [mask]}\n"

    private func write(_ cameras: String = camera, settings: String = "") throws {
        try folder.write(
            "size: 64x64\nthreads: 1\nreport_interval_s: 1\n\(settings)cameras:\n\(cameras)", to: "config.yaml")
    }

    private func start(environment: [String: String] = [:]) throws -> Running {
        try Running(
            ["run", "--config", "config.yaml"], in: folder,
            environment: environment.merging(["RUNTIME_DIRECTORY": folder.path("run")]) { first, _ in first })
    }

    private func ctl(_ arguments: String...) throws -> Program.Result {
        try Running(["ctl"] + arguments + ["--socket", folder.path("run/control")], in: folder).wait()
    }

    private func text(_ result: Program.Result) -> String { String(decoding: result.output, as: UTF8.self) }

    private func waitUntilLive(_ running: Running, camera: String = "front") -> Bool {
        running.wait {
            guard let status = try? ctl("status") else { return false }
            return text(status).split(separator: "\n").contains { line in
                line.split(separator: " ").prefix(2).map(String.init) == [camera, "live"]
            }
        }
    }

    /// What the service answers to a page of its HTTP port.
    private func page(_ path: String, port: Int, method: String = "GET") throws -> (status: Int, text: String) {
        guard let descriptor = TestSocket.connected(toPort: port, seconds: 60) else { throw POSIXError(.ECONNREFUSED) }
        defer { close(descriptor) }
        let request = Array("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        #expect(send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            bytes += chunk[..<count]
        }
        let answer = String(decoding: bytes, as: UTF8.self)
        let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return (status, answer.components(separatedBy: "\r\n\r\n").dropFirst().joined(separator: "\r\n\r\n"))
    }

    @Test("A reader of standard output that leaves early crashes nothing, and a full disk is told")
    func outputs() throws {
        try write()
        let running = try start()
        #expect(waitUntilLive(running))
        func shell(_ command: String) throws -> Program.Result {
            try Running(
                ["-c", command, Program.url.path, folder.path("run/control")], in: folder,
                program: URL(filePath: "/bin/bash")
            ).wait()
        }
        let snapshot = try shell("\"$0\" ctl snapshot --socket \"$1\" -o - | true; exit ${PIPESTATUS[0]}")
        // It may have written all before the reader left.
        #expect([0, 74].contains(snapshot.status) && !snapshot.errors.contains("rash"), snapshot.summary)
        let top = try shell("\"$0\" ctl top --socket \"$1\" -i 0.1 -c 30 | true; exit ${PIPESTATUS[0]}")
        #expect(top.status == 0 && top.errors.isEmpty, top.summary)
        for command in ["ctl status --socket \"$1\"", "describe", "ctl snapshot --socket \"$1\" -o -"] {
            let full = try shell("\"$0\" \(command) > /dev/full")
            #expect(full.status == 74 && full.errors.contains("standard output"), full.summary)
        }
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("ctl shows status, labels, a snapshot and changes, and says so where no service is")
    func control() throws {
        let missing = try ctl("status")
        #expect(missing.status == 69 && missing.lastLine.contains("is the service running?"), missing.summary)
        try write()
        let running = try start()
        #expect(waitUntilLive(running), "\(running.errors)")
        let status = try ctl("status", "--json")
        #expect(status.status == 0, status.summary)
        let report = try #require(try JSONSerialization.jsonObject(with: status.output) as? [String: Any])
        #expect(report["ready"] as? Bool == true)
        #expect(((report["cameras"] as? [[String: Any]])?.first?["published"] as? Int ?? 0) > 0)
        #expect(text(try ctl("labels")).contains(/0 +#808080 +Sky/))
        #expect(
            text(try ctl("top", "--count", "2", "--interval", "0.1")).components(separatedBy: "segmentd ").count == 3)
        let snapshot = try ctl("snapshot", "-o", "front.png", "--style", "ids")
        #expect(snapshot.status == 0 && folder.size("front.png") > 100, snapshot.summary)
        #expect(text(snapshot).contains(/front, frame \d+, 64×64, \d+\.\d s old\n$/), snapshot.summary)
        let unknown = try ctl("snapshot", "rear", "-o", "x.png")
        #expect(unknown.status == 69 && unknown.lastLine.contains("there is no camera \"rear\""), unknown.summary)
        #expect(text(try ctl("reload")) == "nothing changes\n")
        try write(settings: "log_level: debug\n")
        #expect(text(try ctl("reload")) == "changes the log level; keeps front\n")
        try write(settings: "log_levle: debug\n")
        let refused = try ctl("reload")
        #expect(refused.status == 78 && refused.lastLine.contains("did you mean \"log_level\"?"), refused.summary)
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("SIGHUP changes what differs, and a camera that does not keeps its reader and its numbers")
    func reload() throws {
        let notifications = try #require(Notifications(folder))
        try write()
        let running = try start(environment: ["NOTIFY_SOCKET": notifications.path])
        #expect(waitUntilLive(running), "\(running.errors)")
        let reader = try #require(MaskStream(folder.path("run/front.mask")))
        _ = try #require(reader.frame())
        try write(
            Self.camera
                + "  - {name: rear, source: \"synthetic:size=160x96,live=true,seed=2\", sockets: [mask, nut]}\n",
            settings: "sockets: {mode: 0600, max_clients: 3}\n")
        running.send(SIGHUP)
        #expect(waitUntilLive(running, camera: "rear"), "\(running.errors)")
        #expect(notifications.hasTold(/RELOADING=1\nMONOTONIC_USEC=\d+\nREADY=1\nSTATUS=/), "\(notifications.told)")
        var last = try #require(reader.frame())
        for _ in 0..<20 {
            let next = try #require(reader.frame())
            #expect(next > last)
            last = next
        }
        #expect(last > 20, "the camera was not started anew")
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("run/front.mask"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(running.errors.contains("changes who may connect to the sockets, starts rear; keeps front"))
        try write(settings: "sockets: {mode: 0600, max_clients: 3}\n")
        running.send(SIGHUP)
        #expect(running.wait { !FileManager.default.fileExists(atPath: folder.path("run/rear.nut")) })
        #expect(reader.frame() != nil)
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("run")).isEmpty)
    }

    @Test("A configuration that is wrong changes nothing, and is told in log, status and to systemd")
    func badReload() throws {
        let notifications = try #require(Notifications(folder))
        try write()
        let running = try start(environment: ["NOTIFY_SOCKET": notifications.path])
        #expect(waitUntilLive(running), "\(running.errors)")
        let reader = try #require(MaskStream(folder.path("run/front.mask")))
        _ = try #require(reader.frame())
        for bad in [
            "  - {name: front, sorce: x}\n", Self.camera + "  - {name: rear, source: \"synthetic:sede=1\"}\n",
            Self.camera + "  - {name: rear, source: \"rtsp://u:canary-9@[/x\", sockets: [mask], loop: maybe}\n",
        ] {
            try write(bad)
            let refused = try ctl("reload")
            #expect(refused.status == 78 && !refused.errors.contains("canary"), refused.summary)
            #expect(reader.frame() != nil)
        }
        #expect(text(try ctl("status")).contains("the last reload was refused"))
        #expect(running.errors.contains("did you mean \"source\"?") && !running.errors.contains("canary"))
        #expect(running.wait { notifications.hasTold(/READY=1\nSTATUS=.*the last reload was refused/) })
        #expect(!FileManager.default.fileExists(atPath: folder.path("run/rear.mask")))
        try write()
        #expect(text(try ctl("reload")) == "nothing changes\n")
        #expect(!text(try ctl("status")).contains("refused"))
        #expect(reader.frame() != nil)
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("The HTTP port serves metrics, status, liveness and readiness, and moves with a reload")
    func http() throws {
        let port = Int.random(in: 20_000..<30_000)
        try write(settings: "http: {port: \(port)}\n")
        let running = try start()
        #expect(waitUntilLive(running), "\(running.errors)")
        let metrics = try page("/metrics", port: port)
        #expect(metrics.status == 200 && metrics.text.contains("segmentd_masks_published_total{camera=\"front\"}"))
        #expect(try page("/live", port: port).status == 200)
        #expect(try page("/ready", port: port) == (200, "front live\n"))
        let status = try page("/status", port: port)
        #expect(status.status == 200 && status.text.contains("\"ready\" : true"))
        #expect(try page("/other", port: port).status == 404)
        #expect(try page("/status", port: port, method: "POST").status == 405)
        try write(settings: "http: {port: \(port + 1)}\n")
        #expect(text(try ctl("reload")) == "changes the HTTP port; keeps front\n")
        #expect(try page("/live", port: port + 1).status == 200)
        #expect(throws: (any Error).self) { try page("/live", port: port) }
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("The watchdog is fed while masks go out, and while a source is away")
    func watchdog() throws {
        let notifications = try #require(Notifications(folder))
        try write(Self.camera + "  - {name: gone, source: \"rtsp://127.0.0.1:1/x\", sockets: [mask]}\n")
        let running = try start(environment: ["NOTIFY_SOCKET": notifications.path, "WATCHDOG_USEC": "2000000"])
        #expect(
            running.wait {
                _ = notifications.hasTold(/READY=1/)
                return notifications.told.components(separatedBy: "WATCHDOG=1").count > 8
            }, "\(notifications.told) \(running.errors)")
        #expect(!running.errors.contains("watchdog is not fed"))
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("SIGTERM at any moment of the start ends it cleanly", arguments: [0, 20, 60, 120, 200, 400])
    func earlyStop(milliseconds: UInt32) throws {
        try write()
        let running = try start()
        usleep(milliseconds * 1000)
        running.send(SIGTERM)
        let result = running.wait()
        // Before the program itself has begun, the signal ends it as any other: systemd takes that as success too.
        #expect(result.status == 0 || result.status == -SIGTERM, result.summary)
        let left = (try? FileManager.default.contentsOfDirectory(atPath: folder.path("run"))) ?? []
        #expect(left.isEmpty, "\(left)")
    }

    @Test("Sockets that systemd made are served, and stay when the service ends")
    func socketActivation() throws {
        let activate = "/usr/bin/systemd-socket-activate"
        guard FileManager.default.isExecutableFile(atPath: activate) else {
            print("skipped: no systemd-socket-activate")
            return
        }
        try write()
        let (mask, control) = (folder.path("activated.mask"), folder.path("activated.control"))
        let running = try Running(
            [
                // It closes every descriptor, by one of which Foundation knows that a process lives: a shell keeps it.
                "-c", "\"$@\"; exit $?", "sh", activate, "-l", mask, "-l", control,
                "--fdname=front.mask:control",
                "-E", "RUNTIME_DIRECTORY=\(folder.path("run"))", Program.url.path(percentEncoded: false), "run",
                "--config", "config.yaml",
            ], in: folder, program: URL(filePath: "/bin/sh"))
        #expect(running.wait { FileManager.default.fileExists(atPath: control) })
        let reader = try #require(MaskStream(mask))
        #expect(reader.frame() != nil, "\(running.errors)")
        let status = try Running(["ctl", "status", "--json", "--socket", control], in: folder).wait()
        #expect(status.status == 0, status.summary)
        #expect(((try? FileManager.default.contentsOfDirectory(atPath: folder.path("run"))) ?? []).isEmpty)
        let report = try JSONSerialization.jsonObject(with: status.output) as? [String: Any]
        kill(try #require((report?["process"] as? [String: Any])?["pid"] as? Int32), SIGTERM)
        #expect(running.wait().status == 0, "\(running.errors)")
        #expect(FileManager.default.fileExists(atPath: mask))
    }
}

/// Reads the masks of a socket, one after the other.
final class MaskStream {
    private let file: FileHandle
    private var size = 0

    init?(_ path: String) {
        guard let descriptor = TestSocket.connected(to: path, seconds: 60) else { return nil }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let head = line() ?? ""
        func number(_ letter: Character) -> Int {
            head.split(separator: " ").first { $0.first == letter }.flatMap { Int($0.dropFirst()) } ?? 0
        }
        size = number("W") * number("H")
    }

    private func line() -> String? {
        var bytes: [UInt8] = []
        while let byte = try? file.read(upToCount: 1)?.first {
            if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }

    /// The sequence number of the next mask; nil where there is none.
    func frame() -> Int? {
        guard size > 0, let line = line(), line.hasPrefix("FRAME ") else { return nil }
        var left = size
        while left > 0 {
            guard let bytes = try? file.read(upToCount: left), !bytes.isEmpty else { return nil }
            left -= bytes.count
        }
        return line.split(separator: " ").first { $0.hasPrefix("XS=") }.flatMap { Int($0.dropFirst(3)) }
    }
}
