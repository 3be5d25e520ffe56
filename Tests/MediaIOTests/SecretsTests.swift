import Imaging
import MediaIO
import Synchronization
import Testing

@Suite("Secrets stay inside")
struct SecretsTests {
    @Test(
        "a location shows neither password nor token",
        arguments: [
            ("rtsp://admin:canary42@10.0.0.5:554/stream1", "rtsp://***@10.0.0.5:554/stream1"),
            ("https://host/live.m3u8?token=canary42&quality=high", "https://host/live.m3u8?token=***&quality=high"),
            ("http://host/x?user=a&access_token=canary42", "http://host/x?user=a&access_token=***"),
            ("rtsp://canary42@host/", "rtsp://***@host/"),
            ("rtsp://u:p%40canary42@host/a", "rtsp://***@host/a"),
            // Whether the path has an @ or the password a / cannot be told.
            ("rtsp://u:p%40canary42@nvr7/way@bend", "rtsp://***@bend"),
            ("drive.mp4", "drive.mp4"),
            ("/data/a=b:c.mp4", "/data/a=b:c.mp4"),
        ])
    func description(text: String, shown: String) {
        let location = MediaLocation(text)
        #expect(location.description == shown)
        #expect(!"\(location)".contains("canary42"))
        #expect(!String(reflecting: location).contains("canary42"))
        var dumped = ""
        dump(location, to: &dumped)
        #expect(!dumped.contains("canary42"))
    }

    @Test("an error about a location hides its password, in FFmpeg's own words too")
    func errors() {
        let lines = Mutex<[FFmpegLog.Line]>([])
        FFmpegLog.setHandler(level: .trace) { line in lines.withLock { $0.append(line) } }
        defer { FFmpegLog.setHandler(nil) }
        do {
            _ = try Demuxer(MediaLocation("http://admin:canary42@127.0.0.1:1/x?token=canary43"))
            Issue.record("port 1 answered")
        } catch {
            #expect(!"\(error)".contains("canary4"))
            #expect((error as? MediaError)?.kind == .connection)
        }
        let said = lines.withLock { $0 }
        #expect(!said.isEmpty)
        #expect(!said.contains { $0.message.contains("canary4") })
    }

    @Test("a short part of a password that is longer in its encoded form hides nothing else")
    func shortParts() {
        _ = MediaLocation.redacted("rtsp://u:p%40s%20s@127.0.0.1/")
        let location = MediaLocation("rtsp://u:p%40q%20s@127.0.0.1/")
        #expect("\(location)" == "rtsp://***@127.0.0.1/")
        #expect(MediaLocation.redacted("trying again in 0.29 s, and then") == "trying again in 0.29 s, and then")
    }

    @Test(
        "paths and URLs are told apart",
        arguments: [
            ("drive.mp4", nil, "drive.mp4"), ("-", "pipe", nil), ("rtsp://h/x", "rtsp", nil),
            ("file:/a/b.mp4", "file", "/a/b.mp4"), ("file:///a/b.mp4", "file", "/a/b.mp4"), ("a:b.mp4", nil, "a:b.mp4"),
            ("C:\\x.mp4", nil, "C:\\x.mp4"), ("RTSP://h/x", "rtsp", nil),
        ] as [(String, String?, String?)])
    func schemes(text: String, scheme: String?, path: String?) {
        #expect(MediaLocation(text).scheme == scheme)
        #expect(MediaLocation(text).path == path)
    }
}
