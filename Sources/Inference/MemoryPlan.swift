/// Where each tensor of a graph lies in one block of memory.
///
/// Tensors that are never alive at the same time share memory. A slice is a view of what it is cut from, and what goes
/// into a concatenation is computed in its place there where that is possible, so that neither moves data.
public struct MemoryPlan: Sendable {
    /// Where one tensor begins, in bytes; a multiple of 64 but for views.
    public private(set) var offsets: [Int]
    /// The size of the block, in bytes.
    public private(set) var size: Int
    /// The concatenations' inputs that have to be copied into place: (node, input number).
    public private(set) var copies: Set<Copy> = []

    /// One input of one concatenation.
    public struct Copy: Hashable, Sendable {
        /// The concatenation's index.
        public let node: Int
        /// Which of its inputs.
        public let input: Int
    }

    private struct Buffer {
        let bytes: Int
        var first: Int
        var last: Int
        var offset = 0
    }

    /// Plans the memory of `graph`. Inputs from outside and outputs live from the beginning to the end.
    public init(_ graph: Graph) {
        // The buffer each value lies in and how far from its beginning; a value is placed by what it is a part of.
        var parent = [(index: Int, bytes: Int)?](repeating: nil, count: graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() {
            switch node.operation {
            case .slice(let lower, _):
                guard let source = node.inputs.first else { continue }
                parent[index] = (source.index, lower * node.shape.plane * node.type.size)
            case .concat:
                var bytes = 0
                for (number, input) in node.inputs.enumerated() {
                    let part = graph[input]
                    let isFirstUse = !node.inputs[..<number].contains(input)
                    if parent[input.index] == nil, isFirstUse, !part.isInput {
                        parent[input.index] = (index, bytes)
                    } else {
                        copies.insert(Copy(node: index, input: number))
                    }
                    bytes += part.shape.count * part.type.size
                }
            default: break
            }
        }
        func root(_ index: Int) -> (index: Int, bytes: Int) {
            var place = (index: index, bytes: 0)
            while let up = parent[place.index] { place = (up.index, place.bytes + up.bytes) }
            return place
        }
        var buffers: [Int: Buffer] = [:]
        for (index, node) in graph.nodes.enumerated() {
            let home = root(index).index
            let bytes = graph.nodes[home].shape.count * graph.nodes[home].type.size
            var buffer = buffers[home] ?? Buffer(bytes: bytes, first: index, last: index)
            buffer.first = min(buffer.first, index)
            buffer.last = max(buffer.last, index)
            if node.isInput { buffer.first = 0 }
            buffers[home] = buffer
            for input in node.inputs {
                let home = root(input.index).index
                if var source = buffers[home] {
                    source.last = max(source.last, index)
                    buffers[home] = source
                }
            }
        }
        for output in graph.outputs { buffers[root(output.value.index).index]?.last = graph.nodes.count }

        // The largest first, each at the lowest place where nothing alive at the same time lies.
        size = 0
        var placed: [Buffer] = []
        for home in buffers.keys.sorted(by: { Self.order(buffers, $0, $1) }) {
            guard var buffer = buffers[home] else { continue }
            let neighbours = placed.filter { $0.first <= buffer.last && buffer.first <= $0.last }
                .sorted { $0.offset < $1.offset }
            var offset = 0
            for neighbour in neighbours where offset + buffer.bytes > neighbour.offset {
                offset = max(offset, Self.align(neighbour.offset + neighbour.bytes))
            }
            buffer.offset = offset
            buffers[home] = buffer
            placed.append(buffer)
            size = max(size, Self.align(offset + buffer.bytes))
        }
        offsets = graph.nodes.indices.map { index in
            let place = root(index)
            return (buffers[place.index]?.offset ?? 0) + place.bytes
        }
    }

    private static func order(_ buffers: [Int: Buffer], _ a: Int, _ b: Int) -> Bool {
        let (first, second) = (buffers[a]?.bytes ?? 0, buffers[b]?.bytes ?? 0)
        return first != second ? first > second : a < b
    }

    private static func align(_ bytes: Int) -> Int { (bytes + 63) & ~63 }
}
