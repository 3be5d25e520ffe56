import Synchronization

/// Numbers what a camera sends: frames keep the distances they had in the source, blind masks get numbers between.
///
/// The numbers rise over all sources and pipelines of the camera.
struct PublishedNumbers: Sendable {
    private var last: UInt64?
    private var lastSource: UInt64?
    private var offset: UInt64 = 0

    /// The source counts from 0 anew.
    mutating func restarted() {
        guard let last else { return }
        lastSource = nil
        offset = last &+ 1
    }

    /// The number of the source's frame `sequence`, and how many frames were skipped before it.
    mutating func frame(_ sequence: UInt64) -> (number: UInt64, skipped: Int) {
        if let lastSource, sequence <= lastSource { restarted() }
        lastSource = sequence
        let number = sequence &+ offset
        let expected = last.map { $0 &+ 1 } ?? 0
        last = number
        return (number, number > expected ? Int(clamping: number - expected) : 0)
    }

    /// The number of a blind mask that stands for no frame.
    mutating func blind() -> UInt64 {
        let number = last.map { $0 &+ 1 } ?? 0
        offset &+= 1
        last = number
        return number
    }
}

/// The numbering of one camera, kept over its pipelines. One pipeline at a time.
public final class FrameNumbers: Sendable {
    private let numbers = Mutex(PublishedNumbers())

    /// Begins at 0.
    public init() {}

    func restarted() { numbers.withLock { $0.restarted() } }
    func frame(_ sequence: UInt64) -> (number: UInt64, skipped: Int) { numbers.withLock { $0.frame(sequence) } }
    func blind() -> UInt64 { numbers.withLock { $0.blind() } }
}
