/// How well masks agree with labels.
public struct AccuracyReport: Sendable {
    /// Pictures compared.
    public let images: Int
    /// Intersection over union of each class.
    public let classIoU: ClassScores
    /// The same of each category; nil where the model has no categories.
    public let categoryIoU: ClassScores?
    /// The share of the labelled pixels that were given their class, 0 to 1.
    public let pixelAccuracy: Double
    /// The F-score of each class's boundary.
    public let boundaryF: ClassScores
    /// All pixels, by the class labelled and the class found.
    public let confusion: ConfusionMatrix
}
