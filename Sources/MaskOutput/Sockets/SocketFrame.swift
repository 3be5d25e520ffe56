import Imaging
import MediaIO

/// One frame for all readers of a socket: encoded once, shared, and let go with the last of them.
final class SocketFrame: Sendable {
    /// Where the bytes are.
    enum Payload: Sendable {
        /// The mask's own ids; nothing is copied.
        case ids(Mask)
        /// A painted frame out of a pool.
        case painted(Loan<FrameBytes>)
    }

    let stamp: FrameStamp
    let flags: UInt8
    let payload: Payload
    private let prefix: [UInt8]?
    private let expiry: Expiry

    /// A frame of Y4M, or where `prefix` is given of a stream that has those bytes before the frame for every reader.
    /// After `expiry` it is not to be begun any more.
    init(stamp: FrameStamp, flags: UInt8, payload: Payload, prefix: [UInt8]? = nil, expiry: Expiry = .never) {
        self.stamp = stamp
        self.flags = flags
        self.payload = payload
        self.prefix = prefix
        self.expiry = expiry
    }

    /// Whether it has become too old for who would get it from `now` on.
    func isTooOld(at now: UInt64) -> Bool { expiry.isOver(at: now) }

    /// The frame's bytes.
    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch payload {
        case .ids(let mask): mask.classes.withUnsafeBytes(body)
        case .painted(let loan): loan.buffer.withUnsafeBytes(body)
        }
    }

    /// What comes before the frame's bytes: its line for a reader that missed `dropped` frames and gets this one at `now` (CLOCK_MONOTONIC).
    func line(dropped: UInt64, now: UInt64) -> [UInt8] {
        if let prefix { return prefix }
        let captured = stamp.capture.monotonicNanoseconds
        return Y4MText.frameLine(
            Y4MText.Facts(
                sequence: stamp.sequence, captured: stamp.capture.epochNanoseconds,
                latency: now > captured ? (now - captured) / 1000 : 0, dropped: dropped, flags: flags))
    }
}
