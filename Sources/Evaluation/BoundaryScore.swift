import Imaging

/// How well the edges of classes lie where the labels have them, over a set of pictures.
///
/// A boundary pixel of a class is one of that class that touches, by a side, a pixel of another class inside the
/// picture. Pixels whose label is no class take no part, neither as boundary nor as the other class. A boundary pixel
/// is matched where the other map has one of the same class no farther away than the tolerance, by Euclidean distance
/// between the pixels. Precision is the matched share of the boundary that was found, recall that of the labels'
/// boundary, both over all pictures.
public struct BoundaryScore: Hashable, Sendable {
    /// Boundary pixels of a class.
    struct Counts: Hashable, Sendable {
        var found = 0
        var foundMatched = 0
        var labelled = 0
        var labelledMatched = 0
    }

    private var counts: [Counts]

    /// No pictures yet, of `classes` classes.
    public init(classes: Int) {
        counts = Array(repeating: Counts(), count: classes)
    }

    /// Adds a label and the class map that was found for it. Stops the process where they are not of one size, as an
    /// array does where an index lies outside.
    public mutating func add(truth: ClassMap, prediction: ClassMap) {
        precondition(truth.size == prediction.size, "a label and a class map of other size")
        let labelled = BoundaryPixels(of: truth, where: truth, classes: counts.count)
        let found = BoundaryPixels(of: prediction, where: truth, classes: counts.count)
        var neighbourhood = Neighbourhood(size: truth.size, tolerance: Self.tolerance(for: truth.size))
        for id in counts.indices {
            counts[id].labelled += labelled.places[id].count
            counts[id].found += found.places[id].count
            counts[id].labelledMatched += neighbourhood.count(labelled.places[id], near: found.places[id])
            counts[id].foundMatched += neighbourhood.count(found.places[id], near: labelled.places[id])
        }
    }

    /// 2PR / (P + R) of class `id`, 0 to 1; nil where no label has a boundary of it.
    public func fScore(_ id: Int) -> Double? {
        let count = counts[id]
        guard count.labelled > 0 else { return nil }
        guard count.foundMatched > 0, count.labelledMatched > 0 else { return 0 }
        let precision = Double(count.foundMatched) / Double(count.found)
        let recall = Double(count.labelledMatched) / Double(count.labelled)
        return 2 * precision * recall / (precision + recall)
    }

    /// How far away a boundary pixel may lie, in pixels: 0.75 % of the picture's diagonal, rounded up.
    public static func tolerance(for size: ImageSize) -> Int {
        // The smallest t with t ≥ 3/400 of the diagonal: 160000 t² ≥ 9 (height² + width²), in whole numbers.
        let wanted = 9 * (size.height * size.height + size.width * size.width)
        var tolerance = Int(
            (3 * Double(size.height * size.height + size.width * size.width).squareRoot() / 400).rounded())
        while 160_000 * tolerance * tolerance < wanted { tolerance += 1 }
        while tolerance > 0, 160_000 * (tolerance - 1) * (tolerance - 1) >= wanted { tolerance -= 1 }
        return tolerance
    }
}
