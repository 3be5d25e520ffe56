import Evaluation
import Imaging
import Testing

@Suite("A boundary score")
struct BoundaryScoreTests {
    private func score(_ truth: [[UInt8]], _ found: [[UInt8]], classes: Int) -> BoundaryScore {
        var score = BoundaryScore(classes: classes)
        score.add(truth: Maps.map(truth), prediction: Maps.map(found))
        return score
    }

    /// `count` rows, class 0 in the first `edge` columns of `width` and class 1 in the others.
    private func split(_ count: Int, width: Int, edge: Int) -> [[UInt8]] {
        Array(repeating: (0..<width).map { $0 < edge ? 0 : 1 }, count: count)
    }

    @Test("allows 0.75 % of the diagonal, rounded up")
    func tolerance() {
        for (height, width, expected) in [
            (360, 480, 5), (240, 320, 3), (241, 320, 4), (720, 960, 9), (768, 1_024, 10), (1_024, 2_048, 18),
            (1, 1, 1), (0, 0, 0), (300, 400, 4), (2_400, 3_200, 30), (2_400, 3_201, 31),
        ] {
            #expect(
                BoundaryScore.tolerance(for: ImageSize(height: height, width: width)) == expected, "\(height)x\(width)")
        }
    }

    @Test("is 1 where an edge lies within the tolerance, and 0 where it lies beyond")
    func shifted() {
        // 30 by 400 pixels: 3.01 is rounded up to 4.
        let truth = split(30, width: 400, edge: 200)
        for (shift, expected) in [(0, 1.0), (1, 1), (4, 1), (-4, 1), (5, 0), (-5, 0), (60, 0)] {
            let score = score(truth, split(30, width: 400, edge: 200 + shift), classes: 2)
            #expect(score.fScore(0) == expected && score.fScore(1) == expected, "\(shift)")
        }
    }

    @Test("weighs what was found in vain and what was missed")
    func precisionAndRecall() {
        // The edge is found, and another far from it: half of what was found is right, and nothing is missed.
        let truth = split(30, width: 400, edge: 100)
        var found = truth
        for y in 0..<30 { for x in 300..<400 { found[y][x] = 0 } }
        let score = score(truth, found, classes: 2)
        #expect(score.fScore(0).map { abs($0 - 2 * 0.5 / 1.5) < 1e-12 } == true)
        #expect(score.fScore(1).map { abs($0 - 2 * 0.5 / 1.5) < 1e-12 } == true)
    }

    @Test("has no boundary where a class meets only the border or pixels that do not count")
    func noBoundary() {
        let covered = score([[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]], classes: 2)
        #expect(covered.fScore(0) == nil && covered.fScore(1) == nil)
        // Class 0 and 1 with a column between them that is no class.
        let apart = score([[0, 255, 1], [0, 255, 1]], [[0, 0, 1], [0, 0, 1]], classes: 2)
        #expect(apart.fScore(0) == nil)
        // What is found where nothing counts makes no boundary either: class 0 has its own, and is all right.
        let hidden = score([[0, 0, 255, 255], [1, 1, 255, 255]], [[0, 0, 1, 0], [1, 1, 0, 1]], classes: 2)
        #expect(hidden.fScore(0) == 1 && hidden.fScore(1) == 1)
    }

    @Test("is 0 where a class has a boundary in the labels and was not found at all")
    func missed() {
        let score = score(split(4, width: 8, edge: 4), split(4, width: 8, edge: 8), classes: 3)
        #expect(score.fScore(0) == 0 && score.fScore(1) == 0 && score.fScore(2) == nil)
    }

    /// The definition, word by word: every pixel of one boundary against every one of the other.
    private struct Definition {
        struct Place {
            let y: Int
            let x: Int
        }

        let classes: Int
        var found: [Int]
        var labelled: [Int]
        var foundMatched: [Int]
        var labelledMatched: [Int]

        init(classes: Int) {
            self.classes = classes
            (found, labelled) = (Array(repeating: 0, count: classes), Array(repeating: 0, count: classes))
            (foundMatched, labelledMatched) = (found, found)
        }

        func boundary(_ map: [[UInt8]], counted: [[UInt8]], of id: Int) -> [Place] {
            func holds(_ y: Int, _ x: Int) -> UInt8? {
                guard map.indices.contains(y), map[y].indices.contains(x), counted[y][x] < classes else { return nil }
                return map[y][x] < classes ? map[y][x] : nil
            }
            var places: [Place] = []
            for y in map.indices {
                for x in map[y].indices where holds(y, x) == UInt8(id) {
                    let neighbours = [holds(y - 1, x), holds(y + 1, x), holds(y, x - 1), holds(y, x + 1)]
                    if neighbours.contains(where: { $0 != nil && $0 != UInt8(id) }) { places.append(Place(y: y, x: x)) }
                }
            }
            return places
        }

        mutating func add(_ truth: [[UInt8]], _ prediction: [[UInt8]]) {
            let (height, width) = (Double(truth.count), Double(truth[0].count))
            let tolerance = (0.0075 * (height * height + width * width).squareRoot()).rounded(.up)
            func matched(_ places: [Place], _ others: [Place]) -> Int {
                places.count { place in
                    others.contains { other in
                        let (dy, dx) = (Double(place.y - other.y), Double(place.x - other.x))
                        return (dy * dy + dx * dx).squareRoot() <= tolerance
                    }
                }
            }
            for id in 0..<classes {
                let wanted = boundary(truth, counted: truth, of: id)
                let got = boundary(prediction, counted: truth, of: id)
                labelled[id] += wanted.count
                found[id] += got.count
                labelledMatched[id] += matched(wanted, got)
                foundMatched[id] += matched(got, wanted)
            }
        }

        func fScore(_ id: Int) -> Double? {
            guard labelled[id] > 0 else { return nil }
            guard found[id] > 0 else { return 0 }
            let precision = Double(foundMatched[id]) / Double(found[id])
            let recall = Double(labelledMatched[id]) / Double(labelled[id])
            return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
        }
    }

    @Test(
        "gives for any maps what the definition says, over several pictures of several sizes",
        arguments: Array(UInt64(1)...24))
    func byDefinition(seed: UInt64) {
        let classes = 1 + Int(seed) % 5
        let ids = (0..<UInt8(classes)).map { $0 } + [255, UInt8(classes)]
        var score = BoundaryScore(classes: classes)
        var definition = Definition(classes: classes)
        // Tolerances of one, of two, and of four pixels; a single row, a single column.
        for (index, size) in [(40, 70), (90, 140), (1, 200), (150, 1), (12, 400)].enumerated() {
            let size = ImageSize(height: size.0, width: size.1)
            let blots = 1 + Int(seed) % 9
            let truth = Maps.random(size, ids: ids, blots: blots, seed: 100 * seed + UInt64(index))
            let found = Maps.random(size, ids: ids, blots: blots + 3, seed: 50 + 100 * seed + UInt64(index))
            score.add(truth: truth, prediction: found)
            definition.add(Maps.rows(truth), Maps.rows(found))
        }
        for id in 0..<classes { #expect(score.fScore(id) == definition.fScore(id), "class \(id)") }
    }
}
