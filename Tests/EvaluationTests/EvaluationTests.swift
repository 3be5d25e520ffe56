import Evaluation
import Imaging
import Testing

@Suite("An evaluation")
struct EvaluationTests {
    /// A mask whose pixels are numbered modulo 251, so that each tells where it came from.
    private func numbered(_ size: ImageSize) -> ClassMap {
        let map = ClassMap(size: size)
        map.withUnsafeMutableBytes { bytes in
            for place in 0..<bytes.count { bytes[place] = UInt8(place % 251) }
        }
        return map
    }

    /// Whether each pixel of a label of `size` is given the class that `expected` names; nil for no answer.
    private func expect(
        _ size: ImageSize, of source: ImageSize, mask: ImageSize, fit: Fit,
        _ expected: (_ y: Int, _ x: Int) -> (row: Int, column: Int)?
    ) throws {
        let labels = try #require(Maps.labels(251))
        let classes = numbered(mask)
        var rows = Array(repeating: [UInt8](repeating: 0, count: size.width), count: size.height)
        var isCovered = 0
        for y in 0..<size.height {
            for x in 0..<size.width {
                if let place = expected(y, x) {
                    rows[y][x] = classes[row: place.row, column: place.column]
                    isCovered += 1
                }
            }
        }
        var evaluation = Evaluation(labels: labels)
        try evaluation.add(Maps.mask(classes, of: source, fit: fit, labels: labels), label: Maps.map(rows))
        let matrix = evaluation.confusion
        // Where the mask does not reach, nothing is right; elsewhere everything is.
        let right = (0..<251).reduce(0) { $0 + matrix[truth: $1, prediction: $1] }
        #expect(right == isCovered && matrix.pixels == size.area, "\(size) of \(source), mask \(mask), \(fit)")
    }

    @Test("gives a label's pixel the class of the mask's pixel that its centre lies in, whatever the sizes")
    func sampling() throws {
        for (label, source, mask) in [
            ((36, 48), (36, 48), (96, 128)), ((100, 37), (100, 37), (16, 16)), ((7, 9), (70, 90), (32, 48)),
            ((90, 120), (30, 40), (32, 48)), ((1, 1), (1, 1), (16, 32)), ((51, 77), (50, 76), (64, 64)),
        ] {
            let size = ImageSize(height: label.0, width: label.1)
            try expect(
                size, of: ImageSize(height: source.0, width: source.1), mask: ImageSize(height: mask.0, width: mask.1),
                fit: .stretch
            ) { y, x in
                (
                    Int(((Double(y) + 0.5) * Double(mask.0) / Double(label.0)).rounded(.down)),
                    Int(((Double(x) + 0.5) * Double(mask.1) / Double(label.1)).rounded(.down))
                )
            }
        }
    }

    @Test("knows where letterboxed and cropped masks lie", arguments: [Fit.letterbox, .crop])
    func fits(fit: Fit) throws {
        for (source, mask) in [((60, 160), (64, 64)), ((90, 50), (48, 80)), ((64, 64), (64, 64))] {
            let source = ImageSize(height: source.0, width: source.1)
            let mask = ImageSize(height: mask.0, width: mask.1)
            let geometry = MaskGeometry(mask: mask, source: source, fit: fit)
            try expect(source, of: source, mask: mask, fit: fit) { y, x in
                geometry.maskPixel(sourceRow: y, sourceColumn: x)
            }
        }
    }

