/// The result of a node: what other nodes take as input.
public struct Value: Hashable, Sendable {
    /// The node's index in its graph.
    public let index: Int
}

/// One operation in a graph, its inputs and what it yields.
public struct Node: Sendable {
    /// What is done.
    public var operation: Operation
    /// What it is done to.
    public var inputs: [Value]
    /// The shape of the result.
    public let shape: Shape
    /// The element type of the result.
    public let type: ElementType
    /// A name for messages and tables: the parameters' prefix, or the block's.
    public let name: String
    /// The block of the network that the operation belongs to.
    public let block: String
}

/// A network as operations in the order of their execution: each node's inputs come before it.
///
/// The graph that a builder makes is the specification; passes rewrite it, and nothing here knows which network it is.
public struct Graph: Sendable {
    /// The operations, in an order in which they can be executed.
    public internal(set) var nodes: [Node] = []
    /// The results that the outside reads, by name, in order.
    public internal(set) var outputs: [(name: String, value: Value)] = []

    /// The node that yields `value`.
    public subscript(value: Value) -> Node { nodes[value.index] }

    /// How many nodes and outputs read each value.
    public var uses: [Int] {
        var counts = [Int](repeating: 0, count: nodes.count)
        for node in nodes { for input in node.inputs { counts[input.index] += 1 } }
        for output in outputs { counts[output.value.index] += 1 }
        return counts
    }

    /// Every parameter that the operations read, each once, in order of first use.
    public var parameters: [Parameter] {
        var seen: Set<String> = []
        return nodes.flatMap(\.operation.parameters).filter { seen.insert($0.name).inserted }
    }

    /// The same graph with only these of its outputs, and without the nodes that none of them needs.
    public func keeping(outputs names: Set<String>) -> Graph {
        var kept = self
        kept.outputs = outputs.filter { names.contains($0.name) }
        return kept.withoutDeadNodes()
    }

    /// The graph without the nodes that no output needs.
    func withoutDeadNodes() -> Graph {
        var alive = [Bool](repeating: false, count: nodes.count)
        for output in outputs { alive[output.value.index] = true }
        for index in nodes.indices.reversed() where alive[index] {
            for input in nodes[index].inputs { alive[input.index] = true }
        }
        var kept = Graph()
        // What a living node reads lives too and comes before it.
        var places = nodes.indices.map { Value(index: $0) }
        for index in nodes.indices where alive[index] || nodes[index].isInput {
            var node = nodes[index]
            node.inputs = node.inputs.map { places[$0.index] }
            places[index] = Value(index: kept.nodes.count)
            kept.nodes.append(node)
        }
        kept.outputs = outputs.map { ($0.name, places[$0.value.index]) }
        return kept
    }
}

extension Node {
    var isInput: Bool {
        if case .input = operation { return true }
        return false
    }
}
