import Imaging

/// The boundary pixels of a class map, class by class.
struct BoundaryPixels {
    /// For each class the places of its boundary pixels, row × width + column, rising.
    private(set) var places: [[Int]]

    /// The boundaries in `map` of `classes` classes, among the pixels where `counted`, of the same size, has a class.
    init(of map: ClassMap, where counted: ClassMap, classes: Int) {
        places = Array(repeating: [], count: classes)
        let (height, width) = (map.size.height, map.size.width)
        map.withUnsafeBytes { map in
            counted.withUnsafeBytes { counted in
                /// Whether the pixel at `place` is of a class that is not `id`.
                func isOther(_ place: Int, than id: UInt8) -> Bool {
                    map[place] != id && Int(map[place]) < classes && Int(counted[place]) < classes
                }
                for y in 0..<height {
                    for x in 0..<width {
                        let place = y * width + x
                        let id = map[place]
                        guard Int(id) < classes, Int(counted[place]) < classes else { continue }
                        if x > 0 && isOther(place - 1, than: id) || x + 1 < width && isOther(place + 1, than: id)
                            || y > 0 && isOther(place - width, than: id)
                            || y + 1 < height && isOther(place + width, than: id)
                        {
                            places[Int(id)].append(place)
                        }
                    }
                }
            }
        }
    }
}

/// Tells which pixels of a picture have one of some other pixels near them, exactly.
///
/// It is a Euclidean distance transform of two passes, cut short where distances exceed the tolerance. The first goes
/// down and up the columns: the distance to the nearest wanted pixel in the same column, at most one beyond the
/// tolerance. The second goes along the rows, only where it is asked: the least of dx² + distance² over the columns
/// that are near enough.
struct Neighbourhood {
    private let size: ImageSize
    private let tolerance: Int
    private var distances: [Int32]

    /// For pictures of `size`, and pixels at most `tolerance` apart.
    init(size: ImageSize, tolerance: Int) {
        self.size = size
        self.tolerance = min(tolerance, Int(Int32.max) - 2)
        distances = Array(repeating: 0, count: size.area)
    }

    /// How many of `places` have one of `targets` no farther away than the tolerance. Both are row × width + column,
    /// rising.
    mutating func count(_ places: [Int], near targets: [Int]) -> Int {
        guard let first = targets.first, let last = targets.last, !places.isEmpty else { return 0 }
        let width = size.width
        // Rows that are near enough to a target: no place outside them is matched.
        let (top, bottom) = (max(0, first / width - tolerance), min(size.height - 1, last / width + tolerance))
        let (begin, end) = (top * width, (bottom + 1) * width)
        let (tolerance, square) = (tolerance, tolerance * tolerance)
        return distances.withUnsafeMutableBufferPointer { distances in
            for place in begin..<end { distances[place] = Int32(truncatingIfNeeded: tolerance + 1) }
            for target in targets { distances[target] = 0 }
            for place in begin + width..<max(begin + width, end) {
                distances[place] = min(distances[place], distances[place - width] &+ 1)
            }
            for row in (top..<bottom).reversed() {
                for place in row * width..<(row + 1) * width {
                    distances[place] = min(distances[place], distances[place + width] &+ 1)
                }
            }
            return places.count { place in
                guard (begin..<end).contains(place) else { return false }
                /// Whether a target lies in the column `step` to the right, near enough.
                func isNear(_ step: Int) -> Bool {
                    let distance = Int(distances[place + step])
                    return distance <= tolerance && step * step + distance * distance <= square
                }
                let column = place % width
                let (left, right) = (min(tolerance, column), min(tolerance, width - 1 - column))
                if isNear(0) { return true }
                for step in 1..<max(left, right) + 1 {
                    if step <= left && isNear(-step) || step <= right && isNear(step) { return true }
                }
                return false
            }
        }
    }
}
