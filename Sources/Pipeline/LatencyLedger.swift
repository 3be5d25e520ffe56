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
        /// The window before, and when it began and ended; nothing in it before the first turn.
        var lastWindow = Account()
        var lastWindowTime: (began: UInt64, ended: UInt64, last: FrameStamp?)?
        var windowBegan: UInt64
        var lastMask: (classes: ClassMap, labels: LabelSet)?
        var shares: ClassShares?
        var firstArrival: UInt64?
        var intervalBegan: UInt64
        var lastPublish: UInt64 = 0
        var lastStamp: FrameStamp?
        var ageOnArrival: UInt64 = 0
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
            let (came, captured) = (began == 0 ? now : began, frame.stamp.capture.monotonicNanoseconds)
            state.ageOnArrival = came > captured ? came - captured : 0
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

    /// A mask went out, with the times of all its stages.
    public func published(_ stamp: FrameStamp, stages: StageTimes) {
        let now = clock.monotonicNanoseconds
        state.withLock { state in
            state.change(at: now) { $0.record(stamp, stages) }
            state.lastPublish = stages[.publish].ended
            state.lastStamp = stamp
        }
    }

    /// A mask went out, with the times of all its stages. It is the one that class shares are counted in, if somebody
    /// asks before the next one.
    public func published(_ mask: Mask) {
        published(mask.stamp, stages: mask.stages)
        let old = state.withLock { state in
            defer { (state.lastMask, state.shares) = ((mask.classes, mask.labels), nil) }
            return state.lastMask
        }
        // Its memory goes back to its pool here, not under the lock.
        _ = old
    }

    /// The account from the beginning. What takes long, percentiles and class shares, is reckoned on the caller's thread
    /// outside the lock, from a copy.
    public func snapshot() -> LedgerSnapshot {
        let now = clock.monotonicNanoseconds
        let (account, seconds, last, shares) = state.withLock { state in
            let began = state.firstArrival ?? now
            let ended = max(state.lastPublish, began)
            if state.shares == nil, let mask = state.lastMask {
                state.shares = ClassShares(mask.classes, labels: mask.labels)
            }
            return (state.total, Self.seconds(began, ended), state.lastStamp, state.shares)
        }
        return LedgerSnapshot(account, seconds: seconds, last: last, now: now, classShares: shares?.byName ?? [:])
    }

    /// The counts from the beginning alone: cheap, for who asks every second.
    public func counts() -> LedgerCounts {
        state.withLock { state in
            LedgerCounts(
                arrived: state.total.arrived, published: state.total.published, dropped: state.total.dropped,
                blind: state.total.blind.values.reduce(0, +), ageOnArrival: state.ageOnArrival)
        }
    }

    /// The account of the last seconds, at least five of them once so many have passed: what rates and latencies are
    /// taken from when somebody asks.
    public func recent() -> LedgerSnapshot {
        let now = clock.monotonicNanoseconds
        let (account, began, ended, last) = state.withLock { state in
            state.turnWindow(at: now)
            guard let time = state.lastWindowTime else {
                return (state.window, state.windowBegan, now, state.lastStamp)
            }
            return (state.lastWindow, time.began, time.ended, time.last)
        }
        return LedgerSnapshot(account, seconds: Self.seconds(began, ended), last: last, now: ended)
    }

    /// The account since the last call, and begins a new one: what a line a minute reports.
    public func cut() -> LedgerSnapshot {
        let now = clock.monotonicNanoseconds
        var account = Account()
        let (seconds, last) = state.withLock { state in
            swap(&account, &state.interval)
            defer { state.intervalBegan = now }
            return (Self.seconds(state.intervalBegan, now), state.lastStamp)
        }
        return LedgerSnapshot(account, seconds: seconds, last: last, now: now)
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
        swap(&lastWindow, &window)
        lastWindowTime = (windowBegan, now, lastStamp)
        window.reset()
        windowBegan = now
    }
}

/// How long something took, each time, in nanoseconds.
struct Times {
    /// Microseconds to five minutes, three digits exact.
    private static let longest: UInt64 = 300_000_000_000

    private(set) var histogram = Histogram<UInt64>(
        lowestDiscernibleValue: 1000, highestTrackableValue: longest, numberOfSignificantValueDigits: .three)
    private(set) var sum: UInt64 = 0

    mutating func record(_ nanoseconds: UInt64) {
        let counted = min(nanoseconds, Self.longest)
        histogram.record(counted)
        sum &+= counted
    }

    mutating func reset() {
        histogram.reset()
        sum = 0
    }
}

/// Counts and times over some time.
struct Account {
    var arrived = 0
    var published = 0
    var dropped: [DropReason: Int] = [:]
    var blind: [BlindCause: Int] = [:]
    var stages = [Times](repeating: Times(), count: Stage.allCases.count)
    var endToEnd = Times()

    mutating func record(_ stamp: FrameStamp, _ times: StageTimes) {
        published += 1
        for stage in Stage.allCases where times[stage].ended != 0 {
            stages[stage.rawValue].record(times[stage].nanoseconds)
        }
        let captured = stamp.capture.monotonicNanoseconds
        let ended = times[.publish].ended
        endToEnd.record(ended > captured ? ended - captured : 0)
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
