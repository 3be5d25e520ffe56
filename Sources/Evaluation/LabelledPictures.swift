import Imaging
import MediaIO
import VideoInput

/// Pictures and the labels that belong to them, found by their names in two folders and the folders within these.
///
/// A label is the PNG at the same place below its folder, with the same name up to the ending: `val/a.jpg` and
/// `val/a.png`. Or both are named as those of Cityscapes: `X_leftImg8bit.png` belongs to the first that there is of
/// `X_gtFine_labelTrainIds.png`, `X_gtFine_labelIds.png`, and the same with `gtCoarse`.
public struct LabelledPictures: Sendable {
    /// The paths of a picture and of its label.
    public struct Pair: Hashable, Sendable {
        /// The picture.
        public let picture: String
        /// The label.
        public let label: String
    }

    /// The folder of the pictures.
    public let images: String
    /// The folder of the labels.
    public let labels: String
    /// What belongs together, in natural order of the pictures.
    public let pairs: [Pair]
    /// Pictures that have no label, as paths from `images`.
    public let picturesWithoutLabel: [String]
    /// Labels that have no picture, as paths from `labels`.
    public let labelsWithoutPicture: [String]
    /// What else lies in the folder of the pictures.
    public let leftOutOfImages: [LeftOut]
    /// What else lies in the folder of the labels.
    public let leftOutOfLabels: [LeftOut]

    /// Lists both folders. Where one lies in the other, its files are its own only.
    ///
    /// - Throws: `MediaError` where a folder cannot be listed; `PairingError` where not a single picture has a label, or
    ///   where it is not clear which picture a label belongs to.
    public init(images: String, labels: String) throws {
        guard FolderIdentity(path: images) == nil || FolderIdentity(path: images) != FolderIdentity(path: labels) else {
            throw PairingError("pictures and labels are one folder, \(images): give the labels a folder of their own")
        }
        let inImages = try FolderContents.all(under: images, except: labels)
        let inLabels = try FolderContents.all(under: labels, except: images)
        let pictures = inImages.files.filter(ImageFolder.isImage)
        let files = inLabels.files.filter(ImageFolder.isImage)
        let candidates = Set(inLabels.files.filter(Self.isLabel))
        var pairs: [Pair] = []
        var without: [String] = []
        var owners: [String: String] = [:]
        var used: Set<String> = []
        for picture in pictures {
            let stem = Self.stem(of: picture)
            let names = [stem + ".png", stem + ".PNG"] + CityscapesName.labels(ofPicture: stem)
            // As the file is spelled: the two names may put their accents together in different ways.
            guard let found = names.lazy.compactMap({ candidates.firstIndex(of: $0) }).first else {
                without.append(picture)
                continue
            }
            let label = candidates[found]
            if let other = owners.updateValue(picture, forKey: label) {
                throw PairingError(
                    "the label \(Self.path(labels, label)) belongs to two pictures of \(images): \(other) and \(picture); keep one of them"
                )
            }
            used.formUnion(names)
            pairs.append(Pair(picture: Self.path(images, picture), label: Self.path(labels, label)))
        }
        guard !pairs.isEmpty else { throw Self.nothing(images, pictures, labels, files) }
        self.images = images
        self.labels = labels
        self.pairs = pairs
        picturesWithoutLabel = without
        labelsWithoutPicture = candidates.subtracting(used).sorted(by: NaturalOrder.precedes)
        leftOutOfImages =
            inImages.leftOut
            + inImages.files.filter { !ImageFolder.isImage($0) }.map { LeftOut($0, .notAPicture) }
        leftOutOfLabels = inLabels.leftOut + inLabels.files.filter { !Self.isLabel($0) }.map { LeftOut($0, .notALabel) }
    }

    private static func isLabel(_ name: String) -> Bool {
        name.lowercased().hasSuffix(".png") && !CityscapesName.isCompanion(name)
    }

    /// What is without its counterpart, a sentence with the first few names; nil where nothing is.
    public var missing: String? {
        let parts = [
            (picturesWithoutLabel, "picture", images, "label", labels),
            (labelsWithoutPicture, "label", labels, "picture", images),
        ].filter { !$0.0.isEmpty }.map { names, thing, folder, counterpart, other in
            let first =
                names.prefix(3).map { PathBytes.shown($0) }.joined(separator: ", ") + (names.count > 3 ? ", …" : "")
            return "\(Self.counted(names.count, thing)) of \(folder) without a \(counterpart) in \(other): \(first)"
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// All that is not in `pairs`.
    public var leftOut: [LeftOut] {
        leftOutOfImages + leftOutOfLabels + picturesWithoutLabel.map { LeftOut($0, .withoutLabel) }
            + labelsWithoutPicture.map { LeftOut($0, .withoutPicture) }
    }

    private static func nothing(
        _ images: String, _ pictures: [String], _ labels: String, _ files: [String]
    ) -> PairingError {
        if pictures.isEmpty {
            return PairingError("there is no picture in \(images): give a folder of png or jpg files")
        }
        guard let file = files.first(where: { !CityscapesName.isCompanion($0) }) else {
            return PairingError(
                "there is no label in \(labels): give a folder of PNG files, a class id in each pixel, named as the pictures"
            )
        }
        guard files.contains(where: { $0.lowercased().hasSuffix(".png") }) else {
            return PairingError("the labels in \(labels) are no PNG files, such as \(file): convert them to PNG")
        }
        return PairingError(
            "no picture in \(images) has a label in \(labels): a label is a PNG named as its picture, \(stem(of: pictures[0])).png for \(pictures[0]); there is \(file)"
        )
    }

    private static func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

    private static func path(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    private static func stem(of name: String) -> String {
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/") else { return name }
        return String(name[..<dot])
    }
}

/// Pictures and labels that do not go together.
public struct PairingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what, where, and what to do.
    public let description: String

    init(_ description: String) { self.description = PathBytes.shown(description) }
}

/// How files of Cityscapes are named.
private enum CityscapesName {
    private static let picture = "_leftImg8bit"
    private static let annotations = ["_gtFine", "_gtCoarse"]

    /// The names that a label of the picture called `stem` may have, the preferred first; none where it is not of
    /// Cityscapes.
    static func labels(ofPicture stem: String) -> [String] {
        guard stem.hasSuffix(picture) else { return [] }
        let base = stem.dropLast(picture.count)
        return annotations.flatMap { ["\(base)\($0)_labelTrainIds.png", "\(base)\($0)_labelIds.png"] }
    }

    /// Whether a file stands beside labels and is none: colours to look at, numbers of single objects.
    static func isCompanion(_ name: String) -> Bool {
        annotations.contains { name.hasSuffix("\($0)_color.png") || name.hasSuffix("\($0)_instanceIds.png") }
    }
}
