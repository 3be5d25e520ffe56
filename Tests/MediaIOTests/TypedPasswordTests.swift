import MediaIO
import Synchronization
import Testing

@Suite("A password typed into a URL as it is")
struct TypedPasswordTests {
    @Test(
        "is not shown, whatever signs are in it",
        arguments: [
            "rtsp://admin:2023/canary!@127.0.0.1:9/cam", "rtsp://admin:canary/34@127.0.0.1:9/cam",
            "rtsp://admin:se canary@127.0.0.1:9/cam", "rtsp://admin:P@ss/canary@127.0.0.1:9/cam",
            "rtsp://admin:canary#x@127.0.0.1/", "rtsp://admin:a?canary@127.0.0.1/", "rtsp://admin:%canary%@127.0.0.1/",
            "rtsp://admin:'canary\"<x>@127.0.0.1/", "rtsp://admin:x@canary@y@127.0.0.1/", "rtsp://admin:a://canary@h/",
            "rtsp://admin:x\t\ncanary@h/", "rtsp://admin:canary@\u{301}h/", "RTSP://admin:canary/x@h/",
            "rtsp:/admin:canary/x@h/", "rtsp:/admin:canary://x@h/", "rtsp//admin:canary@h", "rtsp:admin:canary@h",
            "admin:canary@h/cam",
            "//admin:canary@h/cam", "rtsp://admin:canary", "rtsp://admin:canary/cam", "http://h/x?password=a@canary",
            "http://h/x?password=a&canary", "http://h/x?token=a canary", "http://h/x?pwd=a#canary",
            "http://h/x?sig=;canary",
            "http://h/user=a_password=canary_channel=1",
            "rtsp://u:key=1/canary@h2/y2?sas=canary2&quality=1",
        ])
    func shown(text: String) {
        var dumped = ""
        dump(MediaLocation(text), to: &dumped)
        for one in [
            "\(MediaLocation(text))", String(reflecting: MediaLocation(text)), dumped, MediaLocation.shown(text),
            MediaLocation.redacted("cannot open \(text): no"), MediaLocation.redacted("'\(text)' and 'http://h/y'"),
        ] {
            #expect(!one.contains("canary"), "\(one)")
        }
    }

    @Test("keeps host and path where nothing follows the host's @")
    func kept() {
        #expect(MediaLocation("rtsp://admin:12/x34@10.0.0.1:9/cam?a=1").description == "rtsp://***@10.0.0.1:9/cam?a=1")
        #expect(MediaLocation("rtsp://10.0.0.1:80/stream").description == "rtsp://10.0.0.1:80/stream")
        #expect(MediaLocation("rtsp://[::1]:80/stream").description == "rtsp://[::1]:80/stream")
        #expect(MediaLocation("/data/a:b@c.mp4").description == "/data/a:b@c.mp4")
        let twice = MediaLocation.redacted("from rtsp://***@first9/x to rtsp://***@second9/y")
        #expect(twice == "from rtsp://***@first9/x to rtsp://***@second9/y")
    }

