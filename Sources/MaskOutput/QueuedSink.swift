import Dispatch
import Imaging
import Synchronization
import Threads

/// An output that may be slow (disk, encoder), on a thread of its own: the queue that publishes never waits for it where
/// the stream is live.
///
/// A few masks of a live stream may wait; more are left out, counted, and told to the output with the next one. Those of
/// any other stream are written before `write` returns, so that none is lost. A failure of the output is thrown by the
/// next call. One queue calls it.
public final class QueuedSink: MaskSink, @unchecked Sendable {
    private struct Shared {
        var pending = 0
        var leftOut = 0
        var failure: (any Error)?
        var snapshot: RecordingSnapshot
    }

    /// What the output is, for messages.
    public var summary: String { inner.summary }
    /// Whether the output wants masks while there is nothing to see.
    public var showsBlindness: Bool { inner.showsBlindness }
    /// What a user should know of what was written.
    public var remarks: [String] { onThread { inner.remarks } }
    /// The output itself; only its own thread calls it.
    public let inner: any MaskSink
    private let threadName: String
    private let shared: Mutex<Shared>
    // Touched by the queue that calls it alone.
    private var worker: SerialWorker?
    private var isLive = false

    /// Masks of a live stream that may wait.
    private static let longestQueue = 4

    /// `inner`, which writes to `path` as configured.
    public init(_ inner: any MaskSink, path: String) {
        self.inner = inner
        threadName = "rec " + (path.split(separator: "/").last ?? "")
        shared = Mutex(Shared(snapshot: RecordingSnapshot(path: path)))
    }

    /// How the output is doing: what it says itself, where it does, and what was left out before it.
    public var snapshot: RecordingSnapshot {
        let own = shared.withLock { $0.snapshot }
        guard var told = (inner as? RotatingRecording)?.snapshot else { return own }
        told.dropped += own.dropped
        return told
    }

    /// Prepares the output; for a live stream soon, else before it returns.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) throws {
        isLive = info.isLive
        // The network needs the processors more.
        if worker == nil { worker = try SerialWorker(threadName, niceness: 5) }
        try perform { [inner] in try inner.begin(stream: info, maskSize: maskSize, labels: labels) }
    }

    /// Has one mask written, or leaves it out.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) throws {
        try enqueue(dropped: dropped) { [inner] in try inner.write(mask, of: frame, dropped: $0) }
    }

    /// Has a blind mask written, or leaves it out.
    public func writeBlind(_ mask: Mask, dropped: Int) throws {
        try enqueue(dropped: dropped) { [inner] in try inner.writeBlind(mask, dropped: $0) }
    }

    /// Tells the output.
    public func willFinish(by deadline: DispatchTime) { worker?.async { [inner] in inner.willFinish(by: deadline) } }

    /// Waits for what is under way, and completes the output.
    public func finish() throws {
        try throwFailure()
        try onThread {
            try throwFailure()
            try inner.finish()
        }
        shared.withLock { $0.snapshot.state = .ended }
    }

    /// Waits for what is under way, and gives the output up.
    public func abandon() {
        onThread { inner.abandon() }
        shared.withLock { if $0.failure == nil { $0.snapshot.state = .ended } }
    }

    // MARK: - To the thread

    private func onThread<Result>(_ body: () throws -> Result) rethrows -> Result {
        // Without a thread nothing was begun, and nobody else calls the output.
        guard let worker else { return try body() }
        return try worker.sync(body)
    }

    private func throwFailure() throws {
        if let failure = shared.withLock({ $0.failure }) { throw failure }
    }

    private func enqueue(dropped: Int, _ write: @escaping @Sendable (Int) throws -> Void) throws {
        try throwFailure()
        let before = shared.withLock { shared -> Int? in
            guard !isLive || shared.pending < Self.longestQueue else {
                shared.snapshot.dropped += 1
                shared.leftOut += dropped + 1
                return nil
            }
            shared.pending += 1
            defer { shared.leftOut = 0 }
            return shared.leftOut
        }
        guard let before else { return }
        try perform { [self] in
            defer { shared.withLock { $0.pending -= 1 } }
            guard shared.withLock({ $0.failure == nil }) else { return }
            try write(dropped + before)
            shared.withLock { shared in
                shared.snapshot.frames += 1
                shared.snapshot.state = .recording
            }
        }
    }

    /// Runs `work` on the thread: soon for a live stream, else before it returns, and then throws what it throws.
    private func perform(_ work: @escaping @Sendable () throws -> Void) throws {
        guard isLive else { return try onThread { try noting(work) } }
        worker?.async { [self] in
            // Whoever calls next is told.
            do { try noting(work) } catch {}
        }
    }

    private func noting(_ work: () throws -> Void) throws {
        do {
            try work()
        } catch {
            shared.withLock { shared in
                if shared.failure == nil { shared.failure = error }
                shared.snapshot.state = .failed
                shared.snapshot.error = "\(error)"
            }
            throw error
        }
    }
}
