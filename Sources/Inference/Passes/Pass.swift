/// A graph and the values of its parameters.
public struct Program: Sendable {
    /// The operations.
    public var graph: Graph
    /// The parameters' values.
    public var weights: Weights

    /// A program to compile or rewrite.
    public init(graph: Graph, weights: Weights) {
        self.graph = graph
        self.weights = weights
    }
}

extension Program {
    /// What `pass` makes of the program. Throws where that makes no sense any more, which is a fault of the pass.
    func applying(_ pass: any Pass) throws(GraphError) -> Program {
        let program = try pass.apply(to: self)
        do { try program.graph.validate() } catch {
            throw GraphError("after the pass \"\(pass.name)\": \(error)")
        }
        let outputs = (graph.outputs.map(\.name), program.graph.outputs.map(\.name))
        guard outputs.0 == outputs.1 else {
            throw GraphError(
                "after the pass \"\(pass.name)\": it has the outputs \(outputs.1.joined(separator: ", ")); expected \(outputs.0.joined(separator: ", "))"
            )
        }
        return program
    }
}

/// Rewrites a program into one that computes the same, but for rounding.
public protocol Pass: Sendable {
    /// What it does, for tables.
    var name: String { get }

    /// The rewritten program. Values that are outputs stay as they are.
    func apply(to program: Program) throws(GraphError) -> Program
}

/// The passes that make a program fast, in their order.
public enum Passes {
    /// All of them.
    public static let all: [any Pass] = [
        FoldBatchNorm(), FuseActivation(), FoldDepthwiseSums(), HoistConvolutionOverResize(), FusePicture(),
        FormProducts(), FuseResizeArgmax(),
    ]

    /// All but the one whose operation knows only our own product.
    public static let forOpenBLAS: [any Pass] = all.filter { !($0 is FusePicture) }
}
