/// Decides which frame of a paced drive is due, from the time since it began. Pure: no clock in it.
struct LivePace {
    /// What to do now.
    enum Step: Equatable {
        /// Nothing is due for so long.
        case wait(nanoseconds: UInt64)
        /// This frame is due.
        case render(index: Int)
        /// The drive is over.
        case finished
    }

    let frameRate: (numerator: Int, denominator: Int)
    let frameCount: Int?

    /// The frame to render next when `next` would follow the last one and `elapsed` nanoseconds have passed.
    ///
    /// A camera does not wait for its reader: frames whose time is over are never rendered.
    func step(next: Int, elapsed: UInt64) -> Step {
        let now = index(at: elapsed)
        if let frameCount, max(next, now) >= frameCount { return .finished }
        if now >= next { return .render(index: now) }
        return .wait(nanoseconds: due(next) &- elapsed)
    }

    /// When frame `index` is due, in nanoseconds since the beginning, rounded up.
    func due(_ index: Int) -> UInt64 {
        let ticks = UInt64(max(index, 0)).multipliedFullWidth(by: UInt64(frameRate.denominator) &* 1_000_000_000)
        let rate = UInt64(frameRate.numerator)
        guard ticks.high < rate else { return UInt64.max }
        let (quotient, remainder) = rate.dividingFullWidth(ticks)
        return remainder == 0 ? quotient : quotient &+ 1
    }

    private func index(at elapsed: UInt64) -> Int {
        let ticks = elapsed.multipliedFullWidth(by: UInt64(frameRate.numerator))
        let unit = UInt64(frameRate.denominator) &* 1_000_000_000
        guard ticks.high < unit else { return Int.max }
        let (quotient, _) = unit.dividingFullWidth(ticks)
        return Int(clamping: quotient)
    }
}
