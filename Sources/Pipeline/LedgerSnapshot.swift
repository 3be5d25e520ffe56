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

    init(_ histogram: Histogram<UInt64>) {
        count = histogram.totalCount
        let isEmpty = count == 0
        max = isEmpty ? 0 : histogram.maxRecorded
        // A percentile is the upper edge of its bucket, which may lie above the longest time itself.
        func percentile(_ percent: Double) -> UInt64 {
            isEmpty ? 0 : Swift.min(histogram.valueAtPercentile(percent), histogram.maxRecorded)
        }
        p50 = percentile(50)
        p95 = percentile(95)
        p99 = percentile(99)
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
