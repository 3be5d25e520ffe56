import Glibc
import Imaging
import MaskOutput
import Operations
import VideoInput

/// One input of `segment` and where its masks go.
struct SegmentJob {
    /// What is read.
    let input: SourceInput
    /// What its frames are stamped with.
    let name: String
    /// As `MaskSinks` takes it.
    let output: String
    /// Nil for the usual style of the output's kind.
    let style: OutputStyle?

    /// `drive.mp4 -> out.mp4`.
    var title: String { "\(input) -> \(output == "-" ? "standard output" : PathBytes.shown(output))" }

    /// Pairs every input with its output. Throws a usage error where two would be written to one place, or over
    /// what is read.
    static func plan(inputs: [String], output: String, style: OutputStyle?) throws -> [SegmentJob] {
        if inputs.count == 1, let input = inputs.first {
            let job = SegmentJob(
                input: SourceInput(input), name: stem(of: input), output: output, style: style)
            try Overwriting.check(job.input, output: output)
            return [job]
        }
        guard try MaskSinks.kind(of: output) == .folder else {
            throw CommandFailure(
                .usage,
                "\(inputs.count) inputs need a folder for their outputs, and \(output) is none; end its name in /")
        }
        let folder = output.hasSuffix("/") ? output : output + "/"
        if mkdir(folder, 0o777) != 0, errno != EEXIST {
            throw OutputError.folder(path: output, errno: errno)
        }
        var outputs: Set<String> = []
        return try inputs.map { input in
            let ending = style == .ids ? "/" : isPicture(input) ? ".png" : ".mp4"
            let path = folder + stem(of: input) + ending
            guard outputs.insert(path).inserted else {
                throw CommandFailure(.usage, "two inputs would be written to \(path); segment them one after the other")
            }
            for other in inputs { try Overwriting.check(SourceInput(other), output: path) }
            return SegmentJob(
                input: SourceInput(input), name: stem(of: input), output: path, style: style ?? .overlay)
        }
    }

    /// The name without folder and ending; what comes before the colon where there is no file.
    private static func stem(of input: String) -> String {
        let source = SourceInput(input)
        if input == "-" { return "stdin" }
        let path: Substring
        switch source {
        case .device(let name), .folder(let name): path = name[...]
        case .media(let location):
            // A file's name may hold anything; a URL ends before its query.
            path = location.path.map { $0[...] } ?? "\(source)".prefix { $0 != "?" && $0 != "#" }
        case .synthetic: path = "synthetic"
        }
        guard let last = path.split(separator: "/").last else { return "input" }
        guard let dot = last.lastIndex(of: "."), dot != last.startIndex else { return String(last) }
        return String(last[..<dot])
    }

    private static func isPicture(_ input: String) -> Bool {
        guard let dot = input.lastIndex(of: ".") else { return false }
        let endings: Set<String> = ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp", "ppm", "pgm"]
        return endings.contains(input[input.index(after: dot)...].lowercased())
    }
}
