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
        var swallowed: [Int: Operation] = [:]
        for (index, node) in graph.nodes.enumerated() {
            guard case .argmax = node.operation, let source = node.inputs.first, uses[source.index] == 1,
                case .resize(let height, let width) = graph[source].operation
            else { continue }
            swallowed[source.index] = .resizeArgmax(height: height, width: width)
            swallowed[index] = .resizeArgmax(height: height, width: width)
        }
        for (index, node) in graph.nodes.enumerated() {
            let value = Value(index: index)
            switch (swallowed[index], node.operation) {
            case (.some, .resize): continue
            case (.some(let operation), _):
                guard let source = node.inputs.first else { continue }
                rewriter.replace(value, with: operation, of: graph[source].inputs)
            case (.none, _): rewriter.keep(value)
            }
        }
        return Program(graph: rewriter.finish(), weights: program.weights)
    }
}
