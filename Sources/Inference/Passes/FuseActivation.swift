/// Lets a convolution apply the ReLU that follows it while its result is at hand.
public struct FuseActivation: Pass {
    /// As in tables.
    public let name = "fuse activation"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        let uses = graph.uses
        var fused: [Int: Convolution] = [:]
        var swallowed: Set<Int> = []
        for (index, node) in graph.nodes.enumerated() {
            guard case .relu = node.operation, let source = node.inputs.first, uses[source.index] == 1,
                case .convolution(var convolution) = graph[source].operation
            else { continue }
            convolution.relu = true
            fused[index] = convolution
            swallowed.insert(source.index)
        }
        var rewriter = GraphRewriter(graph)
        for (index, node) in graph.nodes.enumerated() where !swallowed.contains(index) {
            let value = Value(index: index)
            if let convolution = fused[index], let source = node.inputs.first {
                try rewriter.replace(value, with: .convolution(convolution), of: graph[source].inputs)
            } else {
                try rewriter.keep(value)
            }
        }
        return Program(graph: try rewriter.finish(), weights: program.weights)
    }
}
