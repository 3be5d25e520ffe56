/// What passes make of a program, one after the other: for tables.
public struct Rewriting: Sendable {
    /// The program's graph as built.
    public let specification: Graph
    /// Each pass's name and the graph after it, in order.
    public let passes: [(name: String, graph: Graph)]

    /// Applies `passes` to `program`.
    public init(_ program: Program, passes: [any Pass] = Passes.all) throws(GraphError) {
        specification = program.graph
        var program = program
        var stages: [(String, Graph)] = []
        for pass in passes {
            program = try program.applying(pass)
            stages.append((pass.name, program.graph))
        }
        self.passes = stages
    }

    /// The graph after the last pass.
    public var compiled: Graph { passes.last?.graph ?? specification }
}

/// How much a graph is: operations, and what they cost.
public struct Work: Sendable, Hashable {
    /// Operations, inputs not counted.
    public let operations: Int
    /// Of convolutions.
    public let multiplyAccumulates: Int
    /// What the operations read and write.
    public let traffic: Traffic
}

extension Graph {
    /// The work of all operations, or of those of one block. With `placing`, without those that move no data once a
    /// memory plan has placed the tensors.
    public func work(ofBlock block: String? = nil, placing: Bool) -> Work {
        let placed = placing ? placed : nodes.map { !$0.isInput }
        let own = nodes.indices.filter { placed[$0] && (block == nil || nodes[$0].block == block) }
        return Work(
            operations: own.count,
            multiplyAccumulates: own.reduce(0) { $0 + nodes[$1].cost.multiplyAccumulates },
            traffic: own.reduce(Traffic()) { $0 + traffic(ofNode: $1) })
    }
}
