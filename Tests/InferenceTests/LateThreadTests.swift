import Glibc
import Kernels
import Synchronization
import Testing

@testable import Inference
@testable import Threads

/// Makes threads late: they get a signal whose handler does not return while the gate is closed, or for a while.
private enum Lateness {
    static let held = Atomic<Int>(0)
    static let isGateClosed = Atomic<Bool>(false)
    static let microseconds = Atomic<UInt32>(0)
    /// A real-time signal that nobody else uses.
    private static let number: Int32 = 34 + 17

    private static func install() {
        // Made here, not in the handler.
        isGateClosed.store(false, ordering: .relaxed)
        microseconds.store(0, ordering: .relaxed)
        held.store(0, ordering: .relaxed)
        var action = sigaction()
        action.sa_flags = SA_RESTART
        action.__sigaction_handler.sa_handler = { _ in
            Lateness.held.wrappingAdd(1, ordering: .sequentiallyConsistent)
            if Lateness.isGateClosed.load(ordering: .sequentiallyConsistent) {
                while Lateness.isGateClosed.load(ordering: .sequentiallyConsistent) { usleep(200) }
            } else {
                usleep(Lateness.microseconds.load(ordering: .relaxed))
            }
            Lateness.held.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        }
        #expect(sigaction(number, &action, nil) == 0)
    }

    /// What `make` gives; the threads that it starts take the signal, whatever this one's mask says.
    static func reachable<Result>(_ make: () throws -> Result) rethrows -> Result {
        install()
        var (wanted, before) = (sigset_t(), sigset_t())
        sigemptyset(&wanted)
        sigaddset(&wanted, number)
        pthread_sigmask(SIG_UNBLOCK, &wanted, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return try make()
    }

    static func delay(_ thread: NamedThread, microseconds: UInt32) {
        Self.microseconds.store(microseconds, ordering: .relaxed)
        signal(thread)
    }

    private static func signal(_ thread: NamedThread) {
        thread.thread.withLock { handle in
            if let handle { pthread_kill(handle, number) }
        }
    }

    /// Holds `threads` while `body` runs. They must not be at work.
    static func holding(_ threads: [NamedThread], _ body: () throws -> Void) rethrows {
        isGateClosed.store(true, ordering: .sequentiallyConsistent)
        defer {
            isGateClosed.store(false, ordering: .sequentiallyConsistent)
            while held.load(ordering: .sequentiallyConsistent) > 0 { usleep(200) }
        }
        for thread in threads { signal(thread) }
        for _ in 0..<50_000 where held.load(ordering: .sequentiallyConsistent) < threads.count { usleep(200) }
        #expect(held.load(ordering: .sequentiallyConsistent) == threads.count, "a thread does not take signals")
        try body()
    }
}

/// A step that keeps account of its tasks: each done once, and none after the step is over.
private final class CountingStep: Step, @unchecked Sendable {
    private let done: UnsafeMutablePointer<Atomic<Int>>
    let isOver = Atomic<Bool>(true)
    let strays = Atomic<Int>(0)

    override init(tasks: Int) {
        done = .allocate(capacity: tasks)
        for task in 0..<tasks { (done + task).initialize(to: Atomic(0)) }
        super.init(tasks: tasks)
    }

    deinit {
        done.deinitialize(count: tasks)
        done.deallocate()
    }

    override func run(task: Int, thread: Int) {
        done[task].wrappingAdd(1, ordering: .relaxed)
        if isOver.load(ordering: .sequentiallyConsistent) { strays.wrappingAdd(1, ordering: .relaxed) }
        for _ in 0..<task % 3 * 20 { PlaneOperations.pause() }
    }

    /// Whether every task was done `rounds` times.
    func isComplete(rounds: Int) -> Bool {
        (0..<tasks).allSatisfy { done[$0].load(ordering: .relaxed) == rounds }
    }
}

@Suite("A thread that the system does not schedule", .serialized)
struct LateThreadTests {
    @Test("delays no step that others have finished", .timeLimit(.minutes(2)))
    func heldThreads() throws {
        let sample = try EngineTests.sample()
        let expected = try sample.outputs(EngineOptions(threads: 1))
        let engine = try Lateness.reachable { try Engine(sample.program, options: EngineOptions(threads: 4)) }
        try sample.run(engine)
        #expect(engine.team.threads.count == 3)
        for held in [engine.team.threads, Array(engine.team.threads.prefix(1))] {
            try Lateness.holding(held) {
                // Would wait here for as long as the threads are held.
                for _ in 0..<20 {
                    try sample.run(engine)
                    #expect(try sample.outputs(engine) == expected)
                }
            }
            try sample.run(engine)
            #expect(try sample.outputs(engine) == expected)
        }
    }

    @Test("may be late at any moment, and changes no bit of the result", arguments: [2, 3, 5])
    func delayedThreads(_ threads: Int) throws {
        let sample = try EngineTests.sample()
        let expected = try sample.outputs(EngineOptions(threads: 1))
        let engine = try Lateness.reachable {
            try Engine(sample.program, options: EngineOptions(threads: threads))
        }
        var random = Random(seed: UInt64(threads))
        for run in 0..<300 {
            let late = random.pick(engine.team.threads)
            Lateness.delay(late, microseconds: UInt32.random(in: 0...1_500, using: &random))
            try sample.run(engine)
            let found = try sample.outputs(engine)
            if found != expected {
                Issue.record("run \(run) gave other bits")
                return
            }
        }
    }

    @Test("does each task once, and none of a step that is over: thousands of tiny steps", arguments: [2, 3, 8])
    func tinySteps(_ threads: Int) throws {
        let team = try Lateness.reachable { try ThreadTeam(count: threads) }
        #expect(team.count == threads)
        let steps = [1, 2, 3, 5, 16, 33, 100].map { CountingStep(tasks: $0) }
        var rounds = [Int](repeating: 0, count: steps.count)
        var random = Random(seed: UInt64(threads))
        for turn in 0..<20_000 {
            if turn % 61 == 0 {
                Lateness.delay(
                    random.pick(team.threads), microseconds: UInt32.random(in: 0...400, using: &random))
            }
            // Now and then all threads have gone to sleep.
            if turn % 257 == 0 { usleep(300) }
            let index = Int.random(in: 0..<steps.count, using: &random)
            let step = steps[index]
            step.isOver.store(false, ordering: .sequentiallyConsistent)
            team.run(step)
            step.isOver.store(true, ordering: .sequentiallyConsistent)
            rounds[index] += 1
            if !step.isComplete(rounds: rounds[index]) {
                Issue.record("turn \(turn): a task of \(step.tasks) was not done, or done twice")
                return
            }
        }
        for step in steps { #expect(step.strays.load(ordering: .relaxed) == 0, "tasks ran after their step") }
    }

    @Test("does not outlive its team: teams come and go while their threads are late", .timeLimit(.minutes(2)))
    func teardown() throws {
        var random = Random(seed: 7)
        for round in 0..<200 {
            let team = try Lateness.reachable { try ThreadTeam(count: 4) }
            let step = CountingStep(tasks: 9)
            step.isOver.store(false, ordering: .sequentiallyConsistent)
            Lateness.delay(random.pick(team.threads), microseconds: UInt32.random(in: 0...500, using: &random))
            for _ in 0..<round % 4 { team.run(step) }
            #expect(step.isComplete(rounds: round % 4))
        }
    }
}