    @Test("refuses a label that has not its picture's shape, and takes one of another size")
    func shapes() throws {
        let labels = try #require(Maps.labels(2))
        let mask = Maps.mask(
            ClassMap(size: ImageSize(height: 16, width: 32)), of: ImageSize(height: 360, width: 480), labels: labels)
        var evaluation = Evaluation(labels: labels)
        for (height, width) in [
            (360, 480), (720, 960), (90, 120), (45, 60), (113, 150), (112, 150), (3, 4), (1_080, 1_440),
        ] {
            try evaluation.add(mask, label: ClassMap(size: ImageSize(height: height, width: width)))
        }
        #expect(evaluation.images == 8)
        for (height, width) in [(480, 360), (360, 640), (360, 490), (720, 1_280), (100, 100)] {
            let error = #expect(throws: EvaluationError.self) {
                try evaluation.add(mask, label: ClassMap(size: ImageSize(height: height, width: width)))
            }
            #expect(error?.description.contains("\(height)x\(width)") == true)
            #expect(error?.description.contains("360x480") == true)
        }
        #expect(evaluation.images == 8)
    }

    @Test("means over the classes that labels show, and over categories whose classes count as one")
    func means() throws {
        let labels = try #require(Maps.labels(5, categories: ["vehicle", "flat", "vehicle", "human", "nature"]))
        var evaluation = Evaluation(labels: labels)
        let size = ImageSize(height: 1, width: 8)
        let mask = Maps.mask(Maps.map([[0, 2, 1, 1, 3, 3, 4, 1]]), of: size, labels: labels)
        try evaluation.add(mask, label: Maps.map([[0, 0, 1, 1, 3, 1, 255, 77]]))
        let report = try evaluation.report()
        #expect(report.images == 1 && report.classIoU.names == ["0", "1", "2", "3", "4"])
        #expect(report.classIoU.values == [0.5, 2.0 / 3, nil, 0.5, nil])
        #expect(report.classIoU.mean.map { abs($0 - (0.5 + 2.0 / 3 + 0.5) / 3) < 1e-12 } == true)
        // Class 2 for class 0 is the right category.
        let categories = try #require(report.categoryIoU)
        #expect(categories.names == ["vehicle", "flat", "human", "nature"])
        #expect(categories.values == [1, 2.0 / 3, 0.5, nil])
        #expect(report.pixelAccuracy == 4.0 / 6)
        #expect(report.confusion.ignoredPixels.map(\.id) == [77, 255])
    }

    @Test("has no categories where the model has none")
    func withoutCategories() throws {
        let labels = try #require(Maps.labels(2))
        var evaluation = Evaluation(labels: labels)
        let map = Maps.map([[0, 1]])
        try evaluation.add(Maps.mask(map, of: map.size, labels: labels), label: map)
        let report = try evaluation.report()
        #expect(report.categoryIoU == nil && report.classIoU.mean == 1 && report.boundaryF.mean == 1)
    }

    @Test("says so where no label has a class, and what the labels have")
    func nothingLabelled() throws {
        let labels = try #require(Maps.labels(2))
        var evaluation = Evaluation(labels: labels)
        #expect(throws: EvaluationError.self) { try evaluation.report() }
        let map = Maps.map([[0, 1]])
        try evaluation.add(Maps.mask(map, of: map.size, labels: labels), label: Maps.map([[255, 19]]))
        let error = #expect(throws: EvaluationError.self) { try evaluation.report() }
        #expect(error?.description.contains("0 to 1") == true && error?.description.contains("19, 255") == true)
    }

    @Test("reads Cityscapes' own ids by the names of the model's classes, in whatever order they are")
    func cityscapes() throws {
        #expect(LabelCoding(path: "a/b_gtFine_labelIds.png") == .cityscapes)
        #expect(
            LabelCoding(path: "a/b_gtFine_labelTrainIds.png") == .classIDs && LabelCoding(path: "b.png") == .classIDs)
        let names = ["sky", "road", "person", "bicycle"]
        let labels = try #require(LabelSet(names: names, palette: Array(repeating: RGB(0, 0, 0), count: 4)))
        let ids = try LabelCoding.cityscapes.classIDs(for: labels)
        #expect(ids.count == 256 && [23, 7, 24, 33].map { ids[$0] } == [0, 1, 2, 3])
        // Unlabeled, ego vehicle, sidewalk (which this model has not), licence plate (−1).
        #expect([0, 1, 8, 255].allSatisfy { ids[$0] == 255 })
        #expect(try LabelCoding.classIDs.classIDs(for: labels) == (0...255).map { $0 })
        var evaluation = Evaluation(labels: labels)
        let mask = Maps.mask(Maps.map([[0, 1, 2, 3, 3]]), of: ImageSize(height: 1, width: 5), labels: labels)
        try evaluation.add(mask, label: Maps.map([[23, 7, 24, 33, 4]]), coding: .cityscapes)
        #expect(try evaluation.report().pixelAccuracy == 1)
        let others = try #require(LabelSet(names: ["sky", "Road"], palette: [RGB(0, 0, 0), RGB(0, 0, 0)]))
        let error = #expect(throws: EvaluationError.self) { try LabelCoding.cityscapes.classIDs(for: others) }
        #expect(error?.description.contains("\"Road\"") == true)
    }
}
