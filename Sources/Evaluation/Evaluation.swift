import Imaging

/// Why masks and labels cannot be compared.
public struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what, where, and what to do.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Compares masks with labels, picture by picture, and keeps the count.
public struct Evaluation: Sendable {
    /// The classes of masks and labels.
    public let labels: LabelSet
    /// Pictures compared so far.
    public private(set) var images = 0
    /// Their pixels, by the class labelled and the class found.
    public private(set) var confusion: ConfusionMatrix
    /// Their boundaries.
    public private(set) var boundary: BoundaryScore

    /// No pictures yet; masks and labels have the classes of `labels`.
    public init(labels: LabelSet) {
        self.labels = labels
        confusion = ConfusionMatrix(classes: labels.count)
        boundary = BoundaryScore(classes: labels.count)
    }

    /// Adds a mask, and the label of its picture, whose values mean what `coding` says. The label's pixels are those that
    /// count: each is given the class of the mask's pixel that its centre lies in.
    ///
    /// - Throws: `EvaluationError` where the label has not the shape of the picture that the mask was made from, or its
    ///   values cannot be classes of the model.
    public mutating func add(_ mask: Mask, label: ClassMap, coding: LabelCoding = .classIDs) throws(EvaluationError) {
        let picture = mask.geometry.source
        guard label.size.isScaled(from: picture) else {
            throw EvaluationError(
                "it is \(label.size) (height x width) and its picture \(picture): they are not of one shape, so a pixel of the one has no place in the other"
            )
        }
        let truth = coding == .classIDs ? label : label.replacingIDs(try coding.classIDs(for: labels))
        let found = LabelSampling(mask.geometry, to: label.size).classes(of: mask.classes)
        confusion.add(truth: truth, prediction: found)
        boundary.add(truth: truth, prediction: found)
        images += 1
    }

    /// What came of it.
    ///
    /// - Throws: `EvaluationError` where not one pixel of the labels is of a class.
    public func report() throws(EvaluationError) -> AccuracyReport {
        guard let pixelAccuracy = confusion.pixelAccuracy else {
            let ids = confusion.ignoredPixels.prefix(5).map { "\($0.id)" }.joined(separator: ", ")
            throw EvaluationError(
                "no pixel of the labels is a class of the model, which are 0 to \(labels.count - 1); the labels have \(ids): convert them to the model's ids"
            )
        }
        return AccuracyReport(
            images: images, classIoU: ClassScores(classIoU: confusion, labels: labels),
            categoryIoU: ClassScores(categoryIoU: confusion, labels: labels), pixelAccuracy: pixelAccuracy,
            boundaryF: ClassScores(boundary: boundary, labels: labels), confusion: confusion)
    }
}

extension ImageSize {
    /// Whether a picture of size `other`, scaled evenly and rounded to whole pixels, can have this size.
    fileprivate func isScaled(from other: ImageSize) -> Bool {
        (width - 1) * other.height < (height + 1) * other.width
            && (height - 1) * other.width < (width + 1) * other.height
    }
}
