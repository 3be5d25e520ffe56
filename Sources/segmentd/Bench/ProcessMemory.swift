import Foundation

/// What this process holds of the machine's memory, as Linux counts it.
enum ProcessMemory {
    /// The largest resident size since the start or the last `forgetPeak`, in bytes; nil where Linux does not tell.
    static var peak: Int? {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return nil }
        for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1_024 }
        }
        return nil
    }

    /// Makes the resident size of now the largest; where the system does not allow it, the old peak stays.
    static func forgetPeak() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        try? file.write(contentsOf: Data("5".utf8))
        try? file.close()
    }
}
