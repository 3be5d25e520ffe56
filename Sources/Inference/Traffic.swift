/// The bytes that operations move, counted, not measured: what each reads and writes, as if nothing stayed in a cache.
/// A tensor counts as often as an operation reads it; parameters count as read once.
public struct Traffic: Sendable, Hashable {
    /// Bytes read.
    public var read = 0
    /// Bytes written.
    public var written = 0

    /// Nothing.
    public init() {}

    /// Bytes read and written.
    public var total: Int { read + written }

    /// Both sums.
    public static func + (a: Traffic, b: Traffic) -> Traffic {
        var sum = a
        sum.read += b.read
        sum.written += b.written
        return sum
    }
}

extension Graph {
    /// Which nodes an engine executes when it places tensors by a memory plan: the others are the input that the
    /// caller holds, and slices, concatenations and shuffles that nobody outside reads, which then move no data.
    public var placed: [Bool] {
        let outputs = Set(outputs.map(\.value.index))
        return nodes.indices.map { index in
            let operation = nodes[index].operation
            return !nodes[index].isInput && (!operation.isReordering || outputs.contains(index))
        }
    }

    /// What node `index` moves when it is executed.
    public func traffic(ofNode index: Int) -> Traffic {
        let node = nodes[index]
        var traffic = Traffic()
        guard !node.isInput else { return traffic }
        traffic.read = node.inputs.reduce(0) { $0 + self[$1].shape.count * self[$1].type.size }
        traffic.read += node.operation.parameters.reduce(0) { $0 + $1.count * ElementType.float32.size }
        traffic.written = node.shape.count * node.type.size
        return traffic
    }
}
