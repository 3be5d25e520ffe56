import Inference

/// No such block.
public struct UnknownBlock: Error, CustomStringConvertible {
    /// What was asked for.
    public let name: String
    /// What there is.
    public let available: [String]

    /// One sentence for people.
    public var description: String {
        "the network has no block \"\(name)\"; it has \(available.joined(separator: ", "))"
    }
}

extension Program {
    /// The part of the program that yields `blocks`, which are among its outputs.
    func keeping(blocks: [String]) throws(UnknownBlock) -> Program {
        let available = graph.outputs.map(\.name)
        if let unknown = blocks.first(where: { !available.contains($0) }) {
            throw UnknownBlock(name: unknown, available: available)
        }
        return Program(graph: graph.keeping(outputs: Set(blocks)), weights: weights)
    }
}
