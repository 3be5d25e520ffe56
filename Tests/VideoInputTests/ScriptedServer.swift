import Foundation

/// A server in Python, in a process of its own, that prints the port it listens on and is killed with this object.
final class ScriptedServer {
    let port: Int
    private let process = Process()

    /// Runs `script` with `arguments`; `name` is for the error.
    init(_ name: String, script: String, _ arguments: [String] = []) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            process.terminate()
            throw TestMedia.Failure(description: "\(name) did not start: \(line)")
        }
        self.port = port
    }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }
    func waitUntilExit() { process.waitUntilExit() }

    deinit {
        signal(SIGKILL)
        waitUntilExit()
    }
}
