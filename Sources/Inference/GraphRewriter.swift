/// Rebuilds a graph node by node: a pass keeps a node, replaces it, or lets a value stand for another.
///
/// A node that reads what the pass has dropped is an error, never a node with an input less.
struct GraphRewriter {
    let old: Graph
    private(set) var new = Graph()
    private var images: [Value?]

    init(_ graph: Graph) {
        old = graph
        images = Array(repeating: nil, count: graph.nodes.count)
    }

    /// The new value that stands for the old `value`, which the old node `reader` reads. Throws where the pass has
    /// dropped it, or comes to it later.
    func image(of value: Value, for reader: Value) throws(GraphError) -> Value {
        guard let image = images[value.index] else {
            let (node, missing) = (old[reader], old[value])
            throw node.error(
                "reads \"\(missing.name)\" (operation \(value.index), \(missing.operation.kind)), which the pass has dropped",
                at: reader.index)
        }
        return image
    }

    /// Copies the old node, its inputs replaced by their images.
    mutating func keep(_ value: Value) throws(GraphError) {
        try replace(value, with: old[value].operation, of: old[value].inputs)
    }

    /// Puts `operation` on the images of the old values `inputs` in the old node's place.
    mutating func replace(_ value: Value, with operation: Operation, of inputs: [Value]) throws(GraphError) {
        var images: [Value] = []
        for input in inputs { images.append(try image(of: input, for: value)) }
        replace(value, with: operation, ofNew: images)
    }

    /// Adds a node before the old `value` is replaced; `inputs` are values of the new graph.
    mutating func add(_ operation: Operation, _ inputs: [Value], _ shape: Shape, like value: Value) -> Value {
        let node = old[value]
        new.nodes.append(
            Node(
                operation: operation, inputs: inputs, shape: shape, type: .float32, name: node.name,
                block: node.block))
        return Value(index: new.nodes.count - 1)
    }

    /// Puts `operation` on values of the new graph in the old node's place.
    mutating func replace(_ value: Value, with operation: Operation, ofNew inputs: [Value]) {
        let node = old[value]
        new.nodes.append(
            Node(
                operation: operation, inputs: inputs, shape: node.shape, type: node.type, name: node.name,
                block: node.block))
        images[value.index] = Value(index: new.nodes.count - 1)
    }

    /// The new graph, with the old one's outputs. Throws where the pass has dropped one of them.
    consuming func finish() throws(GraphError) -> Graph {
        for output in old.outputs {
            guard let image = images[output.value.index] else {
                throw GraphError("output \"\(output.name)\" was dropped by the pass")
            }
            new.outputs.append((output.name, image))
        }
        return new
    }
}
