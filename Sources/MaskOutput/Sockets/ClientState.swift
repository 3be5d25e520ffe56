/// What one reader of a socket is being sent and what comes next: decisions only, no system calls, no clock of its own.
///
/// A reader gets the header, then whole frames. A frame once begun is finished, or the reader is closed. While one is on
/// its way only the newest of those that come waits for it; the others are dropped and counted. A reader that takes not
/// one byte of what waits for it for `stall` nanoseconds is to be closed.
struct ClientState<Frame> {
    /// What to do for the reader now.
    enum Step {
        /// Nothing is left to send.
        case wait
        /// Send the header from this byte on, then report `sent`.
        case header(from: Int)
        /// Make the frame's line, with the number of frames that this reader missed since its last, and call `begin`.
        case begin(Frame, dropped: UInt64)
        /// Send line and frame from this byte on, then report `sent`.
        case frame(Frame, from: Int)
    }

    private enum Sending {
        case header(size: Int)
        case frame(Frame, size: Int)
    }

    /// Nanoseconds without a byte taken after which the reader counts as stalled.
    var stall: UInt64
    /// Frames sent whole.
    private(set) var framesSent: UInt64 = 0
    /// Frames of the camera that this reader missed since its first.
    private(set) var framesDropped: UInt64 = 0
    private var sending: Sending?
    private var offset = 0
    private var waiting: (frame: Frame, position: UInt64)?
    private var lastPosition: UInt64?
    private var progress: UInt64 = 0

    /// A reader that has just come; `headerSize` is nil where the header is not known yet.
    init(stall: UInt64, headerSize: Int?, now: UInt64) {
        self.stall = stall
        progress = now
        if let headerSize { sending = .header(size: headerSize) }
    }

    /// The header is known now; a reader that waits for it gets it first. One that was sent another cannot go on.
    mutating func announce(headerSize: Int, now: UInt64) {
        progress = now
        sending = .header(size: headerSize)
        offset = 0
    }

    /// A frame was published, at `position` in the camera's count of frames: those that were skipped on the way count too.
    mutating func publish(_ frame: Frame, position: UInt64, now: UInt64) {
        if isIdle { progress = now }
        waiting = (frame, position)
    }

    /// Whether nothing is to be sent.
    var isIdle: Bool { sending == nil && waiting == nil }

    /// Whether something was begun and is not finished.
    var isAmid: Bool { sending != nil }

    /// What to do now.
    var step: Step {
        switch sending {
        case .header: return .header(from: offset)
        case .frame(let frame, _): return .frame(frame, from: offset)
        case nil:
            guard let waiting else { return .wait }
            return .begin(waiting.frame, dropped: missed(before: waiting.position))
        }
    }

    private func missed(before position: UInt64) -> UInt64 {
        guard let lastPosition, position > lastPosition else { return 0 }
        return position - lastPosition - 1
    }

    /// The waiting frame is begun; with its line it has `size` bytes.
    mutating func begin(size: Int) {
        guard let next = waiting, sending == nil else { return }
        framesDropped += missed(before: next.position)
        lastPosition = next.position
        sending = .frame(next.frame, size: size)
        offset = 0
        waiting = nil
    }

    /// The reader took `count` more bytes.
    mutating func sent(_ count: Int, now: UInt64) {
        guard count > 0, let current = sending else { return }
        progress = now
        offset += count
        switch current {
        case .header(let size): if offset >= size { sending = nil }
        case .frame(_, let size):
            if offset >= size {
                sending = nil
                framesSent += 1
            }
        }
    }

    /// The waiting frame is not to be sent any more; what was begun is still finished.
    mutating func forgetWaiting() { waiting = nil }

    /// When the reader is to be closed unless it takes something; nil while nothing waits for it.
    var deadline: UInt64? { isIdle ? nil : progress &+ stall }

    /// Whether the reader is to be closed.
    func isStalled(now: UInt64) -> Bool {
        guard let deadline else { return false }
        return now >= deadline
    }
}
