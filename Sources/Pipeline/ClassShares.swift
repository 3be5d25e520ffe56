import Imaging
import Synchronization

/// The shares of the classes in one mask, counted when somebody asks for the first time, and once.
///
/// It keeps the mask's class map, whose memory is not used again meanwhile.
final class ClassShares: Sendable {
    private let counted: Mutex<(classes: ClassMap?, labels: LabelSet, shares: [String: Double])>

    /// The shares in a map of `labels`.
    init(_ classes: ClassMap, labels: LabelSet) { counted = Mutex((classes, labels, [:])) }

    /// The part of the pixels that each class has, by its name; `none` is what has no class.
    var byName: [String: Double] {
        counted.withLock { counted in
            if let classes = counted.classes {
                counted.shares = Self.shares(classes.counts(), counted.labels)
                counted.classes = nil
            }
            return counted.shares
        }
    }

    private static func shares(_ counts: [Int], _ labels: LabelSet) -> [String: Double] {
        let all = Double(max(1, counts.reduce(0, +)))
        var shares: [String: Double] = [:]
        for (id, name) in labels.names.enumerated() { shares[name] = Double(counts[id]) / all }
        shares["none"] = Double(counts[labels.count...].reduce(0, +)) / all
        return shares
    }
}
