/// The log lines that wait to be written: decisions only, no system calls.
///
/// It is bounded: lines that find no room are dropped and counted. What was dropped is reported in its place, before the
/// next line that found room, or by itself once everything else is written.
struct LogBacklog {
    /// Text that is written as one piece.
    struct Entry: Equatable {
        /// Whole lines with their ends; empty where there is only something missing to report.
        var bytes: [UInt8]
        /// How many lines these are.
        var lines: UInt64
        /// Lines that were dropped before these.
        var missing: UInt64
    }

    /// Bytes that may wait.
    let capacity: Int
    /// Lines dropped so far.
    private(set) var dropped: UInt64 = 0
    /// Lines that wait.
    private(set) var waitingLines: UInt64 = 0
    private var waitingBytes = 0
    private var unreported: UInt64 = 0
    private var isFailing = false
    private var entries: [Entry] = []
    private var head = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Whether nothing waits but what has to wait for a write that succeeds.
    var isEmpty: Bool { head == entries.count && (unreported == 0 || isFailing) }

    /// Takes whole lines; drops them where there is no room.
    mutating func add(_ text: String) {
        let bytes = Array(text.utf8)
        let lines = UInt64(bytes.count { $0 == UInt8(ascii: "\n") })
        guard bytes.count <= capacity - waitingBytes else {
            dropped += lines
            unreported += lines
            return
        }
        entries.append(Entry(bytes: bytes, lines: lines, missing: unreported))
        unreported = 0
        waitingBytes += bytes.count
        waitingLines += lines
    }

    /// The next piece to write; nil where there is none. `wrote` or `failed` follows.
    mutating func next() -> Entry? {
        guard head < entries.count else {
            guard unreported > 0, !isFailing else { return nil }
            defer { unreported = 0 }
            return Entry(bytes: [], lines: 0, missing: unreported)
        }
        let entry = entries[head]
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: entries.capacity <= 256)
            head = 0
        } else if head >= 256 {
            entries.removeFirst(head)
            head = 0
        }
        waitingBytes -= entry.bytes.count
        waitingLines -= entry.lines
        return entry
    }

    /// The last piece was written.
    mutating func wrote() { isFailing = false }

    /// The last piece could not be written, and is lost.
    mutating func failed(_ entry: Entry) {
        isFailing = true
        dropped += entry.lines
        // What is reported next comes first in line.
        let missing = entry.lines + entry.missing
        if head < entries.count { entries[head].missing += missing } else { unreported += missing }
    }
}
