import Synchronization

/// The tasks of a step, cut into one range a thread. A thread does the same part of every step, so that what it
/// wrote in one is in its cache for the next; only what is left at the end is done by whoever is free.
///
/// A range is one 64-bit word on a cache line of its own:
///
///      63            32 31             0
///     ┌────────────────┬────────────────┐
///     │ end            │ next           │      next < end: tasks next ..< end are free
///     └────────────────┴────────────────┘      next ≥ end: nothing is free
///
/// A claim adds 1 to the word and looks at what it was: the end and the task always belong to the same step.
final class TaskRanges: @unchecked Sendable {
    /// How many ranges there are.
    let count: Int
    private let lines: UnsafeMutablePointer<Line>

    private struct Line: ~Copyable {
        let word = Atomic<UInt64>(0)
        private var rest: (Int, Int, Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0, 0, 0)
    }

    /// `count` empty ranges.
    init(_ count: Int) {
        self.count = count
        lines = .allocate(capacity: count)
        for index in 0..<count { (lines + index).initialize(to: Line()) }
    }

    deinit {
        lines.deinitialize(count: count)
        lines.deallocate()
    }

    /// Cuts `tasks` tasks into the ranges, all of which must be used up. From the first store on threads may claim.
    func cut(_ tasks: Int) {
        for index in 0..<count {
            let range = part(index, of: count, tasks)
            let word = UInt64(range.upperBound) << 32 | UInt64(range.lowerBound)
            lines[index].word.store(word, ordering: .releasing)
        }
    }

    /// The next free task of range `owner`, which then is the caller's; nil where there is none.
    func claim(from owner: Int) -> Int? {
        // Does not run over into the end: the word is set anew in every step, and a step sees a few claims a thread.
        let word = lines[owner].word.wrappingAdd(1, ordering: .acquiring).oldValue
        let (task, end) = (word & 0xffff_ffff, word >> 32)
        return task < end ? Int(task) : nil
    }
}
