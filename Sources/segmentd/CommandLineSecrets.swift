import Foundation
import Glibc
import MediaIO

/// Passwords on the command line, which every user of the machine can read there (`ps`).
enum CommandLineSecrets {
    /// Overwrites the arguments of this process, as the system shows them, by what may be shown of them. They were read
    /// before. Where the system does not tell where they are, they stay.
    static func hide() {
        let shown = CommandLine.arguments.map { MediaLocation.isURL($0) ? MediaLocation.shown($0) : $0 }
        guard shown != CommandLine.arguments, let range = argumentMemory() else { return }
        var bytes: [UInt8] = zeroEnded(shown)
        guard bytes.count <= range.count, isUnchanged(range) else { return }
        // Room that is left over is empty arguments.
        bytes += [UInt8](repeating: 0, count: range.count - bytes.count)
        guard let memory = UnsafeMutableRawPointer(bitPattern: range.lowerBound) else { return }
        bytes.withUnsafeBytes { new in
            guard let source = new.baseAddress else { return }
            memory.copyMemory(from: source, byteCount: new.count)
        }
    }

    private static func zeroEnded(_ texts: [String]) -> [UInt8] {
        texts.reduce(into: []) { $0 += Array($1.utf8) + [0] }
    }

    /// Whether the arguments are where the system says.
    private static func isUnchanged(_ range: Range<UInt>) -> Bool {
        guard let memory = UnsafeRawPointer(bitPattern: range.lowerBound) else { return false }
        let found = UnsafeRawBufferPointer(start: memory, count: range.count)
        return found.elementsEqual(zeroEnded(CommandLine.arguments))
    }

    /// Fields 48 and 49 of /proc/self/stat (proc(5)).
    private static func argumentMemory() -> Range<UInt>? {
        guard let text = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return nil }
        // The first field behind the name, which may have blanks in it, is the third.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 46, let first = UInt(fields[45]), let last = UInt(fields[46].filter(\.isNumber)),
            first > 0, first < last
        else { return nil }
        return first..<last
    }
}
