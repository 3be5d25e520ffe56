/// A colour of 8 bits a channel.
public struct RGB: Hashable, Sendable {
    /// Red, 0…255.
    public let red: UInt8
    /// Green, 0…255.
    public let green: UInt8
    /// Blue, 0…255.
    public let blue: UInt8

    /// A colour from its three channels.
    public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }
}

/// The classes of a model in id order: names, colours and categories, as the model file gives them.
public struct LabelSet: Hashable, Sendable {
    /// Names, by id.
    public let names: [String]
    /// Colours, by id; as many as names.
    public let palette: [RGB]
    /// The id in labels that is no class and counts for nothing.
    public let ignoreID: Int
    /// The name of each class's category, by id, as many as names; nil where the model has none.
    public let categories: [String]?

    /// Nil unless there are 1 to 255 names, all different and not empty, as many colours, an ignored id up to 255 that
    /// is no class, and, where there are categories, one that is not empty for each class.
    public init?(names: [String], palette: [RGB], ignoreID: Int = 255, categories: [String]? = nil) {
        guard (1...255).contains(names.count), palette.count == names.count, Set(names).count == names.count,
            !names.contains(""), (names.count...255).contains(ignoreID)
        else { return nil }
        if let categories, categories.count != names.count || categories.contains("") { return nil }
        self.names = names
        self.palette = palette
        self.ignoreID = ignoreID
        self.categories = categories
    }

    /// How many classes there are.
    public var count: Int { names.count }

    /// The id of the class called `name`.
    public func id(of name: String) -> UInt8? {
        names.firstIndex(of: name).map { UInt8($0) }
    }

    /// The colour of `id`; black for ids that are no class.
    public func color(of id: UInt8) -> RGB {
        Int(id) < palette.count ? palette[Int(id)] : RGB(0, 0, 0)
    }
}
