/// What a file's times differ in from its source's time stamps.
public struct ClockCorrections: Equatable, Sendable {
    /// Seconds on the source's clock that became 0 in the file.
    public internal(set) var origin = 0.0
    /// Jumps of the source's clock, backwards or further forwards than a gap can be, that the file does not have: it goes
    /// on after them at the frame rate.
    public internal(set) var jumps = 0
    /// Frames whose time did not rise above the last one's by a little, and was moved up.
    public internal(set) var nudges = 0

    /// Nothing differs.
    public init() {}
}
