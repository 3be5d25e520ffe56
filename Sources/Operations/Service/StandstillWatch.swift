/// Measures how long things have stood still: what does not change from one look to the next stands still.
///
/// A pure value: the caller brings the time. Time in which nobody looked (the machine or the process was suspended) does
/// not count, so that nothing is taken for dead which could not move.
struct StandstillWatch: Sendable {
    private struct Mark {
        var token: UInt64
        var since: UInt64
        var activity: Int
        var round: UInt64
    }

    /// Nanoseconds from one look to the next that count at most.
    private let longestStep: UInt64
    private var marks: [String: Mark] = [:]
    /// Nanoseconds that were watched.
    private var watched: UInt64 = 0
    private var last: UInt64?
    private var round: UInt64 = 0

    /// Looks are at most `longestStep` nanoseconds apart where all is well.
    init(longestStep: UInt64 = 3_000_000_000) { self.longestStep = longestStep }

    /// A look begins at `now` (nanoseconds). Things that the last one did not ask for are forgotten.
    mutating func look(at now: UInt64) {
        if let last, now > last { watched += min(now - last, longestStep) }
        last = now
        marks = marks.filter { $0.value.round == round }
        round += 1
    }

    /// For how many nanoseconds `thing` has had the same `token`, and how much `activity` around it has grown since; 0
    /// where it has just changed, or has no token because it need not move.
    mutating func stood(_ thing: String, at token: UInt64?, during activity: Int = 0) -> (time: UInt64, activity: Int) {
        guard let token else {
            marks[thing] = nil
            return (0, 0)
        }
        guard var mark = marks[thing], mark.token == token, activity >= mark.activity else {
            marks[thing] = Mark(token: token, since: watched, activity: activity, round: round)
            return (0, 0)
        }
        mark.round = round
        marks[thing] = mark
        return (watched - mark.since, activity - mark.activity)
    }
}
