import Imaging
import VideoInput

/// What is told of an input after its frames: what was left out of it, and what was damaged in it.
struct InputReport {
    /// Sentences for standard error.
    let lines: [String]
    /// Whether pictures that should have been read were not.
    let isIncomplete: Bool

    init(of diagnostics: SourceDiagnostics, input: SourceInput) {
        let unreadable = diagnostics.leftOut.filter { $0.reason == .unreadable }
        let others = diagnostics.leftOut.filter { $0.reason != .unreadable }
        var lines = unreadable.map { $0.problem ?? "cannot read \(PathBytes.shown($0.name))" }
        if !unreadable.isEmpty {
            let pictures = unreadable.count == 1 ? "1 picture" : "\(unreadable.count) pictures"
            lines.append("\(pictures) of \(input) could not be read and left no mask (--strict stops at the first)")
        }
        if let summary = LeftOut.summary(of: others) { lines.append("warning: left out of \(input): \(summary)") }
        if diagnostics.undecodable > 0 {
            let last = diagnostics.lastFailure.map { "; the last: \($0)" } ?? ""
            lines.append(
                "warning: \(diagnostics.undecodable) packets or frames of \(input) could not be decoded\(last)")
        }
        if diagnostics.corrupt > 0 {
            let frames = diagnostics.corrupt == 1 ? "1 frame" : "\(diagnostics.corrupt) frames"
            var names = diagnostics.firstCorrupt.map { PathBytes.shown($0) }.joined(separator: ", ")
            if diagnostics.corrupt > diagnostics.firstCorrupt.count, !names.isEmpty { names += ", …" }
            lines.append(
                "warning: \(frames) of \(input) damaged or cut off, segmented with what is there"
                    + (names.isEmpty ? "" : ": \(names)"))
        }
        self.lines = lines
        isIncomplete = !unreadable.isEmpty
    }
}
