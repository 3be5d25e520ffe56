import Histogram
import Imaging
import Synchronization

/// Why a frame that was decoded has no mask.
public enum DropReason: String, CaseIterable, Sendable {
    /// A newer frame came before preprocessing took this one up.
    case newerBeforePreprocess = "newer_before_preprocess"
    /// A newer frame came before the network took this one up.
    case newerBeforeInfer = "newer_before_infer"
    /// A newer mask came before the sinks took this one up.
    case newerBeforePublish = "newer_before_publish"
    /// The camera's rate cap left it out.
    case rateCap = "rate_cap"
    /// A stage failed on it.
    case failed = "failed"
    /// It, or its mask, was older than the camera allows.
    case tooOld = "too_old"
    /// It was under way when the camera stopped.
    case abandoned = "abandoned"
}

/// The account of one camera: every frame that arrived, what became of it, and how long each stage took.
///
/// Always: arrived = published + dropped + those still under way. Any thread may write and read.
public final class LatencyLedger: Sendable {
    fileprivate struct State {
        var total = Account()
        var interval = Account()
        var window = Account()
        var lastWindow: LedgerSnapshot?
        var windowBegan: UInt64
        var classes: ClassShares?
        var firstArrival: UInt64?
        var intervalBegan: UInt64
        var lastPublish: UInt64 = 0
        var lastStamp: FrameStamp?
    }

    /// The shares of the classes in one mask.
    fileprivate struct ClassShares {
        let counts: [Int]
        let labels: LabelSet

        var byName: [String: Double] {
            let all = Double(max(1, counts.reduce(0, +)))
            var shares: [String: Double] = [:]
            for (id, name) in labels.names.enumerated() { shares[name] = Double(counts[id]) / all }
            shares["none"] = Double(counts[labels.count...].reduce(0, +)) / all
            return shares
        }
    }

    /// How long `recent` looks back, in nanoseconds: this and up to twice as much.
    fileprivate static let window: UInt64 = 5_000_000_000

    private let clock: any FrameClock
    private let state: Mutex<State>

    /// An empty account.
    public init(clock: any FrameClock = SystemClock()) {
        self.clock = clock
        let now = clock.monotonicNanoseconds
        state = Mutex(State(windowBegan: now, intervalBegan: now))
    }

    /// A frame was decoded; the first one starts the time that rates are taken over.
    public func arrived(_ frame: Frame) {
        let began = frame.stages[.decode].began
        let now = clock.monotonicNanoseconds
        state.withLock { state in
            if state.firstArrival == nil { state.firstArrival = began == 0 ? now : min(began, now) }
            state.change(at: now) { $0.arrived += 1 }
        }
    }

    /// A frame will have no mask.
    public func dropped(_ reason: DropReason, count: Int = 1) {
        guard count > 0 else { return }
        let now = clock.monotonicNanoseconds
        state.withLock { state in state.change(at: now) { $0.dropped[reason, default: 0] += count } }
    }

    /// A blind mask went out. One that stands for a frame (a mask too old) is besides counted as dropped.
    public func blind(_ cause: BlindCause) {
        let now = clock.monotonicNanoseconds
        state.withLock { state in state.change(at: now) { $0.blind[cause, default: 0] += 1 } }
    }

    /// How many pixels of the last mask have each id; `counts` has 256 entries.
    public func classes(_ counts: [Int], labels: LabelSet) {
        guard counts.count == 256 else { return }
        state.withLock { $0.classes = ClassShares(counts: counts, labels: labels) }
    }

    /// A mask went out, with the times of all its stages.
    public func published(_ stamp: FrameStamp, stages: StageTimes) {
        let now = clock.monotonicNanoseconds
        state.withLock { state in
            state.change(at: now) { $0.record(stamp, stages) }
            state.lastPublish = stages[.publish].ended
            state.lastStamp = stamp
        }
    }

    /// The account from the beginning.
    public func snapshot() -> LedgerSnapshot {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            let began = state.firstArrival ?? now
            let ended = max(state.lastPublish, began)
            return LedgerSnapshot(
                state.total, seconds: Self.seconds(began, ended), last: state.lastStamp, now: now,
                classShares: state.classes?.byName ?? [:])
        }
    }

    /// The account of the last seconds, at least five of them once so many have passed: what rates and latencies are
    /// taken from when somebody asks.
    public func recent() -> LedgerSnapshot {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            state.turnWindow(at: now)
            return state.lastWindow ?? state.windowSnapshot(at: now)
        }
    }

    /// The account since the last call, and begins a new one: what a line a minute reports.
    public func cut() -> LedgerSnapshot {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            let seconds = Self.seconds(state.intervalBegan, now)
            let snapshot = LedgerSnapshot(state.interval, seconds: seconds, last: state.lastStamp, now: now)
            state.interval.reset()
            state.intervalBegan = now
            return snapshot
        }
    }

    fileprivate static func seconds(_ began: UInt64, _ ended: UInt64) -> Double {
        ended > began ? Double(ended - began) / 1e9 : 0
    }
}

extension LatencyLedger.State {
    /// Writes to every account that is kept.
    mutating func change(at now: UInt64, _ write: (inout Account) -> Void) {
        turnWindow(at: now)
        write(&total)
        write(&interval)
        write(&window)
    }

    /// Begins a new window where the last one has been open long enough.
    mutating func turnWindow(at now: UInt64) {
        guard now > windowBegan, now - windowBegan >= LatencyLedger.window else { return }
        lastWindow = windowSnapshot(at: now)
        window.reset()
        windowBegan = now
    }

    func windowSnapshot(at now: UInt64) -> LedgerSnapshot {
        LedgerSnapshot(window, seconds: LatencyLedger.seconds(windowBegan, now), last: lastStamp, now: now)
    }
}

/// Counts and histograms over some time.
struct Account {
    var arrived = 0
    var published = 0
    var dropped: [DropReason: Int] = [:]
    var blind: [BlindCause: Int] = [:]
    var stages = [Histogram<UInt64>](repeating: Self.emptyHistogram, count: Stage.allCases.count)
    var endToEnd = Self.emptyHistogram

    /// Microseconds to five minutes, three digits exact.
    private static let longest: UInt64 = 300_000_000_000
    private static var emptyHistogram: Histogram<UInt64> {
        Histogram(lowestDiscernibleValue: 1000, highestTrackableValue: longest, numberOfSignificantValueDigits: .three)
    }

    mutating func record(_ stamp: FrameStamp, _ times: StageTimes) {
        published += 1
        for stage in Stage.allCases where times[stage].ended != 0 {
            stages[stage.rawValue].record(min(times[stage].nanoseconds, Self.longest))
        }
        let captured = stamp.capture.monotonicNanoseconds
        let ended = times[.publish].ended
        endToEnd.record(min(ended > captured ? ended - captured : 0, Self.longest))
    }

    mutating func reset() {
        arrived = 0
        published = 0
        dropped.removeAll(keepingCapacity: true)
        blind.removeAll(keepingCapacity: true)
        for stage in stages.indices { stages[stage].reset() }
        endToEnd.reset()
    }
}
