/// Says when the packets of a file are due, were it a camera. Pure: the clock is handed in.
struct Pacer {
    /// Further from the time line than this the stamps have jumped, or the reader was stopped: start anew.
    private static let tolerance: Int64 = 1_000_000_000

    private var origin: (ticks: Int64, time: UInt64)?
    private var lastDue: UInt64?
    private var lastLength: UInt64 = 0

    /// The monotonic time in nanoseconds at which a packet is due that is stamped `ticks` of `secondsPerTick` and
    /// lasts `length` nanoseconds, asked for at `now`. Never earlier than what it said before.
    mutating func due(ticks: Int64?, secondsPerTick: Double, length: UInt64, now: UInt64) -> UInt64 {
        defer { lastLength = length }
        let next = lastDue.map { $0 &+ lastLength } ?? now
        var due = next
        if let ticks {
            if let origin {
                let nanoseconds = (Double(ticks &- origin.ticks) * secondsPerTick * 1e9).rounded()
                let time = Double(origin.time) + nanoseconds
                due = time > 0 && time < 9e18 ? UInt64(time) : now
            } else {
                origin = (ticks, next)
            }
        }
        let ahead = Int64(clamping: due) &- Int64(clamping: max(now, lastDue ?? 0))
        let isBehind = Int64(clamping: now) &- Int64(clamping: due) > Self.tolerance
        if ahead > Self.tolerance + Int64(clamping: max(length, lastLength)) || isBehind {
            due = now
            origin = ticks.map { ($0, now) }
        }
        due = max(due, lastDue ?? 0)
        lastDue = due
        return due
    }

    /// The next packet is the first one of another pass over the same file.
    mutating func beginPass() { origin = nil }
}
