import Imaging

/// Decides for one source when it is opened, read, waited for and given up, and says how it is doing.
///
/// A pure value: it is told what happened and when, in nanoseconds of CLOCK_MONOTONIC, and answers what to do next.
public struct SourceSupervision: Sendable {
    /// The times it goes by.
    public struct Settings: Hashable, Sendable {
        /// How long to wait before opening anew.
        public var backoff = Backoff()
        /// After so many frame intervals without a frame a source counts as stalled…
        public var stallIntervals: UInt64 = 3
        /// … but never before so many nanoseconds.
        public var leastStall: UInt64 = 500_000_000
        /// After so many nanoseconds in which every frame was refused the source is opened anew; nil never. Longer
        /// than the longest time between two key frames, or a camera that begins every connection in the middle of a
        /// group of pictures would never be seen.
        public var refusalTimeout: UInt64? = 30_000_000_000

        /// The usual times.
        public init() {}
    }

    /// What to do next.
    public enum Step: Hashable, Sendable {
        /// Open the source.
        case open
        /// Read a frame.
        case read
        /// Nothing, until this time.
        case wait(until: UInt64)
        /// Nothing any more.
        case end
    }

    /// What becomes of a frame that was read.
    public enum Verdict: Hashable, Sendable {
        /// It is good. After a loss: how many attempts failed, and how long there was no good frame.
        case pass(recoveredAfter: Recovery?)
        /// It is refused; whether it is the first one of a row.
        case refuse(isFirst: Bool)
        /// It is refused as all before it for too long: the source has failed.
        case giveUp(afterNanoseconds: UInt64)
    }

    /// How a source came back.
    public struct Recovery: Hashable, Sendable {
        /// Attempts to open or read it that failed meanwhile.
        public let attempts: UInt64
        /// Nanoseconds from the last good frame to the first; nil where there was none before.
        public let nanoseconds: UInt64?
    }

    private enum Phase: Hashable {
        case closed, opening, reading, ended
        case waiting(until: UInt64)
    }

    private let settings: Settings
    private let initial: SourceStatus
    private var backoff: Backoff
    private var phase = Phase.closed
    private var phaseBegan: UInt64
    private var interval = FrameInterval()
    /// Since the source was opened:
    private var lastRead: UInt64?
    private var lastGood: UInt64?
    private var goodSince: UInt64?
    private var refusing: (cause: RefusalCause, since: UInt64)?
    /// Since the beginning:
    private var lastGoodEver: UInt64?
    private var hasFailedSinceGood = false
    private var wasOpened = false
    private var counts: SourceStatus

    /// A source of `location`, not yet opened.
    public init(
        location: String, isLive: Bool, settings: Settings = Settings(), at now: UInt64 = 0
    ) {
        self.settings = settings
        backoff = settings.backoff
        initial = SourceStatus(since: now, location: location, isLive: isLive)
        counts = initial
        phaseBegan = now
    }

    /// What to do at `now`.
    public mutating func step(at now: UInt64) -> Step {
        switch phase {
        case .closed: return .open
        case .opening: return .open
        case .reading: return .read
        case .ended: return .end
        case .waiting(let end):
            guard now >= end else { return .wait(until: end) }
            enter(.closed, at: now)
            return .open
        }
    }

    /// It is being opened from `now` on.
    public mutating func opening(at now: UInt64) {
        if phase != .opening { enter(.opening, at: now) }
    }

    /// It is open, and announces `rate` frames a second, where it does.
    public mutating func opened(rate: Rational?, at now: UInt64) {
        enter(.reading, at: now)
        interval = FrameInterval(rate: rate)
        lastRead = nil
        lastGood = nil
        goodSince = nil
        refusing = nil
    }

