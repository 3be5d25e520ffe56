import Glibc
import Imaging

/// The index beside a recorded file: a line of JSON a frame, written when the frames themselves are on the disk.
///
/// `{"sequence":7,"captured_ns":1795434123456789012,"origin":"arrival","age_us":41873,"flags":"10","pts_s":1.233,"dropped":2}`
final class RecordingIndex {
    private let path: String
    private var descriptor: Int32
    private var pending: [UInt8] = []
    private var lastLine = 0
    /// Bytes on the disk.
    private(set) var bytes: Int64 = 0

    /// An empty index at `path`.
    init(path: String) throws(OutputError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw .write(output: path, errno: errno) }
    }

    deinit { close() }

    /// Adds the line of one frame, which the file shows `seconds` after its beginning.
    func add(_ mask: Mask, seconds: Double, dropped: Int) {
        let captured = mask.stamp.capture
        let published = mask.stages[.publish].began
        let age = published > captured.monotonicNanoseconds ? published - captured.monotonicNanoseconds : 0
        let micros = Int64((seconds * 1e6).rounded())
        let fraction = String(1_000_000 + micros % 1_000_000).dropFirst()
        let line =
            "{\"sequence\":\(mask.stamp.sequence),\"captured_ns\":\(captured.epochNanoseconds),"
            + "\"origin\":\"\(captured.origin.rawValue)\",\"age_us\":\(age / 1000),"
            + "\"flags\":\"\(String(mask.flags.rawValue, radix: 16))\",\"pts_s\":\(micros / 1_000_000).\(fraction),"
            + "\"dropped\":\(dropped)}\n"
        lastLine = pending.count
        pending += line.utf8
    }

    /// Writes the lines of frames that are on the disk: all but the last, or all once the file is finished.
    func flush(all: Bool) throws(OutputError) {
        let count = all ? pending.count : lastLine
        var rest = pending[..<count]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                let code = errno
                // No half a line.
                ftruncate(descriptor, Int(bytes))
                throw .write(output: path, errno: code)
            }
            rest = rest.dropFirst(written)
        }
        bytes += Int64(count)
        pending.removeFirst(count)
        lastLine = 0
        fdatasync(descriptor)
    }

    /// Closes the file; lines that were not flushed are lost.
    func close() {
        guard descriptor >= 0 else { return }
        Glibc.close(descriptor)
        descriptor = -1
    }
}
