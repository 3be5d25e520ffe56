/// The shape of a tensor for one picture: channels × height × width, row-major.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
    /// Planes.
    public let channels: Int
    /// Rows of a plane.
    public let height: Int
    /// Values of a row.
    public let width: Int

    /// A shape of `channels` planes of `height` rows of `width` values.
    public init(_ channels: Int, _ height: Int, _ width: Int) {
        self.channels = channels
        self.height = height
        self.width = width
    }

    /// Values of a plane.
    public var plane: Int { height * width }
    /// Values in all.
    public var count: Int { channels * plane }

    /// `(116, 96, 128)`.
    public var description: String { "(\(channels), \(height), \(width))" }
}

/// What the values of a tensor are.
public enum ElementType: Sendable {
    /// 32-bit floating point.
    case float32
    /// 8-bit unsigned: samples of a picture, or class ids.
    case uint8

    /// Bytes a value.
    public var size: Int {
        switch self {
        case .float32: 4
        case .uint8: 1
        }
    }
}
