/// Where each tensor of a graph lies in one block of memory.
///
/// Tensors that are never alive at the same time share memory. Slices, shuffles and concatenations have none of their
/// own (`Provenance`), unless the outside reads them. Tensors of different element types never share memory: a place
/// has one type for as long as the engine lives.
public struct MemoryPlan: Sendable {
    /// Where each node's tensor begins, in bytes, a multiple of 64; nil where it has no memory of its own.
    public private(set) var offsets: [Int?]
    /// When each node's tensor is alive: from the node that writes it to the last one that reads it.
    public private(set) var lifetimes: [ClosedRange<Int>?]
    /// The size of the block, in bytes.
    public private(set) var size: Int

    /// Plans the memory of `graph`. Outputs live to the end.
    public init(_ graph: Graph) {
        let provenance = Provenance(graph)
        let outputs = Set(graph.outputs.map(\.value.index))
        var last = Array(graph.nodes.indices)
        func extend(_ value: Value, to reader: Int) {
            for plane in provenance.planes(of: value) { last[plane.node] = max(last[plane.node], reader) }
            last[value.index] = max(last[value.index], reader)
        }
        for (index, node) in graph.nodes.enumerated() where !node.operation.isReordering || outputs.contains(index) {
            for input in node.inputs { extend(input, to: index) }
        }
        for index in outputs { last[index] = graph.nodes.count }

        offsets = Array(repeating: nil, count: graph.nodes.count)
        lifetimes = offsets.indices.map { index in
            let node = graph.nodes[index]
            guard !node.operation.isReordering || outputs.contains(index) else { return nil }
            // The picture is read where the caller holds it.
            if node.isInput, node.type == .uint8 { return nil }
            return index...last[index]
        }
        size = 0
        // The largest first, each at the lowest place where nothing alive at the same time lies.
        let bytes = graph.nodes.map { $0.shape.count * $0.type.size }
        let order = lifetimes.indices.filter { lifetimes[$0] != nil }
            .sorted { bytes[$0] != bytes[$1] ? bytes[$0] > bytes[$1] : $0 < $1 }
        var placed: [Int] = []
        for index in order {
            guard let life = lifetimes[index] else { continue }
            let type = graph.nodes[index].type
            let neighbours = placed.filter { graph.nodes[$0].type != type || lifetimes[$0]?.overlaps(life) ?? false }
                .map { (offsets[$0] ?? 0, bytes[$0]) }.sorted { $0.0 < $1.0 }
            var offset = 0
            for (start, length) in neighbours where offset + bytes[index] > start {
                offset = max(offset, Self.align(start + length))
            }
            offsets[index] = offset
            placed.append(index)
            size = max(size, Self.align(offset + bytes[index]))
        }
    }

    private static func align(_ bytes: Int) -> Int { (bytes + 63) & ~63 }
}
