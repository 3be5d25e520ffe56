/// Finds the name a user may have meant.
enum NearestName {
    /// The candidate with the fewest edits from `name`, unless it takes more than a third of the letters.
    static func nearest(to name: String, among candidates: [String]) -> String? {
        let wanted = Array(name.lowercased().prefix(64))
        var best: (candidate: String, edits: Int)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased())
            let edits = distance(wanted, letters)
            guard edits <= max(1, max(wanted.count, letters.count) / 3) else { continue }
            if best.map({ edits < $0.edits }) ?? true { best = (candidate, edits) }
        }
        return best?.candidate
    }

    /// Insertions, deletions, changes and swaps of neighbours that turn `first` into `second`.
    static func distance(_ first: [Character], _ second: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for (i, letter) in first.enumerated() {
            var row = [i + 1]
            row.reserveCapacity(second.count + 1)
            for (j, other) in second.enumerated() {
                var edits = min(row[j] + 1, last[j + 1] + 1, last[j] + (letter == other ? 0 : 1))
                if i > 0, j > 0, letter == second[j - 1], first[i - 1] == other {
                    edits = min(edits, beforeLast[j - 1] + 1)
                }
                row.append(edits)
            }
            beforeLast = last
            last = row
        }
        return last[second.count]
    }
}
