/// Where the planes of each value really lie. Slices, shuffles and concatenations only reorder planes: what reads their
/// result is handed the planes of whatever computed them, and no data moves.
struct Provenance {
    /// A plane of a node that computes something.
    struct Plane: Hashable {
        let node: Int
        let channel: Int
    }

    private let planes: [[Plane]]

    init(_ graph: Graph) {
        var planes: [[Plane]] = []
        planes.reserveCapacity(graph.nodes.count)
        for (index, node) in graph.nodes.enumerated() {
            switch node.operation {
            case .slice(let lower, let count):
                planes.append(Array(planes[node.inputs[0].index][lower..<lower + count]))
            case .concat:
                planes.append(node.inputs.flatMap { planes[$0.index] })
            case .shuffle(let groups):
                let source = planes[node.inputs[0].index]
                let size = source.count / groups
                planes.append(source.indices.map { source[$0 % groups * size + $0 / groups] })
            default:
                planes.append((0..<node.shape.channels).map { Plane(node: index, channel: $0) })
            }
        }
        self.planes = planes
    }

    /// The planes of `value`, in order.
    func planes(of value: Value) -> [Plane] { planes[value.index] }
}

extension Operation {
    /// Whether the result is only the inputs' planes in another order.
    var isReordering: Bool {
        switch self {
        case .slice, .concat, .shuffle: true
        default: false
        }
    }
}
