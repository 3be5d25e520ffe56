/// Tells at which picture a stream without key frames is whole again. Pure.
///
/// Cameras with periodic intra refresh renew a strip of each picture. A recovery point announces after how many
/// pictures all is renewed; that holds only if nothing is lost until then.
struct Recoveries: Sendable {
    private struct Point {
        /// The tag of its packet.
        let tag: Int64
        /// Pictures, or reference pictures, that must come out before the first whole one.
        let count: Int
        var seen = 0
    }

    private static let most = 32
    private var points: [Point] = []

    /// The packet with `tag` announces a recovery after `count` pictures.
    mutating func announce(tag: Int64, after count: Int) {
        if points.count < Self.most { points.append(Point(tag: tag, count: count)) }
    }

    /// A picture came out that the packet with `tag` began. `loss` is the tag of the last packet before which data was
    /// lost, where some was. Answers whether this picture, and all that follow it, are whole.
    mutating func picture(tag: Int64, isReference: Bool, loss: Int64?) -> Bool {
        if let loss { points.removeAll { $0.tag < loss } }
        var isWhole = false
        for index in points.indices where points[index].tag <= tag {
            if points[index].seen >= points[index].count {
                isWhole = true
            } else if isReference {
                points[index].seen += 1
            }
        }
        if isWhole { points.removeAll { $0.tag <= tag && $0.seen >= $0.count } }
        return isWhole
    }
}
