import Evaluation
import Imaging
import Testing

@Suite("A confusion matrix")
struct ConfusionMatrixTests {
    @Test("counts the pixels of two small maps as one counts them by hand")
    func byHand() {
        var matrix = ConfusionMatrix(classes: 3)
        //  truth     0 0 1    found     0 1 1
        //            1 9 2              1 0 0
        matrix.add(truth: Maps.map([[0, 0, 1], [1, 9, 2]]), prediction: Maps.map([[0, 1, 1], [1, 0, 0]]))
        #expect(matrix.pixels == 5 && matrix.ignoredPixels.map(\.id) == [9] && matrix.ignoredPixels[0].pixels == 1)
        #expect(matrix[truth: 0, prediction: 0] == 1 && matrix[truth: 0, prediction: 1] == 1)
        #expect(matrix.labelled(1) == 2 && matrix.predicted(1) == 3 && matrix.predicted(2) == 0)
        // Class 0: 1 right, 1 missed, 1 found for class 2; what was found where nothing counts is left out.
        #expect(matrix.intersectionOverUnion(0) == 1.0 / 3)
        #expect(matrix.intersectionOverUnion(1) == 2.0 / 3)
        #expect(matrix.intersectionOverUnion(2) == 0)
        #expect(matrix.pixelAccuracy == 3.0 / 5)
    }

    @Test("has no IoU for a class that no label shows, even where it was found, nor an accuracy of nothing")
    func absent() {
        var matrix = ConfusionMatrix(classes: 3)
        #expect(matrix.pixelAccuracy == nil && matrix.intersectionOverUnion(0) == nil)
        matrix.add(truth: Maps.map([[0, 0, 2, 255]]), prediction: Maps.map([[0, 1, 2, 1]]))
        #expect(matrix.intersectionOverUnion(1) == nil)
        #expect(matrix.intersectionOverUnion(0) == 0.5 && matrix.intersectionOverUnion(2) == 1)
    }

    @Test("takes a pixel without an answer for a miss, and for a false find of no class")
    func unanswered() {
        var matrix = ConfusionMatrix(classes: 2)
        matrix.add(truth: Maps.map([[0, 0, 1, 1]]), prediction: Maps.map([[0, ClassMap.noAnswer, 1, 7]]))
        #expect(matrix.intersectionOverUnion(0) == 0.5 && matrix.intersectionOverUnion(1) == 0.5)
        #expect(matrix.pixels == 4 && matrix.pixelAccuracy == 0.5)
    }

    @Test("gives for any maps what the definitions say, summed over pictures", arguments: Array(UInt64(1)...20))
    func byDefinition(seed: UInt64) {
        let classes = 1 + Int(seed) % 7
        let ids = (0..<UInt8(classes)).map { $0 } + [254, 255, UInt8(classes)]
        var matrix = ConfusionMatrix(classes: classes)
        var pixels: [(truth: Int, found: Int)] = []
        for picture in 0..<3 {
            let size = ImageSize(height: 3 + Int(seed) % 11, width: 40 - Int(seed))
            let truth = Maps.random(size, ids: ids, blots: 12, seed: 10 * seed + UInt64(picture))
            let found = Maps.random(size, ids: ids, blots: 12, seed: 1_000 + 10 * seed + UInt64(picture))
            matrix.add(truth: truth, prediction: found)
            pixels += zip(Maps.rows(truth).joined(), Maps.rows(found).joined()).map { (Int($0), Int($1)) }
        }
        let counted = pixels.filter { $0.truth < classes }
        #expect(matrix.pixels == counted.count)
        #expect(matrix.ignoredPixels.map(\.pixels).reduce(0, +) == pixels.count - counted.count)
        for id in 0..<classes {
            let both = counted.count { $0.truth == id && $0.found == id }
            let either = counted.count { $0.truth == id || $0.found == id }
            let isShown = counted.contains { $0.truth == id }
            #expect(matrix.intersectionOverUnion(id) == (isShown ? Double(both) / Double(either) : nil), "class \(id)")
        }
        let right = counted.count { $0.truth == $0.found }
        #expect(matrix.pixelAccuracy == (counted.isEmpty ? nil : Double(right) / Double(counted.count)))
    }
}
