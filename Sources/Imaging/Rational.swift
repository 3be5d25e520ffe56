/// A fraction, as FFmpeg's `AVRational`: frame rates, time bases and pixel aspects are kept exact.
public struct Rational: Hashable, Sendable, CustomStringConvertible {
    /// The number above the line.
    public let numerator: Int
    /// The number below the line; 0 where FFmpeg does not know the value.
    public let denominator: Int

    /// `numerator / denominator`, kept as given.
    public init(_ numerator: Int, _ denominator: Int) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Whether the value is known and above zero.
    public var isPositive: Bool { numerator > 0 && denominator > 0 }

    /// The value as a floating-point number; 0 where the denominator is 0.
    public var value: Double { denominator == 0 ? 0 : Double(numerator) / Double(denominator) }

    /// `30000:1001`.
    public var description: String { "\(numerator):\(denominator)" }
}
