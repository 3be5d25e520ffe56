import Imaging

/// A number for each class or category, and their mean.
public struct ClassScores: Hashable, Sendable {
    /// The names, in order.
    public let names: [String]
    /// 0 to 1, by name; nil where the labels do not say.
    public let values: [Double?]

    /// The mean of the values that there are; nil where there are none.
    public var mean: Double? {
        let known = values.compactMap { $0 }
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }
}

extension ClassScores {
    /// Intersection over union of each class of `labels`.
    init(classIoU matrix: ConfusionMatrix, labels: LabelSet) {
        self.init(names: labels.names, values: (0..<labels.count).map(matrix.intersectionOverUnion))
    }

    /// Intersection over union of each category of `labels`, in the order of each one's first class: the classes of a
    /// category count as one, so that they are not confused with each other. Nil where `labels` has no categories.
    init?(categoryIoU matrix: ConfusionMatrix, labels: LabelSet) {
        guard let categories = labels.categories else { return nil }
        var names: [String] = []
        let groups = categories.map { category in
            if let known = names.firstIndex(of: category) { return known }
            names.append(category)
            return names.count - 1
        }
        let merged = matrix.merged(into: groups, count: names.count)
        self.init(names: names, values: names.indices.map(merged.intersectionOverUnion))
    }

    /// The F-score of each class's boundary.
    init(boundary: BoundaryScore, labels: LabelSet) {
        self.init(names: labels.names, values: (0..<labels.count).map(boundary.fScore))
    }
}
