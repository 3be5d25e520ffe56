import Glibc
import Kernels
import Synchronization
import Threads

/// A fixed number of threads that share the tasks of one step at a time, the caller being one of them.
///
/// Between steps a thread spins for a bounded time, then sleeps. Which thread does a task never matters to its result.
final class ThreadTeam: @unchecked Sendable {
    /// How many threads there are, the caller included.
    let count: Int
    private let shared: Shared
    private var threads: [NamedThread] = []

    /// What the threads share. It outlives the team by as long as its last thread needs.
    private final class Shared: @unchecked Sendable {
        let generation = Atomic<Int>(0)
        /// Where each thread's share of the tasks goes on and ends.
        let shares: Shares
        let busy = Atomic<Int>(0)
        let sleeping = Atomic<Int>(0)
        let isStopping = Atomic<Bool>(false)
        // Written by the caller before `generation` is raised, read by the others after they saw it raised.
        unowned(unsafe) var step: Step = Step.nothing
        private var mutex = pthread_mutex_t()
        private var condition = pthread_cond_t()

        init(threads: Int) {
            shares = Shares(threads)
            pthread_mutex_init(&mutex, nil)
            pthread_cond_init(&condition, nil)
        }

        deinit {
            pthread_cond_destroy(&condition)
            pthread_mutex_destroy(&mutex)
        }

        func work(as thread: Int) {
            let step = step
            // The own share first, then what is left of the others'.
            for turn in 0..<shares.count {
                let owner = (thread + turn) % shares.count
                while let task = shares.take(from: owner) { step.run(task: task, thread: thread) }
            }
        }

        func wake() {
            guard sleeping.load(ordering: .sequentiallyConsistent) > 0 else { return }
            pthread_mutex_lock(&mutex)
            pthread_cond_broadcast(&condition)
            pthread_mutex_unlock(&mutex)
        }

        /// Waits until the generation is another than `seen`; returns the new one.
        func wait(after seen: Int) -> Int {
            for _ in 0..<2_000 {
                let now = generation.load(ordering: .acquiring)
                if now != seen { return now }
                PlaneOperations.pause()
            }
            pthread_mutex_lock(&mutex)
            sleeping.wrappingAdd(1, ordering: .sequentiallyConsistent)
            while generation.load(ordering: .sequentiallyConsistent) == seen { pthread_cond_wait(&condition, &mutex) }
            sleeping.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            pthread_mutex_unlock(&mutex)
            return generation.load(ordering: .acquiring)
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
                    var seen = 0
                    while true {
                        seen = shared.wait(after: seen)
                        if shared.isStopping.load(ordering: .acquiring) { return }
                        shared.work(as: number)
                        shared.busy.wrappingSubtract(1, ordering: .releasing)
                    }
                })
        }
    }

    deinit {
        shared.isStopping.store(true, ordering: .releasing)
        shared.generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
        shared.wake()
        for thread in threads { thread.join() }
    }

    /// Runs all tasks of `step` and returns when they are done. One call at a time.
    func run(_ step: Step) {
        guard count > 1, step.tasks > 1 else {
            for task in 0..<step.tasks { step.run(task: task, thread: 0) }
            return
        }
        shared.step = step
        shared.shares.cut(step.tasks)
        shared.busy.store(count - 1, ordering: .relaxed)
        shared.generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
        shared.wake()
        shared.work(as: 0)
        var spins = 0
        while shared.busy.load(ordering: .acquiring) > 0 {
            spins += 1
            if spins < 2_000 { PlaneOperations.pause() } else { sched_yield() }
        }
    }
}

/// The tasks of a step, cut into one range a thread. A thread does the same part of every step, so that what it
/// wrote in one is in its cache for the next; only what is left at the end is done by whoever is free.
private final class Shares: @unchecked Sendable {
    let count: Int
    /// One cache line each: the next task, and the end of the share.
    private let lines: UnsafeMutablePointer<Line>

    private struct Line: ~Copyable {
        let next = Atomic<Int>(0)
        var end = 0
        private var rest: (Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0)
    }

    init(_ count: Int) {
        self.count = count
        lines = .allocate(capacity: count)
        for index in 0..<count { (lines + index).initialize(to: Line()) }
    }

    deinit {
        lines.deinitialize(count: count)
        lines.deallocate()
    }

    func cut(_ tasks: Int) {
        for index in 0..<count {
            let range = part(index, of: count, tasks)
            lines[index].end = range.upperBound
            lines[index].next.store(range.lowerBound, ordering: .relaxed)
        }
    }

    func take(from owner: Int) -> Int? {
        let task = lines[owner].next.wrappingAdd(1, ordering: .relaxed).oldValue
        return task < lines[owner].end ? task : nil
    }
}
