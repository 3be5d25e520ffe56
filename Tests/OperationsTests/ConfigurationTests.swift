import Imaging
import MaskOutput
import Operations
import Testing

@Suite("A configuration file")
struct ConfigurationTests {
    private let camera = "cameras:\n  - name: front\n    source: drive.mp4\n"

    private func problems(_ yaml: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try ServiceConfiguration(yaml: yaml, file: "c.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("needs no more than a camera's name and source; all else has its default")
    func defaults() throws {
        let configuration = try ServiceConfiguration(yaml: camera, file: "c.yaml")
        #expect(configuration.model == nil)
        #expect(configuration.size == ImageSize(height: 768, width: 1024))
        #expect(configuration.threads == nil)
        #expect(configuration.logThreshold == .info)
        #expect(configuration.reportIntervalSeconds == 60)
        #expect(configuration.sockets.mode == 0o660)
        #expect(configuration.sockets.directory == nil && configuration.sockets.group == nil)
        let camera = try #require(configuration.cameras.first)
        #expect(camera.name == "front" && camera.source == SourceText("drive.mp4") && !camera.isLooped)
        #expect(camera.maxFramesPerSecond == nil && camera.fit == .stretch)
        #expect(camera.sockets == [.mask, .color] && camera.recordings.isEmpty)
        #expect(camera.rtspTransport == .tcp)
    }

    @Test("gives every key its value")
    func everything() throws {
        let yaml = """
            model: /srv/models/night.safetensors
            size: 512x1024
            fit: letterbox
            threads: 3
            cpu_features: scalar
            log_level: debug
            report_interval_s: 10
            sockets:
              directory: /tmp/masks
              mode: 0600
              group: video
              max_clients: 2
              client_timeout_ms: 250
            cameras:
              - name: front
                source: rtsp://user:secret@10.0.0.2/stream
                max_fps: 12.5
                rtsp_transport: udp
                open_timeout_ms: 900
                read_timeout_ms: 800
                sockets: [color]
              - {name: rear, source: rear.mp4, loop: true, fit: crop, sockets: [],
                 max_age_ms: 900, priority: 3,
                 recordings: [{path: rear.mkv, style: mask, rotate_s: 60, rotate_mb: 5}, {path: ids/, style: ids, opacity: 1}]}
            """
        let configuration = try ServiceConfiguration(yaml: yaml, file: "c.yaml")
        #expect(configuration.model == "/srv/models/night.safetensors")
        #expect(configuration.size == ImageSize(height: 512, width: 1024))
        #expect(configuration.threads == 3 && configuration.cpuFeatures == .scalar)
        #expect(configuration.logThreshold == .debug && configuration.reportIntervalSeconds == 10)
        #expect(configuration.sockets.directory == "/tmp/masks")
        #expect(configuration.sockets.mode == 0o600 && configuration.sockets.group == "video")
        #expect(configuration.sockets.maxClients == 2)
        #expect(configuration.sockets.clientTimeoutMilliseconds == 250)
        let front = configuration.cameras[0]
        #expect(front.maxFramesPerSecond == 12.5 && front.rtspTransport == .udp && front.sockets == [.color])
        #expect(front.openTimeoutMilliseconds == 900 && front.readTimeoutMilliseconds == 800)
        #expect(front.fit == .letterbox)
        let rear = configuration.cameras[1]
        #expect(rear.isLooped && rear.fit == .crop && rear.sockets.isEmpty)
        #expect(rear.recordings.map(\.path) == ["rear.mkv", "ids/"])
        #expect(rear.recordings.map(\.style) == [.mask, .ids])
        #expect(rear.recordings.map(\.opacity) == [0.5, 1])
        #expect(rear.recordings[0].limits == RecordingLimits(rotateSeconds: 60, rotateBytes: 5_000_000))
        #expect(rear.recordings[1].limits == RecordingLimits())
        #expect(front.maxAgeMilliseconds == 500 && front.priority == 1)
        #expect(rear.maxAgeMilliseconds == 900 && rear.priority == 3)
    }

    @Test(
        "names line, column, key and the nearest valid key of each mistake",
        arguments: [
            ("modle: x\n", "c.yaml:1:1: modle: unknown key; did you mean \"model\"?"),
            ("treads: 2\n", "c.yaml:1:1: treads: unknown key; did you mean \"threads\"?"),
            ("logLevel: info\n", "c.yaml:1:1: logLevel: unknown key; did you mean \"log_level\"?"),
            (
                "sockets: {mode: 0660, banana: 1}\n",
                "c.yaml:1:23: sockets.banana: unknown key; the keys here are allow_uids, client_timeout_ms, directory, "
                    + "group, max_clients, mode"
            ),
            (
                "size: 768\n",
                "c.yaml:1:7: size: expected a size HEIGHTxWIDTH in pixels, multiples of 16 from 32 to 8192, such as 768x1024, "
                    + "got \"768\""
            ),
            ("threads: 0\n", "c.yaml:1:10: threads: expected a whole number from 1 to 256, or auto, got \"0\""),
            ("threads: many\n", "c.yaml:1:10: threads: expected a whole number from 1 to 256, or auto, got \"many\""),
            ("threads: [1]\n", "c.yaml:1:10: threads: expected a whole number from 1 to 256, or auto, got a list"),
            (
                "fit: leterbox\n",
                "c.yaml:1:6: fit: expected one of stretch, letterbox, crop, got \"leterbox\"; did you mean "
                    + "\"letterbox\"?"
            ),
            ("model:\n", "c.yaml:1:7: model: expected the path of a model (.safetensors), or builtin, got nothing"),
            (
                "sockets:\n  mode: 0o660\n",
                "c.yaml:2:9: sockets.mode: expected permissions in octal, such as 0660, got \"0o660\""
            ),
            ("sockets: 3\n", "c.yaml:1:10: sockets: expected keys and values, got \"3\""),
        ])
    func singleMistakes(yaml: String, expected: String) {
        #expect(problems(yaml + camera) == [expected])
    }

    @Test(
        "names each mistake in a camera",
        arguments: [
            ("    loop: yes\n", "c.yaml:4:11: cameras[0].loop: expected true or false, got \"yes\"; write true"),
            ("    sorce: x\n", "c.yaml:4:5: cameras[0].sorce: unknown key; did you mean \"source\"?"),
            (
                "    max_fps: -1\n",
                "c.yaml:4:14: cameras[0].max_fps: expected a number of frames a second from 0.01 to 1000, or none, "
                    + "got \"-1\""
            ),
            (
                "    sockets: [mask, colour]\n",
                "c.yaml:4:21: cameras[0].sockets: expected a list of one of mask, color, nut, each once, got \"colour\"; "
                    + "did you mean \"color\"?"
            ),
            (
                "    sockets: [mask, mask]\n",
                "c.yaml:4:21: cameras[0].sockets: expected a list of one of mask, color, nut, each once, got \"mask\""
            ),
            ("    sockets: []\n", "c.yaml:4:14: cameras[0].sockets: the camera has neither a socket nor a recording"),
            (
                "    recordings: [{path: p}, {path: p/}]\n",
                "c.yaml:4:17: cameras[0].recordings: \"p/\" is written by an earlier recording"
            ),
            (
                "    recordings: [{path: p/, rotate_s: 5}]\n",
                "c.yaml:4:39: cameras[0].recordings[0].rotate_s: is for video files; a folder of PNGs keeps every picture"
            ),
            ("    recordings: a.mp4\n", "c.yaml:4:17: cameras[0].recordings: expected a list, got \"a.mp4\""),
            (
                "    recordings:\n      - style: ids\n",
                "c.yaml:5:9: cameras[0].recordings[0].path: missing; expected the path of a video file or a folder"
            ),
            ("    name: again\n", "c.yaml:4:5: cameras[0].name: given twice; keep one of them"),
            (
                "  - name: front\n    source: b.mp4\n",
                "c.yaml:4:11: cameras[1].name: \"front\" is the name of an earlier camera"
            ),
            (
                "  - name: ../x\n    source: y\n",
                "c.yaml:4:11: cameras[1].name: expected a name of letters, digits, - and _, 64 characters at most, "
                    + "got \"../x\""
            ),
        ])
    func cameraMistakes(yaml: String, expected: String) {
        #expect(problems(camera + yaml) == [expected])
    }

    @Test("lists all mistakes at once, in the order of the file")
    func allMistakes() {
        let yaml = """
            threads: 0
            fitt: crop
            threads: 2
            sockets:
              mode: 999
              mode: 0660
            cameras:
              - nmae: front
                loop: 1
              - name: rear
                source: []
            """
        let found = problems(yaml)
        #expect(
            found.map { $0.prefix { $0 != " " } } == [
                "c.yaml:1:10:", "c.yaml:2:1:", "c.yaml:3:1:", "c.yaml:5:9:", "c.yaml:6:3:", "c.yaml:8:5:",
                "c.yaml:8:5:", "c.yaml:8:5:", "c.yaml:9:11:", "c.yaml:11:13:",
            ], "\(found.joined(separator: "\n"))")
    }

    @Test("never repeats a source, which may hold a password")
    func secrets() {
        let yaml = "cameras:\n  - name: front\n    source: [\"rtsp://u:canary@host\"]\n"
        #expect(problems(yaml).count == 1)
        #expect(!problems(yaml).joined().contains("canary"))
    }

    @Test(
        "that is no configuration at all is refused with its place",
        arguments: [
            ("", "c.yaml: empty; expected at least cameras"),
            ("# nothing\n", "c.yaml: empty; expected at least cameras"),
            ("just words\n", "c.yaml:1:1: expected keys and values, got \"just words\""),
            ("[1, 2]\n", "c.yaml:1:1: expected keys and values, got a list"),
            ("threads: 2\n", "c.yaml:1:1: cameras: missing; expected a list of cameras"),
            ("cameras: []\n", "c.yaml:1:10: cameras: expected one camera at least"),
            ("cameras: {name: x}\n", "c.yaml:1:10: cameras: expected a list, got a section of keys"),
        ])
    func nothing(yaml: String, expected: String) {
        #expect(problems(yaml).first == expected)
    }

    @Test("with more cameras than a service takes is refused with the number")
    func tooManyCameras() {
        func yaml(_ count: Int) -> String {
            "cameras:\n" + (0..<count).map { "  - {name: c\($0), source: \"synthetic:\"}\n" }.joined()
        }
        #expect(problems(yaml(256)) == [])
        #expect(
            problems(yaml(257)) == [
                "c.yaml:2:3: cameras: expected 256 cameras at most, found 257; run another service, with its own "
                    + "sockets.directory, for the others"
            ])
    }

