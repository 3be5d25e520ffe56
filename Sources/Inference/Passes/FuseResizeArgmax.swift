/// Joins a resize and the argmax that alone reads it: the resized tensor, by far the largest, never exists.
public struct FuseResizeArgmax: Pass {
    /// As in tables.
    public let name = "fuse resize and argmax"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        let uses = graph.uses
        var rewriter = GraphRewriter(graph)
        var swallowed: Set<Int> = []
        var fused: [Int: (operation: Operation, source: Value)] = [:]
        for (index, node) in graph.nodes.enumerated() {
            guard case .argmax = node.operation, let source = node.inputs.first, uses[source.index] == 1,
                case .resize(let height, let width) = graph[source].operation
            else { continue }
            swallowed.insert(source.index)
            fused[index] = (.resizeArgmax(height: height, width: width), source)
        }
        for index in graph.nodes.indices where !swallowed.contains(index) {
            let value = Value(index: index)
            if let (operation, source) = fused[index] {
                try rewriter.replace(value, with: operation, of: graph[source].inputs)
            } else {
                try rewriter.keep(value)
            }
        }
        return Program(graph: try rewriter.finish(), weights: program.weights)
    }
}
