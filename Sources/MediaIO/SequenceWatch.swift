import Synchronization

/// Ends a read when an RTP sender's sequence numbers begin anew.
///
/// libavformat takes packets with lower numbers than before for late ones and drops them, up to 32,767 of them, until
/// the numbers are as high again. A gateway that connects to its camera again does this.
final class SequenceWatch: Sendable {
    /// So many in a row are not late: nothing else came between them.
    private static let most = 50

    private let dropped = Atomic<Int>(0)
    private let interruption: Interruption

    init(_ interruption: Interruption) { self.interruption = interruption }

    /// FFmpeg says this while it reads.
    @Sendable func line(_ message: String) {
        guard message.contains("dropping old packet received too late") else { return }
        if dropped.add(1, ordering: .relaxed).newValue == Self.most { interruption.arm(.zero) }
    }

    /// A packet came through.
    func packet() { dropped.store(0, ordering: .relaxed) }

    /// Whether the last read ended for this.
    var hasBegunAnew: Bool { dropped.load(ordering: .relaxed) >= Self.most }
}
