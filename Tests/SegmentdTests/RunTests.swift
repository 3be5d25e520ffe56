import Foundation
import Glibc
import Testing

@Suite("segmentd run")
struct RunTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func start(_ yaml: String, environment: [String: String] = [:]) throws -> Running {
        try folder.write("size: 64x64\nthreads: 1\nreport_interval_s: 1\n" + yaml, to: "config.yaml")
        return try Running(
            ["run", "--config", "config.yaml"], in: folder,
            environment: environment.merging(["RUNTIME_DIRECTORY": folder.path("run")]) { first, _ in first })
    }

    /// Reads the first `count` bytes of a socket as soon as it is there.
    private func read(_ name: String, _ count: Int, of running: Running) -> [UInt8] {
        read(name, of: running) { $0.count >= count }.prefix(count) + []
    }

    /// Reads a socket from the moment it is there until `isEnough`; less where it is closed or silent for a minute.
    private func read(_ name: String, of running: Running, until isEnough: ([UInt8]) -> Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        guard running.wait(until: { FileManager.default.fileExists(atPath: folder.path(name)) }) else { return [] }
        guard let descriptor = TestSocket.connected(to: folder.path(name), seconds: 60) else { return [] }
        defer { close(descriptor) }
        var chunk = [UInt8](repeating: 0, count: 4096)
        while !isEnough(bytes) {
            let got = recv(descriptor, &chunk, chunk.count, 0)
            guard got > 0 else { break }
            bytes += chunk[..<got]
        }
        return bytes
    }

    private func recordings(_ prefix: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.url.path(percentEncoded: false))
        return (names ?? []).filter { $0.hasPrefix(prefix) }.sorted()
    }

    @Test("a folder of pictures is a camera whose every picture counts")
    func folderOfPictures() throws {
        try FileManager.default.createDirectory(atPath: folder.path("pictures"), withIntermediateDirectories: true)
        for number in 0..<3 {
            let rows: [[UInt8]] = (0..<64).map { row in
                (0..<64 * 3).map { UInt8(truncatingIfNeeded: row * 3 + $0 + number) }
            }
            let png = StoredPNG(height: 64, width: 64, bits: 8, color: 2, rows: rows)
            try png.write(to: folder.path("pictures/\(number).png"))
        }
        let running = try start("cameras: [{name: front, source: pictures/, loop: true}]\n")
        defer { running.send(SIGTERM) }
        let bytes = read("run/front.mask", of: running) {
            $0.count > 1 << 20 || String(decoding: $0, as: UTF8.self).contains(#/XF=1?0\n/#)
        }
        #expect(String(decoding: bytes, as: UTF8.self).contains(#/XF=1?0\n/#), "\(running.errors)")
    }

    @Test("tells systemd when it is ready, publishes masks, and ends cleanly on SIGTERM", arguments: [SIGTERM, SIGINT])
    func lifecycle(signal: Int32) throws {
        let notifications = try #require(Notifications(folder))
        let running = try start(
            """
            cameras:
              - name: front
                source: "synthetic:size=160x96,live=true"
                recordings: [{path: front.mkv, style: ids}]

            """, environment: ["NOTIFY_SOCKET": notifications.path])
        var told = ""
        #expect(
            running.wait {
                told += notifications.next()
                return told.contains("READY=1")
            }, "\(running.errors)")
        let bytes = read("run/front.mask", 5000, of: running)
        let header = bytes.prefix { $0 != UInt8(ascii: "\n") }
        #expect(String(decoding: header, as: UTF8.self).hasPrefix("YUV4MPEG2 W64 H64 F"))
        #expect(bytes.count == 5000)
        #expect(
            running.wait {
                told += notifications.next()
                return told.contains(/STATUS=front \d/)
            }, "\(told)")
        running.send(signal)
        let result = running.wait()
        for _ in 0..<10 { told += notifications.next() }
        #expect(result.status == 0, result.summary)
        #expect(told.contains("STOPPING=1"))
        #expect(result.output.isEmpty)
        #expect(result.errors.contains(/front: live, \d+\.\d fps, latency p50 \d/), result.summary)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("run")).isEmpty)
        let recorded = try #require(recordings("front_").first { $0.hasSuffix(".mkv") })
        #expect(!recorded.contains("unfinished"))
        #expect(recordings("front_").count == 2)
        #expect(try Program.run("segment", recorded, "-o", "null:", "--size", "64x64", in: folder).status == 0)
    }

    @Test("ends by itself when all its files have ended")
    func ends() throws {
        #expect(
            try Program.run("synthesize", "-o", "a.mkv", "--seconds", "0.5", "--size", "160x96", in: folder).status
                == 0)
        let running = try start("cameras:\n  - {name: a, source: a.mkv, recordings: [{path: out.mkv}]}\n")
        let result = running.wait()
        #expect(result.status == 0, result.summary)
        #expect(result.errors.contains("a: the source has ended"))
        #expect(result.errors.contains("in all: ended"))
        let recorded = try #require(recordings("out_").first { $0.hasSuffix(".mkv") })
        let index = try String(
            contentsOf: folder.url.appending(path: recorded + ".jsonl"), encoding: .utf8)
        let lines = index.split(separator: "\n")
        #expect(!lines.isEmpty && lines.allSatisfy { $0.contains("\"origin\":\"file\"") && $0.hasSuffix("}") })
    }

    @Test("keeps trying a camera that is away, without harm to the others and without telling its password")
    func failingCamera() throws {
        let running = try start(
            """
            log_level: debug
            cameras:
              - {name: gone, source: "rtsp://admin:canary-7@127.0.0.1:1/x"}
              - {name: here, source: "synthetic:size=160x96,live=true"}

            """)
        #expect(read("run/here.mask", 5000, of: running).count == 5000, "\(running.errors)")
        #expect(running.wait { running.errors.components(separatedBy: "gone: cannot open").count > 3 })
        running.send(SIGTERM)
        let result = running.wait()
        #expect(result.status == 0, result.summary)
        #expect(!result.errors.contains("canary"))
        #expect(result.errors.contains("gone: in all: ended, no frames"))
    }

    @Test("gives two cameras one network and each its masks, and a camera that is away blind ones")
    func severalCameras() throws {
        let running = try start(
            """
            cameras:
              - {name: front, source: "synthetic:size=160x96,live=true", priority: 3, sockets: [mask], max_age_ms: 60000}
              - {name: rear, source: "synthetic:size=160x96,live=true,seed=5", sockets: [mask], max_age_ms: 60000}
              - {name: gone, source: "rtsp://127.0.0.1:1/x"}

            """)
        let flags = { (bytes: [UInt8]) in
            String(decoding: bytes, as: UTF8.self).split(separator: " XF=").dropFirst().map { $0.prefix { $0 != "\n" } }
        }
        // How many masks are blind before the first picture is a matter of the machine's load.
        for name in ["front", "rear"] {
            let found = flags(read("run/\(name).mask", of: running) { flags($0).contains("0") })
            #expect(found.contains("0"), "\(name): \(found) \(running.errors)")
        }
        let blind = flags(read("run/gone.mask", of: running) { flags($0).count >= 6 })
        #expect(blind.count >= 6 && blind.allSatisfy { $0 == "3" }, "gone: \(blind) \(running.errors)")
        running.send(SIGTERM)
        let result = running.wait()
        #expect(result.status == 0, result.summary)
        #expect(
            result.errors.contains(/gone: in all: ended, no frames, \d+ blind masks \(connecting \d+\)/), result.summary
        )
    }

    @Test("refuses a socket path that another daemon has")
    func takenSocket() throws {
        let yaml = "cameras:\n  - {name: front, source: \"synthetic:size=160x96,live=true\"}\n"
        let first = try start(yaml)
        #expect(!read("run/front.mask", 100, of: first).isEmpty, "\(first.errors)")
        let second = try start(yaml).wait()
        #expect(second.status == 69, second.summary)
        #expect(second.lastLine.contains("front.mask") && second.lastLine.contains("\(first.identifier)"))
        #expect(!read("run/front.mask", 100, of: first).isEmpty)
        first.send(SIGTERM)
        #expect(first.wait().status == 0)
    }

    @Test("refuses what only the configuration can mend before it is ready")
    func badSource() throws {
        let result = try start("cameras:\n  - {name: front, source: \"synthetic:sede=1\"}\n").wait()
        #expect(result.status == 78, result.summary)
        #expect(result.lastLine.contains("camera front") && result.lastLine.contains("seed"), result.summary)
    }

    @Test("refuses a recording over what any camera reads, and leaves it as it is")
    func recordingOverSource() throws {
        try folder.write("precious", to: "drive.mp4")
        let result = try start(
            "cameras:\n  - {name: front, source: \"synthetic:seconds=1\", recordings: [{path: ./drive.mp4}]}\n"
                + "  - {name: rear, source: drive.mp4}\n"
        ).wait()
        #expect(result.status == 78, result.summary)
        #expect(result.lastLine.contains("camera front") && result.lastLine.contains("drive.mp4"), result.summary)
        #expect(try String(contentsOf: folder.url.appending(path: "drive.mp4"), encoding: .utf8) == "precious")
    }

    @Test("fails where a recording found no room and all cameras have ended, and says so")
    func noRoom() throws {
        let result = try start(
            "cameras:\n  - {name: a, source: \"synthetic:size=160x96,seconds=0.3\", "
                + "recordings: [{path: out.mkv, min_free_mb: 100000000}]}\n"
        ).wait()
        #expect(result.status == 74, result.summary)
        #expect(result.errors.contains("recording out.mkv stopped: the disk of . is full"), result.summary)
        #expect(recordings("out").isEmpty)
    }

    @Test("leaves the seconds before its death to be played, with an index, and names them at the next start")
    func killed() throws {
        let yaml = """
            cameras:
              - {name: front, source: "synthetic:size=160x96,live=true", recordings: [{path: front.mkv}, {path: front.mp4}]}

            """
        let running = try start(yaml)
        // Index lines are written when what they tell of is on the disk.
        #expect(
            running.wait {
                let indices = recordings("front_").filter { $0.hasSuffix(".jsonl") }
                return indices.count == 2 && indices.allSatisfy { folder.size($0) > 500 }
            }, "\(running.errors)")
        running.send(SIGKILL)
        _ = running.wait()
        let left = recordings("front_").filter { $0.contains(".unfinished.") }
        #expect(left.count == 2)
        for name in left {
            let result = try Program.run("segment", name, "-o", "null:", "--size", "64x64", in: folder)
            #expect(result.status == 0, result.summary)
        }
        let again = try start(yaml)
        let finished = left.map { $0.replacing(".unfinished", with: "") }
        #expect(again.wait { finished.allSatisfy { recordings("front_").contains($0) } }, "\(again.errors)")
        again.send(SIGTERM)
        #expect(again.wait().status == 0)
        #expect(recordings("front_").allSatisfy { !$0.contains("unfinished") })
    }

    @Test(
        "gives no reader the former header once a reload with another size is done, be the camera there or away",
        arguments: ["synthetic:size=160x96,live=true", "rtsp://127.0.0.1:1/away"])
    func reloadedSize(source: String) throws {
        let cameras = "cameras: [{name: front, source: \"\(source)\", sockets: [mask, color, nut]}]\n"
        let running = try start(cameras)
        for name in ["mask", "color"] {
            #expect(String(decoding: read("run/front.\(name)", 24, of: running), as: UTF8.self).contains(" W64 H64 "))
        }
        for round in 0..<4 {
            let (height, width) = round % 2 == 0 ? (96, 128) : (64, 64)
            try folder.write("size: \(height)x\(width)\nthreads: 1\n" + cameras, to: "config.yaml")
            let reload = try Program.run(
                "ctl", "reload", "--socket", folder.path("run/control"), in: folder)
            #expect(reload.status == 0, reload.summary)
            for _ in 0..<5 {
                let header = String(decoding: read("run/front.mask", 26, of: running), as: UTF8.self)
                #expect(header.contains(" W\(width) H\(height) "), "\(header)")
            }
        }
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("says in a sentence that the model is gone when it reads its configuration again")
    func removedModel() throws {
        let cameras = "cameras: [{name: front, source: \"synthetic:size=160x96,live=true\", sockets: [mask]}]\n"
        let running = try start(cameras)
        #expect(!read("run/front.mask", 24, of: running).isEmpty)
        try folder.write("model: none.safetensors\n" + cameras, to: "config.yaml")
        let reload = try Program.run("ctl", "reload", "--socket", folder.path("run/control"), in: folder)
        #expect(reload.status != 0, reload.summary)
        #expect(reload.lastLine.contains("cannot open the model none.safetensors: No such file"), reload.summary)
        #expect(!reload.lastLine.contains("CommandFailure"), reload.summary)
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
    }

    @Test("tells in its status how the PNGs of a live camera are doing")
    func pictures() throws {
        let running = try start(
            """
            cameras:
              - name: front
                source: "synthetic:size=160x96,live=true"
                recordings: [{path: masks/, style: ids}]

            """)
        var told = ""
        #expect(
            running.wait {
                let status = try? Program.run(
                    "ctl", "status", "--json", "--socket", folder.path("run/control"), in: folder)
                told = status.map { String(decoding: $0.output, as: UTF8.self) } ?? ""
                return told.contains("masks/") && told.contains(/"frames"\s*:\s*[1-9]/)
            }, "\(told)")
        running.send(SIGTERM)
        #expect(running.wait().status == 0)
        #expect(pictures("masks").allSatisfy { $0.hasPrefix("frame_") && $0.hasSuffix(".png") })
    }

    private func pictures(_ name: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path(name))) ?? []
    }

    @Test("works with the shipped configuration as it is")
    func shipped() throws {
        let notifications = try #require(Notifications(folder))
        let running = try Running(
            ["run", "--config", Program.root.appending(path: "config.yaml").path(percentEncoded: false)], in: folder,
            environment: ["RUNTIME_DIRECTORY": folder.path("run"), "NOTIFY_SOCKET": notifications.path])
        #expect(running.wait { notifications.next().contains("READY=1") }, "\(running.errors)")
        #expect(read("run/front.color", 1000, of: running).count == 1000, "\(running.errors)")
        running.send(SIGTERM)
        let result = running.wait()
        #expect(result.status == 0, result.summary)
    }

    @Test("writes journald's priorities under systemd")
    func journal() throws {
        let result = try start(
            "cameras:\n  - {name: front, source: \"synthetic:size=160x96,seconds=0.1\"}\n",
            environment: ["INVOCATION_ID": "0123456789abcdef0123456789abcdef"]
        ).wait()
        #expect(result.status == 0, result.summary)
        #expect(result.errors.split(separator: "\n").allSatisfy { $0.contains(/^<[2-7]>/) }, result.summary)
    }
}
