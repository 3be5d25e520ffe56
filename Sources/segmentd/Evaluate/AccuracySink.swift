import Evaluation
import Imaging
import MaskOutput
import MediaIO
import VideoInput

/// Compares each mask with the label of its picture. Masks are numbered as the pairs are. One queue calls it; the
/// evaluation is read when the pipeline has ended.
final class AccuracySink: MaskSink, @unchecked Sendable {
    let summary = "comparison with labels"
    private let pairs: [LabelledPictures.Pair]
    private let folder: String
    private let maxPixels: Int
    private let skipsUnreadable: Bool
    private(set) var evaluation: Evaluation?
    /// Labels that could not be used; none unless these are to be left out.
    private(set) var leftOut: [LeftOut] = []

    /// A sink for labels in `folder`, of `maxPixels` at most. One that cannot be used is an error unless it is to be
    /// left out.
    init(pairs: [LabelledPictures.Pair], folder: String, maxPixels: Int, skipsUnreadable: Bool) {
        self.pairs = pairs
        self.folder = folder
        self.maxPixels = maxPixels
        self.skipsUnreadable = skipsUnreadable
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
        do {
            try compare(mask, with: path)
        } catch let error as MediaError where skipsUnreadable && !error.isOfMachine {
            let name = path.hasPrefix(folder) ? String(path.dropFirst(folder.count).drop { $0 == "/" }) : path
            leftOut.append(LeftOut(name, .unreadableLabel, problem: error.description))
        }
    }

    private func compare(_ mask: Mask, with path: String) throws {
        let label = try LabelPicture.read(path: path, maxPixels: maxPixels)
        do {
            try evaluation?.add(mask, label: label, coding: LabelCoding(path: path))
        } catch {
            throw MediaError(.invalidData, "use", "the label \(path)", reason: "\(error)")
        }
    }

    func finish() throws {}

    func abandon() {}
}
