import Foundation
import Glibc
import Testing

@Suite("Passwords typed into URLs, from outside", .serialized)
struct PasswordTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("show neither in the log nor in what the service answers")
    func service() throws {
        // One that FFmpeg takes apart, one that it reads, and one that is no URL.
        let sources = [
            "rtsp://admin:2023/vogel@nvr.invalid/x", "rtsp://admin:kana rie@127.0.0.1:1/x", "admin:kanarie@h/x",
        ]
        let cameras = sources.enumerated().map { "  - {name: c\($0), source: '\($1)'}\n" }.joined()
        try folder.write("size: 64x64\nthreads: 1\nlog_level: debug\ncameras:\n\(cameras)", to: "config.yaml")
        #expect(try Program.run("check-config", "config.yaml", in: folder).status == 78)
        // The first is refused as it is: without a host that is surely one it is not.
        try folder.write(
            "size: 64x64\nthreads: 1\nlog_level: debug\ncameras:\n\(cameras)".replacing("nvr.invalid", with: "nvr"),
            to: "config.yaml")
        let running = try Running(
            ["run", "--config", "config.yaml"], in: folder, environment: ["RUNTIME_DIRECTORY": folder.path("run")])
        #expect(running.wait { (0...2).allSatisfy { running.errors.contains("c\($0): cannot open") } })
        let status = try Program.run("ctl", "status", "--json", "--socket", folder.path("run/control"), in: folder)
        #expect(status.status == 0, status.summary)
        running.send(SIGTERM)
        let all = running.wait().errors + String(decoding: status.output, as: UTF8.self)
        #expect(!all.contains("kana") && !all.contains("vogel") && !all.contains("rie@"), "\(all)")
        #expect(all.contains("a blank as %20") && all.contains("/ as %2F"), "\(all)")
    }

    @Test("are not on the command line that other users see, nor in what is said of it")
    func commandLine() throws {
        let listener = try #require(SilentPort())
        defer { listener.close() }
        let port = listener.port
        let running = try Running(
            ["segment", "rtsp://admin:kanarie@127.0.0.1:\(port)/x?a=1", "-o", "null:"], in: folder)
        func shown() -> String {
            let bytes = (try? Data(contentsOf: URL(filePath: "/proc/\(running.identifier)/cmdline"))) ?? Data()
            return String(decoding: bytes, as: UTF8.self).replacing("\0", with: " ")
        }
        #expect(running.wait { shown().contains("rtsp://***@127.0.0.1:\(port)/x?a=1 -o null:") }, "\(shown())")
        #expect(!shown().contains("kanarie"))
        running.send(SIGKILL)
        _ = running.wait()
        for arguments in [["run", "--config", "x", "rtsp://u:kanarie/x@h"]] {
            let result = try Running(arguments, in: folder).wait()
            #expect(result.status == 64 && !result.errors.contains("kanarie"), result.summary)
        }
    }

    @Test("may stand in a variable that an input of segment names")
    func variable() throws {
        let result = try Running(
            ["segment", "http://u:${env:CAMERA_PASSWORD}@127.0.0.1:1/x", "-o", "null:"], in: folder,
            environment: ["CAMERA_PASSWORD": "kanarie/vogel"]
        ).wait()
        #expect(result.status == 69 && result.errors.contains("http://***@127.0.0.1:1/x"), result.summary)
        let missing = try Program.run("segment", "http://u:${env:NO_SUCH}@127.0.0.1:1/x", "-o", "null:", in: folder)
        #expect(missing.status == 64 && missing.errors.contains("NO_SUCH is not set"), missing.summary)
    }
}
