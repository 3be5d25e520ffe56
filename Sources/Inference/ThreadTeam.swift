import Glibc
import Kernels
import Synchronization
import Threads

/// A fixed number of threads that share the tasks of one step at a time, the caller being one of them.
///
/// Which thread does a task never matters to its result. A step waits for its tasks, not for the threads: a thread that
/// the system does not schedule delays nobody, unless it holds a task.
///
///     caller (thread 0)                               thread 1, 2, …
///     ─────────────────                               ──────────────
///     step = s                                        sleeps while generation = seen
///     remaining = tasks
///     ranges.cut(tasks)     ── free tasks appear ──▶
///     generation += 1, wake ───────────────────────▶  seen = generation
///     claim a task, run it, …                         claim a task ── none free ──▶ sleeps again
///     nothing is free                                 it is free: read `step`, run it, …
///     remaining −= done                               remaining −= done
///     waits while remaining > 0  ◀── wake, if it sleeps ──
///     returns
///
/// 1. A thread touches a step, its memory and `remaining` only while it holds a task of it.
/// 2. Who holds a task has not subtracted it from `remaining` yet; so the caller is still in `run`, and `step` is the
///    step that the task belongs to. It is read after the claim, never before.
/// 3. A thread that comes late, in the middle of any of these lines, finds nothing free, or a task of a later step,
///    which it then does like everybody else. There is no state of an earlier step that it could hold.
/// 4. No lock is held anywhere, so that none can be held by a thread that is not scheduled.
final class ThreadTeam: @unchecked Sendable {
    /// How many threads there are, the caller included.
    let count: Int
    private let shared: Shared
    private(set) var threads: [NamedThread] = []

    /// What the threads share. It outlives the team by as long as its last thread needs.
    private final class Shared: @unchecked Sendable {
        /// Raised for each step, to tell those who sleep.
        let generation = Futex(0)
        /// Tasks of the step that are not done.
        let remaining = Futex(0)
        let ranges: TaskRanges
        let sleeping = Atomic<Int>(0)
        let isCallerSleeping = Atomic<Bool>(false)
        let isStopping = Atomic<Bool>(false)
        // Written by the caller while no task is free, read by who holds a task.
        private var step = Unmanaged.passUnretained(Step.nothing)

        /// Looks that a thread takes at a word before it lets others run, and then before it sleeps.
        private static let spins = 2_000
        private static let yields = 200

        init(threads: Int) { ranges = TaskRanges(threads) }

        func begin(_ next: Step) {
            step = Unmanaged.passUnretained(next)
            remaining.set(UInt32(next.tasks))
            ranges.cut(next.tasks)
            wakeThreads()
        }

        func wakeThreads() {
            generation.add(1)
            if sleeping.load(ordering: .sequentiallyConsistent) > 0 { generation.wake(Int32.max) }
        }

        /// Does free tasks until there are none.
        func work(as thread: Int) {
            // The own range first, then what is left of the others'.
            for turn in 0..<ranges.count {
                let owner = (thread + turn) % ranges.count
                var done: UInt32 = 0
                while let task = ranges.claim(from: owner) {
                    step._withUnsafeGuaranteedRef { $0.run(task: task, thread: thread) }
                    done += 1
                }
                guard done > 0, remaining.subtract(done) == 0 else { continue }
                if isCallerSleeping.load(ordering: .sequentiallyConsistent) { remaining.wake(1) }
            }
        }

        /// Waits until all tasks of the step are done.
        func waitForTasks() {
            for _ in 0..<Self.spins {
                if remaining.value == 0 { return }
                PlaneOperations.pause()
            }
            for _ in 0..<Self.yields {
                if remaining.value == 0 { return }
                sched_yield()
            }
            isCallerSleeping.store(true, ordering: .sequentiallyConsistent)
            while case let left = remaining.latest, left > 0 { remaining.sleep(while: left) }
            isCallerSleeping.store(false, ordering: .relaxed)
        }

        /// Waits until the generation is another than `seen`; returns the new one.
        func wait(after seen: UInt32) -> UInt32 {
            for _ in 0..<Self.spins {
                let now = generation.value
                if now != seen { return now }
                PlaneOperations.pause()
            }
            sleeping.wrappingAdd(1, ordering: .sequentiallyConsistent)
            while generation.latest == seen { generation.sleep(while: seen) }
            sleeping.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            return generation.value
        }
    }

    /// A team of `count` threads, `count - 1` of them new. Throws where the system does not give them.
    init(count wanted: Int) throws(ThreadError) {
        count = max(wanted, 1)
        let shared = Shared(threads: count)
        self.shared = shared
        for number in 1..<count {
            threads.append(
                try NamedThread("engine \(number)") {
                    _ = FloatMode.flushDenormals()
                    var seen: UInt32 = 0
                    while true {
                        seen = shared.wait(after: seen)
                        if shared.isStopping.load(ordering: .acquiring) { return }
                        shared.work(as: number)
                    }
                })
        }
    }

    deinit {
        shared.isStopping.store(true, ordering: .releasing)
        shared.wakeThreads()
        for thread in threads { thread.join() }
    }

    /// Runs all tasks of `step` and returns when they are done. One call at a time.
    func run(_ step: Step) {
        guard count > 1, step.tasks > 1 else {
            for task in 0..<step.tasks { step.run(task: task, thread: 0) }
            return
        }
        shared.begin(step)
        shared.work(as: 0)
        shared.waitForTasks()
    }
}
