import Dispatch
import Glibc
import Operations
import Pipeline
import Threads

/// Makes sure that a service can have the threads that it needs before it begins, because some of them are made by
/// others, who wait for ever, without a word, where the system gives none: Dispatch does, and Swift's concurrency pool,
/// which lives on it.
enum ThreadPreflight {
    /// Seconds in which the concurrency pool has to run something.
    private static let patience = 10

    /// Throws a `ThreadError` where `configuration` needs more threads than the system gives.
    static func check(_ configuration: ServiceConfiguration) throws(ThreadError) {
        let cameras = configuration.cameras.reduce(0) {
            $0 + CameraPipeline.threadsPerCamera + $1.recordings.count
        }
        let engine = configuration.threads ?? ProcessorCount.available
        try ThreadCrew.check(
            cameras + engine + pool + service,
            for: "\(configuration.cameras.count) camera\(configuration.cameras.count == 1 ? "" : "s"), "
                + "\(engine) of the network, \(pool) of Swift's concurrency pool and \(service) of the service")
        try checkPool()
    }

    /// The concurrency pool has a thread for each processor; Dispatch has one for its timers, and one in reserve.
    private static var pool: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) + 2 }

    /// Sockets, control and HTTP with their answers, reload, log, and one in reserve.
    private static let service = 8

    /// Has the pool run something, asked from a thread that may wait for ever.
    private static func checkPool() throws(ThreadError) {
        let ran = MonotonicSemaphore()
        try NamedThread("pool check") { Task { ran.signal() } }
        guard ran.wait(timeout: .now() + .seconds(patience)) == .success else {
            throw ThreadError(name: "Swift's concurrency pool", errno: EAGAIN)
        }
    }
}
