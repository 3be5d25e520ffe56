/// A named tensor of trained values that a graph's operations refer to.
public struct Parameter: Hashable, Sendable, CustomStringConvertible {
    /// Its name in the model file.
    public let name: String
    /// Its dimensions; a convolution's are (out, in / groups, height, width).
    public let shape: [Int]

    /// A parameter called `name`.
    public init(_ name: String, _ shape: [Int]) {
        self.name = name
        self.shape = shape
    }

    /// Values in all.
    public var count: Int { shape.reduce(1, *) }

    /// `stem.conv.weight (24, 3, 3, 3)`.
    public var description: String { "\(name) (\(shape.map(String.init).joined(separator: ", ")))" }
}

/// The values of parameters.
public struct Weights: Sendable {
    private var values: [String: [Float]] = [:]

    /// No values yet.
    public init() {}

    /// The values of `parameter`; throws where they are missing or not as many as its shape says.
    public func values(of parameter: Parameter) throws(GraphError) -> [Float] {
        guard let found = values[parameter.name] else {
            throw GraphError("the weights have no tensor \(parameter)")
        }
        guard found.count == parameter.count else {
            throw GraphError("tensor \(parameter) needs \(parameter.count) values and has \(found.count)")
        }
        return found
    }

    /// Sets the values of the parameter called `name`.
    public mutating func set(_ name: String, _ newValues: [Float]) {
        values[name] = newValues
    }

    /// The names that have values.
    public var names: Set<String> { Set(values.keys) }

    /// Drops what no parameter of `kept` names.
    mutating func keep(only kept: Set<String>) {
        values = values.filter { kept.contains($0.key) }
    }
}

/// A graph that makes no sense: which operation, what was expected, what was found.
public struct GraphError: Error, CustomStringConvertible {
    /// One sentence for people.
    public let description: String

    /// An error that says `description`.
    public init(_ description: String) { self.description = description }
}
