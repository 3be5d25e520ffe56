import Histogram
import Imaging

/// How long something took: percentiles in nanoseconds.
public struct LatencySummary: Hashable, Sendable {
    /// How many were measured; all else is 0 where this is.
    public let count: UInt64
    /// Half took no longer.
    public let p50: UInt64
    /// 95 % took no longer.
    public let p95: UInt64
    /// 99 % took no longer.
    public let p99: UInt64
    /// The longest.
    public let max: UInt64
    /// All of them together, in nanoseconds.
    public let sum: Double
    /// How many took no longer than each of `bounds`.
    public let atMost: [UInt64]

    /// The bounds of `atMost`, rising, in nanoseconds: a millisecond to ten seconds, finest where frames are.
    public static let bounds: [UInt64] = [
        1, 2, 5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2500, 5000, 10_000,
    ].map { $0 * 1_000_000 }

    /// What `times` says. One walk over the histogram: its own questions take one each, and many cameras are asked for.
    init(_ times: Times) {
        let histogram = times.histogram
        count = histogram.totalCount
        sum = Double(times.sum)
        guard count > 0 else {
            (p50, p95, p99, max, atMost) = (0, 0, 0, 0, Self.bounds.map { _ in 0 })
            return
        }
        let longest = histogram.maxRecorded
        max = longest
        let ranks = [50.0, 95, 99].map { UInt64(($0 / 100 * Double(times.histogram.totalCount)).rounded(.up)) }
        // Times that the histogram does not tell apart from the bound count as at most it.
        let edges = Self.bounds.map { histogram.highestEquivalentForValue($0) }
        var percentiles: [UInt64] = []
        var atMost: [UInt64] = []
        var passed: UInt64 = 0
        for bucket in histogram.recordedValues() {
            while atMost.count < edges.count, edges[atMost.count] < bucket.value { atMost.append(passed) }
            passed += bucket.count
            while percentiles.count < ranks.count, passed >= ranks[percentiles.count] {
                // The upper edge of a bucket may lie above the longest time itself.
                percentiles.append(Swift.min(bucket.value, longest))
            }
        }
        (p50, p95, p99) = (percentiles[0], percentiles[1], percentiles[2])
        self.atMost = atMost + [UInt64](repeating: passed, count: edges.count - atMost.count)
    }
}

/// A camera's account at one moment.
public struct LedgerSnapshot: Sendable {
    /// Frames decoded.
    public let arrived: Int
    /// Masks handed to the sinks.
    public let published: Int
    /// Frames that have no mask, by reason; reasons that never happened are left out.
    public let dropped: [DropReason: Int]
    /// Blind masks handed to the sinks, by cause; causes that never happened are left out.
    public let blind: [BlindCause: Int]
    /// The part of the last valid mask's pixels that each class has, by its name; `none` is what has no class. Empty
    /// before the first.
    public let classShares: [String: Double]
    /// How long each stage took, by `Stage.rawValue`.
    private let stages: [LatencySummary]
    /// Capture to publish.
    public let endToEnd: LatencySummary
    /// The time that `published` was counted over.
    public let seconds: Double
    /// The last frame that was published.
    public let last: FrameStamp?
    /// Nanoseconds from the capture of the last published frame to now; nil before the first.
    public let age: UInt64?

    init(
        _ account: Account, seconds: Double, last: FrameStamp?, now: UInt64, classShares: [String: Double] = [:]
    ) {
        blind = account.blind
        self.classShares = classShares
        arrived = account.arrived
        published = account.published
        dropped = account.dropped
        stages = account.stages.map { LatencySummary($0) }
        endToEnd = LatencySummary(account.endToEnd)
        self.seconds = seconds
        self.last = last
        age = last.map { now > $0.capture.monotonicNanoseconds ? now - $0.capture.monotonicNanoseconds : 0 }
    }

    /// How long `stage` took.
    public subscript(stage: Stage) -> LatencySummary { stages[stage.rawValue] }

    /// Frames dropped for whatever reason.
    public var droppedInAll: Int { dropped.values.reduce(0, +) }

    /// Frames decoded that are neither published nor dropped yet. Only meaningful of a whole account, not of a cut.
    public var underWay: Int { arrived - published - droppedInAll }

    /// Frames decoded a second.
    public var arrivalsPerSecond: Double { seconds > 0 ? Double(arrived) / seconds : 0 }

    /// Masks a second.
    public var framesPerSecond: Double { seconds > 0 ? Double(published) / seconds : 0 }
}
