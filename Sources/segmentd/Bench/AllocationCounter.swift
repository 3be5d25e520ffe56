import Foundation

/// Counts what all threads ask of the heap, where the process was started with the counter that replaces `malloc`
/// (`Tests/CAllocationCounter`, which `scripts/bench.sh` preloads). Without it nothing is counted and nothing guessed.
struct AllocationCounter {
    private typealias Count = @convention(c) (Int32) -> UInt64
    private let count: Count
    private let threads: [Int32]

    /// A counter for the threads that run now; nil where `malloc` is the system's own.
    init?() {
        // RTLD_DEFAULT is a macro that Swift does not see: the null handle.
        guard let symbol = dlsym(nil, "allocation_count"),
            let names = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        else { return nil }
        count = unsafeBitCast(symbol, to: Count.self)
        threads = names.compactMap { Int32($0) }
    }

    /// Calls of malloc and its kin so far.
    var total: UInt64 {
        var sum: UInt64 = 0
        for thread in threads { sum += count(thread) }
        return sum
    }
}
