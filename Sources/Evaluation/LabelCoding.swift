import Imaging

/// What the values of a label's pixels mean.
public enum LabelCoding: Hashable, Sendable {
    /// They are the model's class ids.
    case classIDs
    /// They are the ids of Cityscapes' own label files, 0 to 33, which count more things than there are classes.
    case cityscapes

    /// The coding of a file by its name: files of Cityscapes that end in `_labelIds.png` have their own.
    public init(path: String) {
        self = path.hasSuffix("_labelIds.png") ? .cityscapes : .classIDs
    }

    /// The names of Cityscapes' 19 classes, by id; other ids are not evaluated.
    private static let cityscapesNames = [
        7: "road", 8: "sidewalk", 11: "building", 12: "wall", 13: "fence", 17: "pole", 19: "traffic light",
        20: "traffic sign", 21: "vegetation", 22: "terrain", 23: "sky", 24: "person", 25: "rider", 26: "car",
        27: "truck", 28: "bus", 31: "train", 32: "motorcycle", 33: "bicycle",
    ]

    /// The class id for each of a pixel's 256 values, by the names of classes; the ignored id where there is none.
    ///
    /// - Throws: `EvaluationError` where a class of the model is none of Cityscapes'.
    public func classIDs(for labels: LabelSet) throws(EvaluationError) -> [UInt8] {
        switch self {
        case .classIDs:
            return Array(0...255)
        case .cityscapes:
            let known = Set(Self.cityscapesNames.values)
            if let name = labels.names.first(where: { !known.contains($0) }) {
                throw EvaluationError(
                    "labels named _labelIds.png have the ids of Cityscapes, and the model's class \"\(name)\" is none of its 19: name labels with the model's own ids otherwise"
                )
            }
            return (0...255).map { id in
                Self.cityscapesNames[id].flatMap { labels.id(of: $0) } ?? UInt8(clamping: labels.ignoreID)
            }
        }
    }
}

extension ClassMap {
    /// The map with every id `id` replaced by `ids[id]`; `ids` has 256 values.
    func replacingIDs(_ ids: [UInt8]) -> ClassMap {
        let result = ClassMap(size: size)
        withUnsafeBytes { old in
            result.withUnsafeMutableBytes { new in
                for index in 0..<old.count { new[index] = ids[Int(old[index])] }
            }
        }
        return result
    }
}