    @Test(
        "from which another host would be read is refused with what to write",
        arguments: [
            ("rtsp://admin:2023/kamera!@127.0.0.1:9/cam", "/ as %2F"), ("rtsp://admin:pa#x@nvr/cam", "# as %23"),
            ("rtsp://admin:P@ss/w0rd@127.0.0.1:9/cam", "/ as %2F, @ as %40"),
        ])
    func refused(text: String, expected: String) {
        #expect {
            _ = try Demuxer(MediaLocation(text))
        } throws: {
            let words = "\($0)"
            return ($0 as? MediaError)?.kind == .invalidArgument && words.contains(expected)
                && words.contains("${env:NAME} or ${credential:NAME}")
        }
    }

    @Test(
        "that FFmpeg can read is no mistake",
        arguments: [
            "rtsp://u:p@nvr8/a@b", "rtsp://nvr9:7554/a@b", "rtsp://admin:se cret@h/", "http://h/@user/x",
            "rtsp://u:a@b@h/x", "rtsp://10.9.9.9:7555/a@10.9.9.8", "file:///a:b/c@d.e", "rtsp://u:p%2Fq@10.9.9.7/x",
        ])
    func accepted(text: String) { #expect(MediaLocation(text).userInformationProblem == nil) }

    @Test("that cannot be opened has the advice to encode it")
    func advised() {
        #expect {
            _ = try Demuxer(MediaLocation("http://admin:se cret@127.0.0.1:1/x"))
        } throws: {
            "\($0)".contains("a blank as %20") && !"\($0)".contains("cret")
        }
    }

    @Test("is hidden in a text that has only a part of it, or another form")
    func forms() {
        _ = MediaLocation("http://admin:kanarie/vogel%21\"x@127.0.0.1/x")
        for text in [
            "Failed to resolve hostname kanarie", "GET /vogel%21\"x@127.0.0.1/x", "vogel!\\\"x",
            "kanarie%2Fvogel%21%22x",
            "Basic YWRtaW46a2FuYXJpZS92b2dlbCEieA==", "kanarie\\/vogel",
        ] {
            let shown = MediaLocation.redacted(text)
            #expect(
                !shown.contains("kanarie") && !shown.contains("vogel") && !shown.contains("YWRtaW46"), "\(shown)")
        }
    }

    @Test("never shows four signs of it, for two thousand random ones", arguments: 0..<8)
    func random(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let alphabet = Array("/@#?:%& =;,'\"<>[]{}|\\^`!$*()+~ÄßéΩ漢🚗\u{301}XQZJKVWxqzjkvw0123456789\t")
        for _ in 0..<250 {
            let password = String((0..<(4 + below(14))).map { _ in alphabet[below(alphabet.count)] })
            let start = ["rtsp://admin:", "http://user:", "rtsp:/admin:", "rtsps://u:", "admin:"][below(5)]
            let end = ["@127.0.0.1:9/cam", "@host/", "@10.1.2.3", "@[::1]:554/x?y=1"][below(4)]
            let text = start + password + end
            let location = MediaLocation(text)
            var dumped = ""
            dump(location, to: &dumped)
            var texts = ["\(location)", String(reflecting: location), dumped]
            for form in [text, String(reflecting: text), "cannot open '\(text)': failed", "the password \(password)"] {
                texts.append(MediaLocation.redacted(form))
            }
            if let problem = location.userInformationProblem { texts.append(problem) }
            let known = "\(start) \(end) cannot open 'failed' the password location: MediaIO."
            expectHidden(password, in: texts, known: known)
        }
    }

    @Test("never shows in what FFmpeg says of it")
    func lines() {
        let lines = Mutex<[String]>([])
        FFmpegLog.setHandler(level: .trace) { line in lines.withLock { $0.append(line.message) } }
        defer { FFmpegLog.setHandler(nil) }
        let passwords = [
            "geheim@werk", "geh eim", "geheim%4", "%67eheim", "gehe:im'", "gehe/im", "gehe#im", "gehe?im@im",
        ]
        for password in passwords {
            do {
                _ = try Demuxer(MediaLocation("http://admin:\(password)@127.0.0.1:1/x?quality=1"))
                Issue.record("port 1 answered")
            } catch {
                lines.withLock { $0.append("\(error)") }
            }
        }
        for password in passwords {
            expectHidden(password, in: lines.withLock { $0 }, known: "")
        }
    }

    private func expectHidden(_ password: String, in texts: [String], known: String) {
        let signs = Array(password.unicodeScalars)
        for start in 0..<max(0, signs.count - 3) {
            var part = String.UnicodeScalarView()
            part.append(contentsOf: signs[start..<(start + 4)])
            let piece = Array(String(part).utf8)
            if contains(piece, in: Array(known.utf8)) { continue }
            for text in texts {
                #expect(!contains(piece, in: Array(text.utf8)), "\(String(part)) of \(password) stands in \(text)")
            }
        }
    }

    private func contains(_ piece: [UInt8], in text: [UInt8]) -> Bool {
        guard text.count >= piece.count else { return false }
        return (0...(text.count - piece.count)).contains { text[$0...].starts(with: piece) }
    }
}
