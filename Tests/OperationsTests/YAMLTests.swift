import Foundation
import Glibc
import Operations
import Testing

@Suite("YAML that means something else than its writer thinks")
struct YAMLTests {
    private func read(_ yaml: String) -> (ServiceConfiguration?, [String]) {
        do throws(ConfigurationError) {
            return (try ServiceConfiguration(yaml: yaml, file: "c.yaml"), [])
        } catch {
            return (nil, error.problems.map(\.description))
        }
    }

    @Test("has merge keys merged, and what a section has itself goes before")
    func merge() throws {
        let (configuration, problems) = read(
            """
            cameras:
              - &base
                name: front
                source: a.mp4
                max_fps: 5
                max_age_ms: 800
              - &slow {<<: *base, name: left, priority: 4, max_age_ms: 900}
              - name: rear
                source: b.mp4
                <<: [*slow, *base]
            """)
        #expect(problems == [])
        let cameras = try #require(configuration?.cameras)
        #expect(cameras.map(\.name) == ["front", "left", "rear"])
        #expect(cameras.map(\.maxFramesPerSecond) == [5, 5, 5])
        #expect(cameras.map(\.maxAgeMilliseconds) == [800, 900, 900] && cameras.map(\.priority) == [1, 4, 4])
        #expect(cameras[2].source == SourceText("b.mp4"))
    }

    @Test(
        "is an error with its place and what to write",
        arguments: [
            (
                "  - name: front\n    source: !secret front_url\n",
                "c.yaml:3:13: the tag !secret is unknown here; a secret is written ${env:NAME}"
            ),
            (
                "  - name: front\n    source: !vault |\n      $ANSIBLE\n",
                "c.yaml:3:13: the tag !vault is unknown here; a secret"
            ),
            ("  - !camera\n    name: front\n    source: x\n", "c.yaml:2:5: the tag !camera is unknown here; remove it"),
            ("  - name: front\n    source: “x.mp4”\n", "c.yaml:3:13: “ is no quotation mark to YAML; write \" or '"),
            ("  - name: ‘front’\n    source: x\n", "c.yaml:2:11: ‘ is no quotation mark"),
            ("  - name: front\n    source: x\u{A0}\n", "c.yaml:3:14: U+00A0 looks like a blank and is none"),
            ("  - name: front\n\u{A0}\u{A0}\u{A0} source: x\n", "c.yaml:3:1: U+00A0 looks like a blank"),
            (
                "  - name: front\n    source: x\n---\ncameras: []\n",
                "another document; a configuration is one document: remove the ---"
            ),
            ("  - <<: 3\n    name: front\n    source: x\n", "c.yaml:2:5: <<: expected an alias of a section"),
            ("  - <<: *none\n    name: front\n    source: x\n", "no & before it has this name"),
            ("  - name: front\n    source: x\n    loop: on\n", "got \"on\"; write true"),
            ("  - name: front\n    source: x\n    refuse_flat: No\n", "got \"No\"; write false"),
            ("  - name: front\n    source: ~\n", "c.yaml:3:13: cameras[0].source: expected a file"),
            ("  - name: front\n    source: null\n", "c.yaml:3:13: cameras[0].source: expected a file"),
            ("  - name: front\n    source: x\n\tloop: true\n", "this is a tab"),
            ("  - name: front\r\n    source: x\r\n    name: again\r\n", "c.yaml:4:5: cameras[0].name: given twice"),
            (
                "  - name: front\n    source: rtsp://u:geheim #1@h/x\n",
                "c.yaml:3:13: a # behind a blank begins a comment"
            ),
            (
                "  - name: front\n    source: rtsp://u:gehe/im@10.0.0.1/x\n",
                "c.yaml:3:13: cameras[0].source: the password in this URL"
            ),
            ("  - name: front\n    source: rtsp://u:${geheim}@10.0.0.1/x\n", "a ${…} is no reference"),
        ])
    func mistakes(yaml: String, expected: String) {
        let (_, problems) = read("cameras:\n" + yaml)
        #expect(problems.contains { $0.contains(expected) }, "\(problems)")
        #expect(!problems.joined().contains("gehe"), "\(problems)")
    }

