import Glibc
import Operations
import Synchronization
import Testing

@Suite("The writer of the log")
struct LogWriterTests {
    /// A pipe that nobody reads until the test does.
    private final class FullPipe {
        let (readEnd, writeEnd): (Int32, Int32)

        init(nonBlocking: Bool = false) {
            signal(SIGPIPE, SIG_IGN)
            var ends: [Int32] = [-1, -1]
            pipe(&ends)
            (readEnd, writeEnd) = (ends[0], ends[1])
            _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
            _ = fcntl(writeEnd, F_SETFL, O_NONBLOCK)
            let filling = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
            while Glibc.write(writeEnd, filling, filling.count) > 0 {}
            if !nonBlocking { _ = fcntl(writeEnd, F_SETFL, 0) }
        }

        /// All that can be read until `end` was seen, for a minute at most.
        func text(until end: String) -> String {
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            for _ in 0..<6000 {
                let count = read(readEnd, &chunk, chunk.count)
                if count > 0 { bytes += chunk[..<count] } else { usleep(10_000) }
                let text = String(decoding: bytes, as: UTF8.self)
                if text.contains(end) { return text }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    private let line = String(repeating: "x", count: 999) + "\n"

    @Test("never waits for a reader, and says how many lines are missing once there is one", arguments: [false, true])
    func unread(nonBlocking: Bool) throws {
        let pipe = FullPipe(nonBlocking: nonBlocking)
        let writer = try LogWriter(descriptor: pipe.writeEnd, style: .journal, capacity: 100_000)
        for _ in 0..<1000 { writer.write(line) }
        #expect(!writer.flush(seconds: 0.05))
        let snapshot = writer.snapshot
        #expect(snapshot.dropped >= 899 && snapshot.queued >= 99, "\(snapshot)")
        #expect(snapshot.blockedSeconds != nil)
        // Until then the pipe is read, so that nothing is dropped any more.
        var told = pipe.text(until: "missing here")
        while writer.snapshot.queued > 0 { told += pipe.text(until: "\n") }
        writer.write("after\n")
        told += pipe.text(until: "after\n")
        #expect(writer.flush(seconds: 60))
        let lines = told.split(separator: "\n")
        let missing = lines.compactMap { $0.firstMatch(of: /^<4>(\d+) lines? of the log could not be written/)?.1 }
        #expect(missing.reduce(0) { $0 + (Int($1) ?? 0) } == Int(snapshot.dropped), "\(missing)")
        #expect(lines.count { $0.hasPrefix("xxx") } == 1000 - Int(snapshot.dropped))
        #expect(lines.last == "after")
        #expect(writer.snapshot == LogWriter.Snapshot(dropped: snapshot.dropped))
    }

    @Test("reports missing lines where they are missing, before the next one that found room")
    func order() throws {
        let pipe = FullPipe()
        let writer = try LogWriter(descriptor: pipe.writeEnd, style: .journal, capacity: 2500)
        while writer.snapshot.dropped == 0 { writer.write(line) }
        writer.write("small\n")
        writer.write("last\n")
        let told = pipe.text(until: "last\n").split(separator: "\n").suffix(3).map { $0.prefix(40) }
        #expect(told == ["<4>1 line of the log could not be writte", "small", "last"])
    }

    @Test("survives a reader that has gone away, and a full disk")
    func failing() throws {
        let pipe = FullPipe()
        close(pipe.readEnd)
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        for (descriptor, reason) in [(pipe.writeEnd, "Broken pipe"), (full, "No space left on device")] {
            let writer = try LogWriter(descriptor: descriptor, style: .journal)
            for _ in 0..<10 {
                writer.write("lost\n")
                #expect(writer.flush(seconds: 60))
            }
            #expect(writer.snapshot == LogWriter.Snapshot(dropped: 10, error: reason))
        }
    }

    @Test("goes on, with the number that is missing, when a disk has room again")
    func roomAgain() throws {
        let path = "/tmp/segmentd-log-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0o600)
        defer {
            close(file)
            unlink(path)
        }
        let descriptor = open("/dev/full", O_WRONLY | O_CLOEXEC)
        let writer = try LogWriter(descriptor: descriptor, style: .journal)
        for _ in 0..<3 {
            writer.write("lost\n")
            #expect(writer.flush(seconds: 60))
        }
        dup2(file, descriptor)
        writer.write("kept\n")
        #expect(writer.flush(seconds: 60))
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = pread(file, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        #expect(text.hasPrefix("<4>3 lines of the log could not be written") && text.hasSuffix("\nkept\n"), "\(text)")
    }

    @Test("loses no line of many threads")
    func threads() async throws {
        let pipe = FullPipe()
        let writer = try LogWriter(descriptor: pipe.writeEnd, style: .journal)
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<8 {
                group.addTask { for number in 0..<100 { writer.write("\(thread) \(number)\n") } }
            }
        }
        writer.write("end\n")
        let lines = pipe.text(until: "end\n").split(separator: "\n")
        #expect(lines.count == 801 && Set(lines).count == 801)
    }
}
