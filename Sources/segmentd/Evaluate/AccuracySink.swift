import Imaging
import MaskOutput
import MediaIO
import Segmentation
import VideoInput

/// Compares each mask with the label of its picture. Masks are numbered as the pairs are. One queue calls it; the
/// evaluation is read when the pipeline has ended.
final class AccuracySink: MaskSink, @unchecked Sendable {
    let summary = "comparison with labels"
    private let pairs: [LabelledPictures.Pair]
    private(set) var evaluation: Evaluation?

    init(pairs: [LabelledPictures.Pair]) {
        self.pairs = pairs
    }

    /// Refuses labels that cannot be the model's before the first picture is segmented.
    func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        for coding in Set(pairs.map { LabelCoding(path: $0.label) }) { _ = try coding.classIDs(for: labels) }
        evaluation = Evaluation(labels: labels)
    }

    func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        let number = Int(clamping: mask.stamp.sequence)
        guard pairs.indices.contains(number) else { throw OutputError.outOfOrder(output: summary) }
        let path = pairs[number].label
        let label = try LabelPicture.read(path: path)
        do {
            try evaluation?.add(mask, label: label, coding: LabelCoding(path: path))
        } catch {
            throw MediaError(.invalidData, "use", "the label \(path)", reason: error.description)
        }
    }

    func finish() throws {}

    func abandon() {}
}
