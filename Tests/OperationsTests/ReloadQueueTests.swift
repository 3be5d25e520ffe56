import Dispatch
import Operations
import Synchronization
import Testing

@Suite("Requests to reload", .timeLimit(.minutes(10)))
struct ReloadQueueTests {
    @Test("share the next reload, however many come while one runs, and all are answered")
    func storm() throws {
        let queue = try ReloadQueue()
        let (began, goesOn, answered) = (
            DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)
        )
        let revisions = Mutex<[Int]>([])
        let reloads = Atomic<Int>(0)
        let request: @Sendable () -> Void = {
            queue.request { outcome in
                if case .success(let reload) = outcome { revisions.withLock { $0.append(reload.revision) } }
                answered.signal()
            } reload: {
                let number = reloads.wrappingAdd(1, ordering: .relaxed).newValue
                began.signal()
                goesOn.wait()
                return .success(ControlAnswers.Reload(revision: number, changes: [], kept: []))
            }
        }
        request()
        began.wait()
        for _ in 0..<500 { request() }
        goesOn.signal()
        goesOn.signal()
        for _ in 0..<501 { answered.wait() }
        #expect(reloads.load(ordering: .relaxed) == 2)
        #expect(revisions.withLock { $0 } == [1] + Array(repeating: 2, count: 500))
    }
}
