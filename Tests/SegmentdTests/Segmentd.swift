import Foundation
import Glibc
import Synchronization
import Testing

/// The built program, run as a user runs it.
enum Program {
    /// The executable, which lies beside the tests.
    static let url = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "segmentd")

    /// The package's root.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The program ignores what its caller ignores, and a shell behind `&` or nohup has these tests ignore SIGINT and
    /// SIGHUP. What is tested here is a program that a person starts.
    static let takesSignals: Void = {
        for number in [SIGINT, SIGHUP, SIGQUIT] { signal(number, SIG_DFL) }
    }()

    struct Result {
        let status: Int32
        let output: Data
        let errors: String

        /// What it said, a line a message; for the comment of an expectation.
        var summary: Comment { "exit \(status): \(errors)" }
        /// The last line of standard error.
        var lastLine: String { errors.split(separator: "\n").last.map(String.init) ?? "" }
    }

    /// Runs it to its end.
    static func run(
        _ arguments: String..., in folder: TemporaryFolder? = nil, environment: [String: String] = [:]
    ) throws -> Result {
        try Running(arguments, in: folder, environment: environment).wait()
    }
}

/// The program while it runs.
final class Running: Sendable {
    private let process: Mutex<Process>
    private let pipes: (output: Pipe, errors: Pipe)
    private let collected = Mutex((output: Data(), errors: Data()))
    private let ended = DispatchGroup()

    init(
        _ arguments: [String], in folder: TemporaryFolder? = nil, environment: [String: String] = [:],
        program: URL = Program.url
    ) throws {
        Program.takesSignals
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        if let folder { process.currentDirectoryURL = folder.url }
        var all = ProcessInfo.processInfo.environment
        for name in ["NOTIFY_SOCKET", "RUNTIME_DIRECTORY", "JOURNAL_STREAM", "INVOCATION_ID", "WATCHDOG_USEC"] {
            all[name] = nil
        }
        process.environment = all.merging(environment) { $1 }
        pipes = (Pipe(), Pipe())
        process.standardOutput = pipes.output
        process.standardError = pipes.errors
        process.standardInput = FileHandle.nullDevice
        ended.enter()
        process.terminationHandler = { [ended] _ in ended.leave() }
        try process.run()
        self.process = Mutex(process)
        collect(pipes.output) { $0.output.append($1) }
        collect(pipes.errors) { $0.errors.append($1) }
    }

    private func collect(_ pipe: Pipe, _ add: @escaping @Sendable (inout (output: Data, errors: Data), Data) -> Void) {
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        DispatchQueue(label: "collect").async(group: ended) { [self] in
            var bytes = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &bytes, bytes.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                collected.withLock { add(&$0, Data(bytes[..<count])) }
            }
        }
    }

    var identifier: Int32 { process.withLock { $0.processIdentifier } }
    var isRunning: Bool { process.withLock { $0.isRunning } }
    var errors: String { collected.withLock { String(decoding: $0.errors, as: UTF8.self) } }

    func send(_ signal: Int32) { kill(identifier, signal) }

    /// Waits for its end.
    func wait() -> Program.Result {
        ended.wait()
        let (output, errors) = collected.withLock { $0 }
        return Program.Result(
            status: process.withLock { process in
                process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            }, output: output, errors: String(decoding: errors, as: UTF8.self))
    }

    /// Waits until `condition` holds while it runs; false where it ended or a minute went by.
    func wait(until condition: () -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if condition() { return true }
            if !isRunning { return false }
            usleep(20_000)
        }
        return false
    }
}

/// A folder of a test's own, removed with its contents.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "segmentd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path(percentEncoded: false) }

    func write(_ text: String, to name: String) throws { try Data(text.utf8).write(to: url.appending(path: name)) }

    func size(_ name: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path(name))[.size] as? Int) ?? -1
    }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path("."))) ?? []).sorted() }
}
