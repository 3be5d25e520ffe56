import Imaging

/// Copies planes while turning them as an `Orientation` says.
enum Turning {
    /// Writes `target`, a plane of `size` elements as seen after turning, from `source` as stored.
    ///
    /// Both are given by their first row and the bytes between rows; an element has `bytes` bytes. The caller vouches
    /// that both planes hold what `size` says.
    static func turn(
        _ source: (base: UnsafeMutablePointer<UInt8>, stride: Int),
        to target: (base: UnsafeMutablePointer<UInt8>, stride: Int), size: ImageSize, bytes: Int,
        orientation: Orientation
    ) {
        let stored = orientation.swapsSides ? size.transposed : size
        let right = (stored.width - 1) * bytes
        let bottom = (stored.height - 1) * source.stride
        // Where the upper left element comes from, and how far to go in the source for a step down and a step right.
        var first: Int
        var down: Int
        var along: Int
        switch orientation.rotation {
        case .none: (first, down, along) = (0, source.stride, bytes)
        case .quarter: (first, down, along) = (bottom, bytes, -source.stride)
        case .half: (first, down, along) = (bottom + right, -source.stride, -bytes)
        case .threeQuarters: (first, down, along) = (right, -bytes, source.stride)
        }
        if orientation.isMirrored {
            // Left and right of the source change places: steps along its rows turn round.
            if orientation.swapsSides {
                first += down > 0 ? right : -right
                down = -down
            } else {
                first += along > 0 ? right : -right
                along = -along
            }
        }
        if orientation == .upright {
            for row in 0..<size.height {
                (target.base + row * target.stride).update(
                    from: source.base + row * source.stride, count: size.width * bytes)
            }
        } else if bytes == 1 {
            turnBytes(source.base + first, down, along, to: target, size)
        } else {
            turnElements(source.base + first, down, along, to: target, size, bytes)
        }
    }

    private static func turnBytes(
        _ source: UnsafeMutablePointer<UInt8>, _ down: Int, _ along: Int,
        to target: (base: UnsafeMutablePointer<UInt8>, stride: Int), _ size: ImageSize
    ) {
        // Squares of a cache line a side, so that a quarter turn reads every line once.
        let side = 64
        for top in stride(from: 0, to: size.height, by: side) {
            for left in stride(from: 0, to: size.width, by: side) {
                let columns = min(side, size.width - left)
                for row in top..<min(top + side, size.height) {
                    var from = source + (row &* down &+ left &* along)
                    let to = target.base + (row &* target.stride &+ left)
                    for column in 0..<columns {
                        to[column] = from.pointee
                        from += along
                    }
                }
            }
        }
    }

    private static func turnElements(
        _ source: UnsafeMutablePointer<UInt8>, _ down: Int, _ along: Int,
        to target: (base: UnsafeMutablePointer<UInt8>, stride: Int), _ size: ImageSize, _ bytes: Int
    ) {
        for row in 0..<size.height {
            for column in 0..<size.width {
                let from = source + (row &* down &+ column &* along)
                let to = target.base + (row &* target.stride &+ column &* bytes)
                for byte in 0..<bytes { to[byte] = from[byte] }
            }
        }
    }
}
