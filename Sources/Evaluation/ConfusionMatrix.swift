import Imaging

/// How many labelled pixels of each class were given each class.
///
/// Pixels whose label is no class count for nothing; they are only counted apart. A pixel that was given no class (255,
/// or any id that is none) is a miss of its own class and a false find of no other.
public struct ConfusionMatrix: Hashable, Sendable {
    /// How many classes there are, 1 to 255.
    public let classes: Int
    /// By class of the label, then by class given; the column behind the last is for no class.
    private var counts: [Int]
    /// By what the label says, its 256 values; 0 for classes.
    private var ignored: [Int]

    /// No pixels, of `classes` classes.
    public init(classes: Int) {
        self.classes = classes
        counts = Array(repeating: 0, count: classes * (classes + 1))
        ignored = Array(repeating: 0, count: 256)
    }

    /// Adds the pixels of a label and of the class map that was found for it. Stops the process where they are not of one
    /// size, as an array does where an index lies outside.
    public mutating func add(truth: ClassMap, prediction: ClassMap) {
        precondition(truth.size == prediction.size, "a label and a class map of other size")
        var joint = [UInt32](repeating: 0, count: 256 * 256)
        truth.withUnsafeBytes { truth in
            prediction.withUnsafeBytes { prediction in
                joint.withUnsafeMutableBufferPointer { joint in
                    for index in 0..<truth.count { joint[Int(truth[index]) << 8 | Int(prediction[index])] &+= 1 }
                }
            }
        }
        for id in 0..<256 {
            for given in 0..<256 where joint[id << 8 | given] > 0 {
                let pixels = Int(joint[id << 8 | given])
                if id < classes {
                    counts[id * (classes + 1) + min(given, classes)] += pixels
                } else {
                    ignored[id] += pixels
                }
            }
        }
    }

    /// Pixels of class `truth` that were given `prediction`; both are ids of classes.
    public subscript(truth truth: Int, prediction prediction: Int) -> Int { counts[truth * (classes + 1) + prediction] }

    /// Pixels of class `id` in the labels.
    public func labelled(_ id: Int) -> Int { counts[(id * (classes + 1))..<((id + 1) * (classes + 1))].reduce(0, +) }

    /// Pixels of labels that were given class `id`.
    public func predicted(_ id: Int) -> Int { (0..<classes).reduce(0) { $0 + self[truth: $1, prediction: id] } }

    /// Pixels whose label is a class.
    public var pixels: Int { counts.reduce(0, +) }

    /// What labels say that is no class, and in how many pixels, ids rising.
    public var ignoredPixels: [(id: Int, pixels: Int)] {
        ignored.enumerated().filter { $0.element > 0 }.map { (id: $0.offset, pixels: $0.element) }
    }

    /// Intersection over union of class `id`, TP / (TP + FP + FN), 0 to 1; nil where no label shows it.
    public func intersectionOverUnion(_ id: Int) -> Double? {
        let labelled = labelled(id)
        guard labelled > 0 else { return nil }
        let both = self[truth: id, prediction: id]
        return Double(both) / Double(labelled + predicted(id) - both)
    }

    /// The share of the labelled pixels that were given their class, 0 to 1; nil where there are none.
    public var pixelAccuracy: Double? {
        let pixels = pixels
        return pixels > 0
            ? Double((0..<classes).reduce(0) { $0 + self[truth: $1, prediction: $1] }) / Double(pixels) : nil
    }

    /// The matrix of groups of classes: class `id` counts as group `groups[id]`, 0 to one below `count`.
    func merged(into groups: [Int], count: Int) -> ConfusionMatrix {
        var merged = ConfusionMatrix(classes: count)
        merged.ignored = ignored
        for truth in 0..<classes {
            for prediction in 0...classes {
                let column = prediction < classes ? groups[prediction] : count
                merged.counts[groups[truth] * (count + 1) + column] += counts[truth * (classes + 1) + prediction]
            }
        }
        return merged
    }
}
