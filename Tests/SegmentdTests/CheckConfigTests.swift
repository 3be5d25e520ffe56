import Foundation
import Testing

@Suite("segmentd check-config and the command line")
struct CheckConfigTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("finds the shipped configuration valid, and prints the same as the manual")
    func shipped() throws {
        let path = Program.root.appending(path: "config.yaml")
        let result = try Program.run("check-config", path.path(percentEncoded: false))
        #expect(result.status == 0, result.summary)
        #expect(String(decoding: result.output, as: UTF8.self).contains("valid, 1 camera"))
        #expect(try Program.run("check-config", "--manual").output == Data(contentsOf: path))
    }

    @Test("lists every mistake with line, column, key and the nearest valid key")
    func mistakes() throws {
        try folder.write(
            "modle: builtin\ncameras:\n  - name: front\n    sorce: x.mp4\n    loop: maybe\n", to: "c.yaml")
        let result = try Program.run("check-config", "c.yaml", in: folder)
        #expect(result.status == 78, result.summary)
        #expect(
            result.errors == """
                c.yaml:1:1: modle: unknown key; did you mean "model"?
                c.yaml:3:5: cameras[0].source: missing; expected a file, a folder of images, a URL, or synthetic:
                c.yaml:4:5: cameras[0].sorce: unknown key; did you mean "source"?
                c.yaml:5:11: cameras[0].loop: expected true or false, got "maybe"

                """)
        #expect(try Program.run("run", "--config", "c.yaml", in: folder).status == 78)
    }

    @Test("warns of a group that this machine does not have, in a file that is valid")
    func missingGroup() throws {
        try folder.write(
            "sockets: {group: no-such-group}\ncameras:\n  - {name: front, source: x.mp4}\n", to: "c.yaml")
        let result = try Program.run("check-config", "c.yaml", in: folder)
        #expect(result.status == 0, result.summary)
        #expect(result.errors.contains("warning: sockets.group: this machine has no group \"no-such-group\""))
    }

    @Test("warns of sockets whose paths are longer than the system allows")
    func longPath() throws {
        let directory = "/run/" + String(repeating: "d", count: 94)
        try folder.write(
            "sockets: {directory: \(directory)}\ncameras:\n  - {name: front, source: x.mp4, sockets: [mask, nut]}\n",
            to: "c.yaml")
        let result = try Program.run("check-config", "c.yaml", in: folder)
        #expect(result.status == 0, result.summary)
        #expect(result.errors.contains("front.mask: the path is 110 bytes long and the system allows 107"))
        #expect(result.errors.contains("front.nut: the path is 109 bytes long"))
        #expect(!result.errors.contains("/control"), result.summary)
    }

    @Test("ends with sysexits codes where the file cannot be read or the arguments make no sense")
    func codes() throws {
        #expect(try Program.run("check-config", "missing.yaml", in: folder).status == 66)
        #expect(try Program.run("check-config", ".", in: folder).status == 66)
        #expect(try Program.run("run", "--config", "missing.yaml", in: folder).status == 66)
        #expect(try Program.run("check-config").status == 64)
        #expect(try Program.run("frobnicate").status == 64)
    }

    @Test("prints version and help without error")
    func help() throws {
        let version = try Program.run("--version")
        #expect(version.status == 0 && String(decoding: version.output, as: UTF8.self).hasPrefix("segmentd "))
        let help = try Program.run("--help")
        #expect(help.status == 0)
        for command in ["segment", "run", "check-config", "describe", "bench", "synthesize"] {
            #expect(String(decoding: help.output, as: UTF8.self).contains("  \(command) "), "\(command)")
        }
        #expect(try Program.run().status == 0)
    }
}
