/// What became of a camera's frames, counted from the beginning.
public struct LedgerCounts: Equatable, Sendable {
    /// Frames decoded.
    public var arrived: Int
    /// Valid masks handed to the sinks.
    public var published: Int
    /// Frames that have no valid mask, by reason.
    public var dropped: [DropReason: Int]
    /// Blind masks handed to the sinks.
    public var blind: Int
    /// How old the last frame was when its data came, in nanoseconds.
    public var ageOnArrival: UInt64

    /// These counts.
    public init(
        arrived: Int = 0, published: Int = 0, dropped: [DropReason: Int] = [:], blind: Int = 0,
        ageOnArrival: UInt64 = 0
    ) {
        self.arrived = arrived
        self.published = published
        self.dropped = dropped
        self.blind = blind
        self.ageOnArrival = ageOnArrival
    }

    /// Frames that wait in a stage.
    public var underWay: Int { arrived - published - dropped.values.reduce(0, +) }

    /// Frames that the rate cap let through.
    public var taken: Int { arrived - (dropped[.rateCap] ?? 0) }

    /// Frames that the network was asked for an answer to, or that were found too old to ask for one. Frames that newer
    /// ones replaced on their way do not count: a network that hangs replaces frames for ever.
    public var answered: Int {
        published + [.tooOld, .failed, .newerBeforePublish].reduce(0) { $0 + (dropped[$1] ?? 0) }
    }
}