    @Test(
        "with broken YAML is refused with line and column",
        arguments: [
            ("cameras:\n\t- name: x\n", "c.yaml:2:1:"), ("a: 'open\n", "c.yaml:"), ("a: [1, 2\nb: 3\n", "c.yaml:2:"),
            ("a: b: c\n", "c.yaml:1:5:"), ("{a: 1, a: 2}\n", "c.yaml:1:2: given twice: a"),
            ("a: *nobody\n", "c.yaml:1:4:"),
        ])
    func broken(yaml: String, expected: String) {
        let found = problems(yaml)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test(
        "with a URL in the wrong place does not tell its password",
        arguments: [
            "cameras: [rtsp://u:geheim@h/x]\n", "cameras:\n  - name: rtsp://u:geheim@h/x\n",
            "cameras:\n  - rtsp://u:geheim@h/x: 1\n", "rtsp://u:geheim@h/x\n", "fit: rtsp://u:geheim@h/x\n",
        ])
    func secrets(yaml: String) {
        let found = problems(yaml)
        #expect(!found.isEmpty && found.allSatisfy { !$0.contains("geheim") }, "\(found)")
        #expect(found.contains { $0.contains("***") }, "\(found)")
    }

    @Test("indented with a tab says so")
    func tab() {
        #expect(problems("cameras:\n\t- name: x\n").first?.contains("tab") == true)
    }

    @Test("nested without end is refused, not followed")
    func deep() {
        let yaml = "cameras: " + String(repeating: "[", count: 100_000)
        #expect(problems(yaml).count == 1)
    }

    @Test("that cannot be read says why", arguments: [("/nonexistent/c.yaml", "No such file"), ("/", "directory")])
    func unreadable(path: String, expected: String) {
        #expect {
            _ = try ServiceConfiguration(path: path)
        } throws: {
            "\($0)".contains(path) && "\($0)".contains(expected)
        }
    }
}
