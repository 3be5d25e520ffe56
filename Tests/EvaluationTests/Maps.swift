import Evaluation
import Imaging

/// Class maps for tests of accuracy.
enum Maps {
    /// A map of these rows.
    static func map(_ rows: [[UInt8]]) -> ClassMap {
        let map = ClassMap(size: ImageSize(height: rows.count, width: rows.first?.count ?? 0))
        map.withUnsafeMutableBytes { $0.copyBytes(from: rows.joined()) }
        return map
    }

    static func rows(_ map: ClassMap) -> [[UInt8]] {
        (0..<map.size.height).map { y in (0..<map.size.width).map { map[row: y, column: $0] } }
    }

    /// Blots of `ids`, some of one pixel and some of many, the same for each seed.
    static func random(_ size: ImageSize, ids: [UInt8], blots: Int, seed: UInt64) -> ClassMap {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(count, 1)
        }
        let map = ClassMap(size: size)
        map.fill(ids[next(ids.count)])
        map.withUnsafeMutableBytes { bytes in
            for _ in 0..<blots {
                let id = ids[next(ids.count)]
                let (top, left) = (next(size.height), next(size.width))
                let (height, width) = (1 + next(size.height / 2), 1 + next(size.width / 2))
                for y in top..<min(top + height, size.height) {
                    for x in left..<min(left + width, size.width) { bytes[y * size.width + x] = id }
                }
            }
        }
        return map
    }

    /// Labels of classes "0", "1", ….
    static func labels(_ count: Int, categories: [String]? = nil) -> LabelSet? {
        LabelSet(
            names: (0..<count).map { "\($0)" }, palette: Array(repeating: RGB(0, 0, 0), count: count),
            categories: categories)
    }

    /// A mask of `classes` made from a picture of size `source`.
    static func mask(_ classes: ClassMap, of source: ImageSize, fit: Fit = .stretch, labels: LabelSet) -> Mask {
        Mask(
            stamp: FrameStamp(
                camera: "test", sequence: 0, mediaTime: nil, capture: SystemClock().now(.synthetic)),
            classes: classes, labels: labels, model: "test",
            geometry: MaskGeometry(mask: classes.size, source: source, fit: fit), stages: StageTimes())
    }
}
