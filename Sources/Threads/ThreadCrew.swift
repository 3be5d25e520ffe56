import Dispatch
import Synchronization

/// Threads that need each other: all of them are started, or none does anything.
public enum ThreadCrew {
    /// What one of them is called and does.
    public typealias Member = (name: String, work: @Sendable () -> Void)

    private final class Gate: Sendable {
        let isOpen = Atomic<Bool>(false)
        let wake = DispatchSemaphore(value: 0)
        let running: Atomic<Int>
        init(_ count: Int) { running = Atomic(count) }
    }

    /// Starts all `members`; the last one that ends calls `completion` on its own thread. Where a thread cannot be made
    /// this throws, no work was begun, and `completion` is not called.
    public static func start(
        _ members: [Member], stackBytes: Int = NamedThread.stackBytes, completion: @escaping @Sendable () -> Void
    ) throws(ThreadError) {
        guard !members.isEmpty else { return completion() }
        let gate = Gate(members.count)
        var started = 0
        defer { for _ in 0..<started { gate.wake.signal() } }
        for member in members {
            try NamedThread(member.name, stackBytes: stackBytes) {
                gate.wake.wait()
                guard gate.isOpen.load(ordering: .acquiring) else { return }
                member.work()
                if gate.running.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { completion() }
            }
            started += 1
        }
        gate.isOpen.store(true, ordering: .releasing)
    }

    /// Throws where the system does not give `count` more threads now; `purpose` says what they are for. None stays.
    public static func check(_ count: Int, for purpose: String) throws(ThreadError) {
        guard count > 0 else { return }
        let ended = DispatchSemaphore(value: 0)
        let members = (0..<count).map { _ in Member(name: "check", work: {}) }
        do throws(ThreadError) {
            try start(members) { ended.signal() }
        } catch {
            throw ThreadError(
                name: purpose, count: count, errno: error.errno, threads: error.threads, userLimit: error.userLimit,
                addressSpace: error.addressSpace)
        }
        ended.wait()
    }
}
