import Dispatch
import Imaging
import Synchronization

/// The one network that all cameras use: one picture at a time, turns given out by a `TurnSchedule`.
public final class InferenceQueue: Sendable {
    private struct State {
        var schedule = TurnSchedule()
        var seats: [Int: DispatchSemaphore] = [:]
        var granted: Int?
        var closed: Set<Int> = []
        /// When the picture that the network works on was begun; nil where it works on none.
        var runningSince: UInt64?
        /// How long the last picture took.
        var lastRun: UInt64 = 0
    }

    private let segmenter: any Segmenting
    private let clock: any FrameClock
    private let state = Mutex(State())

    /// The queue of `segmenter`.
    public init(_ segmenter: any Segmenting, clock: any FrameClock = SystemClock()) {
        self.segmenter = segmenter
        self.clock = clock
    }

    /// The size of the pictures it takes and of the class maps it gives.
    public var inputSize: ImageSize { segmenter.inputSize }
    /// What the class ids mean.
    public var labels: LabelSet { segmenter.labels }
    /// The model's name, as masks carry it.
    public var modelName: String { segmenter.modelName }

    /// Since when (CLOCK_MONOTONIC) the network has worked on one picture, nil where it does not work now; and how
    /// many nanoseconds the last one took.
    public var work: (since: UInt64?, last: UInt64) { state.withLock { ($0.runningSince, $0.lastRun) } }

    /// A place for a camera, with its weight.
    func join(weight: Int) -> EngineSeat {
        let semaphore = DispatchSemaphore(value: 0)
        let id = state.withLock { state in
            let id = state.schedule.join(weight: weight)
            state.seats[id] = semaphore
            return id
        }
        return EngineSeat(queue: self, id: id, wake: semaphore)
    }

    /// Runs the network, for whoever has the turn, and says when it ran.
    func segment(_ input: PlanarRGB, into classes: ClassMap, clock: any FrameClock) throws -> StageTimes.Interval {
        let began = clock.monotonicNanoseconds
        state.withLock { $0.runningSince = began }
        defer {
            let now = clock.monotonicNanoseconds
            state.withLock { state in
                state.runningSince = nil
                state.lastRun = now > began ? now - began : 0
            }
        }
        try segmenter.segment(input, into: classes)
        return StageTimes.Interval(began: began, ended: clock.monotonicNanoseconds)
    }

    fileprivate func offer(_ id: Int, deadline: UInt64) {
        state.withLock { state in
            state.schedule.offer(id, deadline: deadline)
            Self.grant(&state)
        }
    }

    fileprivate enum Answer { case turn, wait, over }

    fileprivate func ask(_ id: Int) -> Answer {
        state.withLock { state in
            if state.granted == id {
                state.granted = nil
                return .turn
            }
            return state.closed.contains(id) && !state.schedule.isWaiting(id) ? .over : .wait
        }
    }

    fileprivate func finished(_ id: Int, began: UInt64, isUsed: Bool) {
        let now = clock.monotonicNanoseconds
        state.withLock { state in
            state.schedule.finished(id, cost: isUsed && now > began ? now - began : 0)
            Self.grant(&state)
        }
    }

    fileprivate var now: UInt64 { clock.monotonicNanoseconds }

    fileprivate func close(_ id: Int) {
        state.withLock { state in
            state.closed.insert(id)
            state.seats[id]?.signal()
        }
    }

    fileprivate func leave(_ id: Int) {
        state.withLock { state in
            if state.granted == id { state.granted = nil }
            state.schedule.leave(id)
            state.seats[id] = nil
            state.closed.remove(id)
            Self.grant(&state)
        }
    }

    private static func grant(_ state: inout State) {
        guard let id = state.schedule.grant() else { return }
        state.granted = id
        state.seats[id]?.signal()
    }
}

/// A camera's place at the network. One thread offers and closes, one other takes turns.
final class EngineSeat: Sendable {
    private let queue: InferenceQueue
    private let id: Int
    private let wake: DispatchSemaphore

    fileprivate init(queue: InferenceQueue, id: Int, wake: DispatchSemaphore) {
        self.queue = queue
        self.id = id
        self.wake = wake
    }

    deinit { queue.leave(id) }

    /// A frame waits, and is too old at `deadline`.
    func offer(deadline: UInt64) { queue.offer(id, deadline: deadline) }

    /// No more frames are offered: when those that were have had their turns, `nextTurn` answers false.
    func close() { queue.close(id) }

    /// Gives up the place.
    func leave() { queue.leave(id) }

    /// Waits for a turn, which lasts while `work` runs; `work` says whether it had something to do. False when there
    /// will be none.
    func nextTurn(_ work: () -> Bool) -> Bool {
        while true {
            switch queue.ask(id) {
            case .wait: wake.wait()
            case .over: return false
            case .turn:
                let began = queue.now
                let isUsed = work()
                queue.finished(id, began: began, isUsed: isUsed)
                return true
            }
        }
    }
}