    /// A frame was read at `now`, and the gate refuses it for `refusal`, where it does.
    public mutating func frame(refusal: RefusalCause?, at now: UInt64) -> Verdict {
        let stall = stallTime
        let wasStalled = isStalled(at: now)
        interval.frame(at: now)
        lastRead = now
        counts.framesRead += 1
        if let refusal { return refused(refusal, at: now) }
        let gap = lastGoodEver.map { now > $0 ? now - $0 : 0 }
        let isRecovery = hasFailedSinceGood || (gap.map { $0 > stall } ?? false && (refusing != nil || wasStalled))
        let recovery = isRecovery ? Recovery(attempts: counts.attempts, nanoseconds: gap) : nil
        if let gap, isRecovery { counts.lastRecovery = gap }
        if hasFailedSinceGood, lastGoodEver != nil { counts.reconnects += 1 }
        if goodSince == nil || refusing != nil || wasStalled { goodSince = now }
        refusing = nil
        lastGood = now
        lastGoodEver = now
        hasFailedSinceGood = false
        counts.attempts = 0
        backoff.worked(at: now)
        return .pass(recoveredAfter: recovery)
    }

    private mutating func refused(_ cause: RefusalCause, at now: UInt64) -> Verdict {
        counts.refused[cause, default: 0] += 1
        let isFirst = refusing?.cause != cause
        refusing = (cause, refusing?.since ?? now)
        let began = max(lastGood ?? phaseBegan, phaseBegan)
        if let timeout = settings.refusalTimeout, counts.isLive, now > began, now - began >= timeout {
            return .giveUp(afterNanoseconds: now - began)
        }
        return .refuse(isFirst: isFirst)
    }

    /// A frame was refused before it was decoded.
    public mutating func refusedUndecoded(_ cause: RefusalCause) { counts.refused[cause, default: 0] += 1 }

    /// Opening or reading failed at `now` because of `cause`, a sentence without secrets. `chance` is a random number
    /// in 0..<1. Answers how many attempts have failed in a row, and how long to wait, in nanoseconds.
    public mutating func failed(_ cause: String, at now: UInt64, chance: Double) -> (attempt: UInt64, delay: UInt64) {
        counts.cause = cause
        counts.attempts += 1
        hasFailedSinceGood = true
        let delay = backoff.failed(at: now, chance: chance)
        let (end, overflow) = now.addingReportingOverflow(delay)
        enter(.waiting(until: overflow ? .max : end), at: now)
        return (counts.attempts, delay)
    }

    /// It has ended, and is not opened again.
    public mutating func ended(at now: UInt64) { enter(.ended, at: now) }

    /// It was closed from outside, and is opened when it is read again.
    public mutating func closed(at now: UInt64) {
        if phase != .ended { enter(.closed, at: now) }
    }

    /// How it is doing at `now`.
    public func status(at now: UInt64) -> SourceStatus {
        var status = counts
        (status.state, status.since) = state(at: now)
        if phase == .reading, !isStalled(at: now) { status.refusing = refusing?.cause }
        return status
    }

    // MARK: - Inside

    private mutating func enter(_ next: Phase, at now: UInt64) {
        phase = next
        phaseBegan = now
    }

    /// How long a source may be silent, in nanoseconds.
    private var stallTime: UInt64 {
        let (product, overflow) = (interval.nanoseconds ?? 0).multipliedReportingOverflow(by: settings.stallIntervals)
        return max(overflow ? .max : product, settings.leastStall)
    }

    private func isStalled(at now: UInt64) -> Bool {
        guard counts.isLive, let lastRead else { return false }
        return now > lastRead && now - lastRead > stallTime
    }

    private func state(at now: UInt64) -> (SourceState, UInt64) {
        switch phase {
        case .closed, .opening: return (.connecting, phaseBegan)
        case .ended: return (.ended, phaseBegan)
        case .waiting: return (.waiting, phaseBegan)
        case .reading:
            guard let lastRead else { return (.connecting, phaseBegan) }
            if isStalled(at: now) { return (.stalled, lastRead &+ stallTime) }
            if let refusing {
                // Until the first key frame nothing is wrong with it.
                let hasJustBegun = lastGood == nil && refusing.cause == .awaitingKeyFrame
                return hasJustBegun ? (.connecting, phaseBegan) : (.corrupt, refusing.since)
            }
            return (.live, goodSince ?? phaseBegan)
        }
    }
}