    @Test(
        "does not tell a password that YAML takes apart",
        arguments: [
            "{name: front, source: rtsp://u:geheim,kanarie@10.0.0.1/x}",
            "{name: front, source: rtsp://u:a,geheim,kanarie,b@10.0.0.1/x}",
            "{name: front, source: rtsp://u:a}geheim@h}", "{name: front, source: [rtsp://u:a,geheim@h]}",
            "{name: front, source: rtsp://u:geheim: kanarie@h}", "{name: front, source: \"rtsp://u:gehe\\im@h\"}",
            "{name: front, source: x, sorce: 'rtsp://u:geheim/x@h', sorce: 2}", "rtsp://u:gehe,geheim@h",
            "{name: front, source: x, fit: rtsp://u:1234/geheim@h}", "{name: front, source: x, u:geheim/x@h: 1}",
            "{name: front, source: x, recordings: [{path: 'rtsp://u:geheim/x@h'}, {path: 'rtsp://u:geheim/x@h'}]}",
        ])
    func takenApart(camera: String) {
        let (_, problems) = read("cameras: [\(camera)]\n")
        #expect(!problems.isEmpty)
        #expect(!problems.joined().contains("gehe") && !problems.joined().contains("kanarie"), "\(problems)")
    }

    @Test(
        "is read where it is unusual and right",
        arguments: [
            "\u{FEFF}cameras:\r\n  - name: front\r\n    source: x\r\n", "cameras:\r  - name: front\r    source: x\r",
            "---\ncameras:\n  - {name: !!str front, source: ! x}\n...\n",
            "%YAML 1.1\n---\ncameras: [{name: a, source: b}]\n",
            "# no\u{A0}blank\ncameras: [{name: a, source: \"b\u{A0}c\"}]\n",
            "cameras: [{name: a, source: \"“x” # @\"}]\n",
            "cameras:\n  - name: a\n    source: rtsp://h/x # ours\n", "? cameras\n: - {name: a, source: b}\n",
        ])
    func unusual(yaml: String) {
        let (configuration, problems) = read(yaml)
        #expect(configuration != nil, "\(problems)")
    }

    @Test("that repeats itself without end is refused at once")
    func laughs() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            let member = "*a\(level - 1)"
            yaml += "a\(level): &a\(level) [\(Array(repeating: member, count: 9).joined(separator: ", "))]\n"
        }
        #expect(read(yaml + "cameras: *a12\n").1.first?.contains("expected fewer") == true)
        for key in [
            "? *a12\n: 1\n", "b: {? *a12 : 1}\n", "*a12 : 1\n", "b: {[*a12]: 1}\n", "b:\n  - ? - *a12\n    : 1\n",
        ] {
            #expect(read(yaml + key).1.contains { $0.contains("expected a key that is one word") }, "\(key)")
        }
    }

    @Test("in a file that is none is refused, and nobody waits for it")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "segmentd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func error(_ name: String, _ bytes: [UInt8]? = nil) throws -> String {
            let url = folder.appending(path: name)
            if let bytes { try Data(bytes).write(to: url) }
            do {
                _ = try ServiceConfiguration(path: url.path(percentEncoded: false))
                return "none"
            } catch {
                return "\(error)"
            }
        }
        #expect(try error("latin1", Array("cameras:\n# K".utf8) + [0xE4]).contains(":2:1: not UTF-8"))
        #expect(try error("utf16", [0xFF, 0xFE, 0x61, 0]).contains("UTF-16"))
        #expect(try error("nul", Array("cameras: \0".utf8)).contains(":1:10: not YAML: control characters"))
        #expect(try error("huge", [UInt8](repeating: 10, count: 2 << 20)).contains("longer than 1 MiB"))
        #expect(try error("empty", []).contains("empty"))
        #expect(mkfifo(folder.appending(path: "pipe").path(percentEncoded: false), 0o600) == 0)
        #expect(try error("pipe").contains("nothing came from it for 5 s"))
        #expect(throws: ConfigurationFileError.self) {
            try ServiceConfiguration(path: folder.path(percentEncoded: false))
        }
    }
}
