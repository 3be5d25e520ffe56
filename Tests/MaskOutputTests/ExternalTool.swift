import Foundation

/// A program that others wrote, which says what our output really is.
struct ExternalTool {
    struct Result {
        let status: Int32
        let output: Data
        let errors: String
        var text: String { String(decoding: output, as: UTF8.self) }
        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    let path: String

    /// The program `name` on the PATH; nil where it is not installed.
    init?(_ name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin").split(separator: ":")
        guard
            let found = folders.map({ "\($0)/\(name)" }).first(where: {
                FileManager.default.isExecutableFile(atPath: $0)
            })
        else { return nil }
        path = found
    }

    static let hasFFmpeg = ExternalTool("ffmpeg") != nil && ExternalTool("ffprobe") != nil

    /// A Python that can import `modules`; nil, with a line that says so, where there is none.
    static func python(with modules: String...) -> ExternalTool? {
        guard let python = ExternalTool("python3"),
            let result = try? python.run(["-c", "import " + modules.joined(separator: ",")]), result.status == 0
        else {
            print("skipped: no python3 with \(modules.joined(separator: ", "))")
            return nil
        }
        return python
    }

    /// Starts it with the arguments; the caller waits.
    func start(_ arguments: [String], output: Any? = nil, errors: Any? = FileHandle.nullDevice) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        return process
    }

    /// Runs it to its end.
    @discardableResult
    func run(_ arguments: [String]) throws -> Result {
        let output = Pipe()
        let errors = Pipe()
        let process = try start(arguments, output: output, errors: errors)
        let collected = Collected()
        let queue = DispatchQueue(label: "errors")
        queue.async { collected.data = errors.fileHandleForReading.readDataToEndOfFile() }
        let data = output.fileHandleForReading.readDataToEndOfFile()
        queue.sync {}
        process.waitUntilExit()
        return Result(
            status: process.terminationStatus, output: data, errors: String(decoding: collected.data, as: UTF8.self))
    }

    private final class Collected: @unchecked Sendable { var data = Data() }

    /// One field of ffprobe's stream section, and each frame's pts in the stream's time base.
    ///
    /// `limit` is how many frames to read.
    static func probe(_ file: String, limit: Int = 100_000) throws -> (fields: [String: String], times: [Int64]) {
        guard let probe = ExternalTool("ffprobe") else { return ([:], []) }
        let result = try probe.run([
            "-v", "error", "-select_streams", "v", "-read_intervals", "%+#\(limit)", "-show_entries",
            "stream=codec_name,pix_fmt,width,height,time_base,sample_aspect_ratio,color_space,color_range,color_primaries,nb_read_frames:frame=best_effort_timestamp",
            "-of", "default=nk=0", file,
        ])
        var fields: [String: String] = [:]
        var times: [Int64] = []
        for line in result.lines {
            guard let mark = line.firstIndex(of: "=") else { continue }
            let (key, value) = (String(line[..<mark]), String(line[line.index(after: mark)...]))
            if key == "best_effort_timestamp" { times.append(Int64(value) ?? -1) } else { fields[key] = value }
        }
        return (fields, times)
    }

    /// The frames of `file` as raw bytes in FFmpeg's `format`.
    static func decode(_ file: String, as format: String) throws -> Data {
        guard let ffmpeg = ExternalTool("ffmpeg") else { return Data() }
        return try ffmpeg.run([
            "-v", "error", "-i", file, "-fps_mode", "passthrough", "-pix_fmt", format, "-f", "rawvideo", "-",
        ]).output
    }
}
