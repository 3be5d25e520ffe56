import Foundation
import Testing

@Suite("Installation")
struct InstallTests {
    private func make(_ goal: String, _ variables: [String: String]) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["scripts/\(goal).sh"]
        process.currentDirectoryURL = Program.root
        process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    private func files(under folder: String) -> [String] {
        (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []).filter {
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(folder)/\($0)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }
    }

    private func run(_ path: String, _ arguments: String...) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    @Test("what is installed runs with the model inside, and what is removed is gone but for the configuration")
    func installs() throws {
        let folder = try TemporaryFolder()
        let root = folder.path("root")
        let variables = [
            "DESTDIR": root, "PREFIX": "/usr",
            "BUILD_FOLDER": Program.url.deletingLastPathComponent().path(percentEncoded: false),
        ]
        let installed = try make("install", variables)
        #expect(installed.status == 0, "\(installed.text)")

        let described = try run("\(root)/usr/bin/segmentd", "describe")
        #expect(described.status == 0 && described.text.contains("street11"), "\(described.text.prefix(300))")
        let checked = try run("\(root)/usr/bin/segmentd", "check-config", "\(root)/etc/segmentd/config.yaml")
        #expect(checked.status == 0, "\(checked.text)")
        let unit = try String(contentsOfFile: "\(root)/usr/lib/systemd/system/segmentd.service", encoding: .utf8)
        #expect(unit.contains("ExecStart=/usr/bin/segmentd run"))
        let terms = files(under: root).filter { $0.hasSuffix("/LICENSE") || $0.hasSuffix("street11.LICENSE.md") }
        #expect(terms.count == 2, "the program's licence and the model's terms are installed: \(terms)")

        // A second installation keeps what was configured.
        try "size: 256x512\n".write(toFile: "\(root)/etc/segmentd/config.yaml", atomically: true, encoding: .utf8)
        let again = try make("install", variables)
        #expect(again.status == 0 && again.text.contains("left \(root)/etc/segmentd/config.yaml"), "\(again.text)")

        let removed = try make("uninstall", variables)
        #expect(removed.status == 0 && removed.text.contains("left \(root)/etc/segmentd"), "\(removed.text)")
        #expect(files(under: root) == ["etc/segmentd/config.yaml"])
    }

    @Test("the manual page names every command, and no other")
    func manualPage() throws {
        let help = try Running(["--help"]).wait()
        let commands = String(decoding: help.output, as: UTF8.self).split(separator: "SUBCOMMANDS:").last?
            .split(separator: "\n").compactMap { line in
                line.hasPrefix("  ") && !line.hasPrefix("   ") ? line.split(separator: " ").first : nil
            }
        let page = try String(contentsOf: Program.root.appending(path: "packaging/man/segmentd.1"), encoding: .utf8)
        let section = page.components(separatedBy: ".SH ").first { $0.hasPrefix("COMMANDS") } ?? ""
        let described = section.components(separatedBy: ".TP\n.B ").dropFirst().compactMap {
            $0.split(separator: "\n").first
        }
        #expect(try Set(described) == Set(#require(commands).filter { $0 != "See" }))
    }

    @Test(
        "nothing is installed before it is built, nor to a place that is none",
        arguments: [
            ["BUILD_FOLDER": "/nowhere"], ["PREFIX": "usr"],
        ])
    func refuses(_ variables: [String: String]) throws {
        let folder = try TemporaryFolder()
        let result = try make("install", variables.merging(["DESTDIR": folder.path("root")]) { $1 })
        #expect(result.status != 0 && result.text.hasPrefix("install: "), "\(result.text)")
        #expect(files(under: folder.path("root")) == [])
    }
}
