/// When the packets arrived that libavformat had read before the first one was asked for.
///
/// It reads for a while to learn what a stream is, and hands out at once what it read. Those packets are as much older
/// as their time stamps say. Pure; times are nanoseconds of CLOCK_MONOTONIC.
struct Backlog: Sendable {
    private let opened: UInt64
    private let probed: UInt64
    private var first: Int64?
    private var isOver = false
    private var standing = 0
    /// So many packets with one time stamp are no picture in pieces: the stamps do not count time.
    private static let mostStanding = 8

    /// The stream was open and sending at `opened`; what came until `probed` was kept back.
    init(opened: UInt64, probed: UInt64) {
        self.opened = opened
        self.probed = probed
    }

    /// When a packet arrived that came out at `now`, at the earliest: as long after the opening as its time `stamp`
    /// (nanoseconds) lies behind the first one's. Nil where it was not kept back.
    mutating func arrival(stamp: Int64?, now: UInt64) -> UInt64? {
        guard !isOver, let stamp else { return nil }
        // What a server still had from before it was asked to play can come first, with any stamp.
        let first = min(first ?? stamp, stamp)
        self.first = first
        standing = stamp == first ? standing + 1 : 0
        let (after, overflow) = stamp.subtractingReportingOverflow(first)
        guard !overflow, let arrival = UInt64(exactly: after).map({ opened &+ $0 }), arrival < min(probed, now),
            standing <= Self.mostStanding
        else {
            isOver = true
            return nil
        }
        return arrival
    }
}
