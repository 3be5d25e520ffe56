import Imaging
import Synchronization

/// Judges a running service again and again, and keeps the last judgement for whoever asks.
public final class HealthMonitor: Sendable {
    private struct State {
        var watch: HealthWatch
        var health = ServiceHealth(sees: false)
        var checked: UInt64
    }

    /// Nanoseconds of standstill after which a service counts as dead where no watchdog says so: half of the unit's.
    public static let usualPatience: UInt64 = 15_000_000_000

    private let patience: UInt64
    private let gather: @Sendable () -> HealthFacts
    private let clock: any FrameClock
    private let state: Mutex<State>

    /// A monitor that looks with `facts`. `watchdog` is systemd's interval in nanoseconds; nil where nobody watches.
    public init(
        watchdog: UInt64?, clock: any FrameClock = SystemClock(), facts: @escaping @Sendable () -> HealthFacts
    ) {
        patience = watchdog.map { $0 / 2 } ?? Self.usualPatience
        gather = facts
        self.clock = clock
        state = Mutex(State(watch: HealthWatch(patience: patience), checked: clock.monotonicNanoseconds))
    }

    /// Looks, and judges; to be called once a second by whoever looks after the service.
    @discardableResult
    public func check() -> ServiceHealth { judge(isWatch: true) }

    /// The judgement now, for whoever asks. Where nobody has called `check` for too long, that itself is a problem.
    public var current: ServiceHealth { overdue(judge(isWatch: false)) }

    /// The last judgement; does not look, and waits for nothing.
    public var last: ServiceHealth { overdue(state.withLock { $0.health }) }

    private func judge(isWatch: Bool) -> ServiceHealth {
        let facts = gather()
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            state.health = state.watch.judge(facts, at: now)
            if isWatch { state.checked = now }
            return state.health
        }
    }

    private func overdue(_ health: ServiceHealth) -> ServiceHealth {
        let now = clock.monotonicNanoseconds
        let checked = state.withLock { $0.checked }
        guard now > checked, now - checked > patience else { return health }
        let seconds = (now - checked) / 1_000_000_000
        return ServiceHealth(
            problems: [.init(.watch, .dead, "the service has not looked after itself for \(seconds) s")]
                + health.problems, sees: false)
    }
}
