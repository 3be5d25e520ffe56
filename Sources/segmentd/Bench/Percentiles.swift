/// Measured values by rank.
struct Percentiles {
    private let sorted: [Double]

    init(_ values: [Double]) { sorted = values.sorted() }

    /// The smallest value that `share` of the values do not exceed; 0 where there are none.
    func at(_ share: Double) -> Double {
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
    }

    /// The smallest value.
    var smallest: Double { sorted.first ?? 0 }

    /// The largest value.
    var largest: Double { sorted.last ?? 0 }

    /// The mean.
    var mean: Double { sorted.isEmpty ? 0 : sorted.reduce(0, +) / Double(sorted.count) }
}
