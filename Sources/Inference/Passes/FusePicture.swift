/// Joins what happens to the picture first: normalisation, a convolution at stride 2 and max-pooling. The normalised
/// picture and the convolution's result, the two largest tensors of a network like ours, never exist.
public struct FusePicture: Pass {
    /// As in tables.
    public let name = "fuse picture"

    /// The pass.
    public init() {}

    /// The program rewritten.
    public func apply(to program: Program) throws(GraphError) -> Program {
        let graph = program.graph
        let uses = graph.uses
        var rewriter = GraphRewriter(graph)
        var swallowed: Set<Int> = []
        var fused: [Int: (operation: PictureConvolution, picture: Value)] = [:]
        for (index, node) in graph.nodes.enumerated() {
            switch node.operation {
            case .convolution(let convolution):
                guard convolution.groups == 1, convolution.stride == 2, convolution.dilation == 1,
                    convolution.isCentred, convolution.padding <= PictureConvolution.reach,
                    let normalized = node.inputs.first, uses[normalized.index] == 1,
                    case .normalize(let mean, let std) = graph[normalized].operation,
                    let picture = graph[normalized].inputs.first, graph[picture].isInput,
                    graph[picture].type == .uint8, graph[picture].shape.width.isMultiple(of: 2)
                else { continue }
                swallowed.insert(normalized.index)
                fused[index] = (
                    PictureConvolution(mean: mean, std: std, convolution: convolution, result: node.shape, pool: nil),
                    picture
                )
            case .maxPool(let kernel, 2, let padding):
                guard let source = node.inputs.first, uses[source.index] == 1, padding <= kernel / 2,
                    padding <= PictureConvolution.reach,
                    let (convolution, picture) = fused[source.index], convolution.pool == nil
                else { continue }
                var operation = convolution
                operation.pool = PictureConvolution.Pool(kernel: kernel, padding: padding)
                fused[source.index] = nil
                swallowed.insert(source.index)
                fused[index] = (operation, picture)
            default:
                continue
            }
        }
        for (index, _) in graph.nodes.enumerated() where !swallowed.contains(index) {
            let value = Value(index: index)
            if let (operation, picture) = fused[index] {
                try rewriter.replace(value, with: .pictureConvolution(operation), of: [picture])
            } else {
                try rewriter.keep(value)
            }
        }
        return Program(graph: try rewriter.finish(), weights: program.weights)
    }
}
