/// Decides how long to wait before the next attempt: longer each time, a little at random, for ever.
///
/// A pure value: the caller brings the time and the chance.
public struct Backoff: Hashable, Sendable {
    /// The first wait, in nanoseconds.
    public let first: UInt64
    /// The longest wait, in nanoseconds.
    public let longest: UInt64
    /// How long something must work before its next failure counts as the first, in nanoseconds.
    public let settling: UInt64
    private var attempts = 0
    private var workingSince: UInt64?

    /// Waits from `first` up to `longest` nanoseconds, doubling, each up to a fifth shorter or longer.
    public init(
        first: UInt64 = 250_000_000, longest: UInt64 = 5_000_000_000, settling: UInt64 = 5_000_000_000
    ) {
        self.first = first
        self.longest = max(first, longest)
        self.settling = settling
    }

    /// It works, at `now` (nanoseconds).
    public mutating func worked(at now: UInt64) {
        if workingSince == nil { workingSince = now }
    }

    /// It failed at `now`: how long to wait, in nanoseconds. `chance` is a random number in 0..<1.
    public mutating func failed(at now: UInt64, chance: Double) -> UInt64 {
        if let began = workingSince, now >= began, now - began >= settling { attempts = 0 }
        workingSince = nil
        let base = attempts < 40 ? min(first << UInt64(attempts), longest) : longest
        if base < longest { attempts += 1 }
        let jittered = Double(base) * (0.8 + 0.4 * min(max(chance, 0), 1))
        return min(UInt64(jittered), longest)
    }
}
