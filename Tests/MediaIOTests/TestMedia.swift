import Foundation

/// Media made by the ffmpeg command line for one test, in a folder that goes with the object.
final class TestMedia {
    /// What a tool printed and how it ended.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// A frame as ffprobe sees it.
    struct ProbedFrame: Equatable {
        let pts: Int64?
        let duration: Int64?
        let width: Int
        let height: Int
    }

    /// Whether the tools are here.
    static let isAvailable = ["/usr/bin/ffmpeg", "/usr/bin/ffprobe"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// The clips that lie beside the package on some machines; empty elsewhere.
    static let clips: [String] = {
        let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        for folder in [root.appendingPathComponent("../shared/clips"), URL(fileURLWithPath: "/work/shared/clips")] {
            let path = folder.standardizedFileURL.path
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            let clips = names.filter { $0.hasSuffix(".mp4") }.sorted().map { path + "/" + $0 }
            if !clips.isEmpty { return clips }
        }
        return []
    }()

    /// Where the test's files lie.
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "segmentd-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The path of a file in the test's folder.
    func path(_ name: String) -> String { folder + "/" + name }

    /// Makes `name` with ffmpeg; `arguments` are what stands before it.
    @discardableResult
    func make(_ name: String, _ arguments: String...) throws -> String {
        let path = path(name)
        let words = arguments.flatMap { $0.split(separator: " ").map(String.init) }
        _ = try Self.run("/usr/bin/ffmpeg", ["-nostdin", "-v", "error", "-y"] + words + [path])
        return path
    }

    /// What ffmpeg writes to its standard output for `arguments`.
    static func ffmpeg(_ arguments: [String]) throws -> Data {
        try run("/usr/bin/ffmpeg", ["-nostdin", "-v", "error"] + arguments + ["-"])
    }

    /// Every frame of the best video stream, as ffprobe decodes them.
    static func frames(of path: String) throws -> [ProbedFrame] {
        struct Answer: Decodable {
            struct Frame: Decodable {
                let bestEffortTimestamp: Int64?
                let pktDuration: Int64?
                let width: Int
                let height: Int
            }
            let frames: [Frame]
        }
        let data = try run(
            "/usr/bin/ffprobe",
            [
                "-v", "error", "-select_streams", "v:0", "-show_entries",
                "frame=best_effort_timestamp,pkt_duration,width,height", "-of", "json", path,
            ])
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Answer.self, from: data).frames.map {
            ProbedFrame(pts: $0.bestEffortTimestamp, duration: $0.pktDuration, width: $0.width, height: $0.height)
        }
    }

    /// Runs a tool and returns its standard output.
    static func run(_ tool: String, _ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        let output = Pipe()
        let errors = FileManager.default.temporaryDirectory.appendingPathComponent("stderr-" + UUID().uuidString)
        _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errors) }
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let said = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
            throw Failure(description: "\(tool) \(arguments.joined(separator: " ")): \(said)")
        }
        return data
    }
}
