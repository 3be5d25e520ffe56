import Foundation
import Testing

/// Whether systemd's tools are here; the unit is checked by them alone.
private let hasAnalyzer = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")

@Suite("The systemd unit", .enabled(if: hasAnalyzer, "skipped: systemd-analyze is not installed"))
struct UnitTests {
    private func analyze(_ arguments: String...) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/systemd-analyze")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    private var unit: URL { Program.root.appending(path: "systemd/segmentd.service") }

    @Test("is understood line by line")
    func verify() throws {
        let folder = try TemporaryFolder()
        let text = try String(contentsOf: unit, encoding: .utf8)
            .replacing("ExecStart=/usr/bin/segmentd", with: "ExecStart=\(Program.url.path(percentEncoded: false))")
        try folder.write(text, to: "segmentd.service")
        let result = try analyze("verify", folder.path("segmentd.service"))
        // Unknown keys are told on standard error only, with status 0.
        #expect(result.status == 0 && result.text.isEmpty, "\(result.text)")
    }

    @Test("exposes no more than 1.6 of 10, V4L2 cameras allowed")
    func exposure() throws {
        let result = try analyze(
            "security", "--offline=true", "--threshold=16", "--no-pager", unit.path(percentEncoded: false))
        #expect(result.status == 0, "\(result.text.suffix(300))")
    }
}
