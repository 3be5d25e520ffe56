import Dispatch
import Glibc
import Imaging
import MediaIO
import Synchronization

/// Something that happened to a recording, for the log.
public enum RecordingEvent: Sendable {
    /// A file is whole.
    case finished(path: String, frames: Int, bytes: Int64)
    /// A file that a process left behind when it died was given its name.
    case recovered(path: String)
    /// A file was removed for the quota.
    case removed(path: String)
    /// Nothing is recorded any more, for this reason; it is tried again by itself.
    case stopped(any Error)
    /// It records again.
    case resumed
}

/// How a recording is doing.
public struct RecordingSnapshot: Hashable, Sendable {
    /// What it does.
    public enum State: String, Sendable {
        /// No frame has come yet.
        case waiting
        /// Frames are written.
        case recording
        /// The disk has no room; it goes on when there is some.
        case diskFull = "disk_full"
        /// It failed; it is tried again.
        case failed
        /// It was completed.
        case ended
    }

    /// The path as configured.
    public var path: String
    /// What it does.
    public var state = State.waiting
    /// The file being written.
    public var file: String?
    /// Bytes of that file that are on the disk.
    public var bytes: Int64 = 0
    /// Bytes of all its files.
    public var totalBytes: Int64 = 0
    /// Frames written.
    public var frames: UInt64 = 0
    /// Frames left out, for want of time or room.
    public var dropped: UInt64 = 0
    /// Files finished.
    public var finished: UInt64 = 0
    /// Files removed for the quota.
    public var removed: UInt64 = 0
    /// The last failure.
    public var error: String?
}

/// There is less room on a disk than is to be left free.
public struct NoRoom: Error, CustomStringConvertible {
    /// The folder.
    public let folder: String
    /// Bytes free there.
    public let free: Int64
    /// Bytes that stay free.
    public let minimum: Int64

    /// One sentence.
    public var description: String {
        "the disk of \(folder) is full: \(free / 1_000_000) MB are free, and \(minimum / 1_000_000) MB are to stay so "
            + "(min_free_mb)"
    }
}

/// Records video in files of limited length and size, each with an index, within a quota: `docs/operations.md`.
///
/// It works on a queue of its own: where encoder or disk are too slow for a live camera it leaves frames out, and never
/// holds up other outputs. A disk that is full or gone stops it until there is room again, and nothing else. What is
/// written is on the disk a second later, and playable there if the process or the machine dies.
public final class RotatingRecording: MaskSink, @unchecked Sendable {
    /// `recording /var/lib/segmentd/front.mkv`.
    public let summary: String
    private let path: String
    private let style: OutputStyle
    private let options: OutputOptions
    private let limits: RecordingLimits
    private let name: RecordingName
    private let folder: RecordingFolder
    private let clock: any FrameClock
    private let observer = Mutex<(@Sendable (RecordingEvent) -> Void)?>(nil)
    private let queue: DispatchQueue
    private let shared: Mutex<(snapshot: RecordingSnapshot, pending: Int)>

    // Touched on the queue alone.
    private var stream: StreamInfo?
    private var labels: LabelSet?
    private var current: RecordedFile?
    private var stopped: (since: UInt64, error: any Error)?
    private var older: [RecordingFolder.Finished] = []

    /// Frames of a live camera that may wait for the encoder.
    private static let longestQueue = 4
    /// Nanoseconds after which a recording that stopped is tried again.
    private static let patience: UInt64 = 2_000_000_000

    /// File name extensions of recordings: those of containers that are playable before they are finished.
    public static let extensions = ["mkv", "mp4", "m4v", "mov", "webm"]

    /// A recording at `path`, whose name gets the time of each file's first frame. Throws where a file of that name
    /// cannot hold `style`; nothing is touched before `begin`.
    public init(
        path: String, style: OutputStyle, options: OutputOptions = OutputOptions(),
        limits: RecordingLimits = RecordingLimits(), clock: any FrameClock = SystemClock()
    ) throws {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex,
            Self.extensions.contains(name[name.index(after: dot)...].lowercased())
        else { throw OutputError.unknownRecording(path: path, known: Self.extensions) }
        try VideoWriter.checkName(path: path, content: style.content)
        self.path = path
        self.style = style
        self.options = options
        self.limits = limits
        self.name = RecordingName(path: path)
        folder = RecordingFolder(name: self.name)
        self.clock = clock
        summary = "recording \(path)"
        queue = DispatchQueue(label: "segmentd.recording", qos: .utility)
        shared = Mutex((RecordingSnapshot(path: path), 0))
    }

    /// Calls `handler` with what happens from now on, on the recording's queue.
    public func observe(_ handler: @escaping @Sendable (RecordingEvent) -> Void) {
        observer.withLock { $0 = handler }
    }

    private func onEvent(_ event: RecordingEvent) {
        let handler = observer.withLock { $0 }
        handler?(event)
    }

    /// How it is doing now.
    public var snapshot: RecordingSnapshot { shared.withLock { $0.snapshot } }

    /// Takes note of the stream, and gives files that a dead process left their names.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) {
        queue.async { [self] in
            stream = info
            self.labels = labels
            for path in folder.recover() { onEvent(.recovered(path: path)) }
            older = folder.finished()
            note()
        }
    }

    /// Takes one frame to record. One of a file is recorded before this returns; one of a live camera is left out where
    /// too many wait.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) {
        guard frame.stamp.capture.origin != .file else {
            return queue.sync { record(mask, of: frame, dropped: dropped) }
        }
        let isTaken = shared.withLock { shared in
            guard shared.pending < Self.longestQueue else {
                shared.snapshot.dropped += 1
                return false
            }
            shared.pending += 1
            return true
        }
        guard isTaken else { return }
        queue.async { [self] in
            record(mask, of: frame, dropped: dropped)
            shared.withLock { $0.pending -= 1 }
        }
    }

    /// Completes the file being written. Throws where nothing could be recorded at last.
    public func finish() throws {
        try queue.sync {
            close()
            shared.withLock { $0.snapshot.state = .ended }
            if let stopped { throw stopped.error }
        }
    }

    /// Completes the file being written.
    public func abandon() {
        queue.sync {
            close()
            shared.withLock { $0.snapshot.state = .ended }
        }
    }

    // MARK: - On the queue

    private func record(_ mask: Mask, of frame: Frame, dropped: Int) {
        let now = clock.monotonicNanoseconds
        if let stopped, now >= stopped.since, now - stopped.since < Self.patience {
            return shared.withLock { $0.snapshot.dropped += 1 }
        }
        do {
            let file = try file(for: mask, of: frame, now: now)
            let isFlushed = try file.write(mask, of: frame, dropped: dropped, now: now)
            shared.withLock { $0.snapshot.frames += 1 }
            if stopped != nil {
                stopped = nil
                onEvent(.resumed)
            }
            if isFlushed { makeRoom() }
            note()
            guard isFlushed else { return }
        } catch {
            shared.withLock { $0.snapshot.dropped += 1 }
            return stop(error, now: now)
        }
        do { try checkRoom() } catch { stop(error, now: now) }
    }

    /// The file that goes on, or a new one where one is due.
    private func file(for mask: Mask, of frame: Frame, now: UInt64) throws -> RecordedFile {
        if let current, current.size == frame.picture.size,
            !limits.isRotationDue(seconds: current.seconds, bytes: current.bytes)
        {
            return current
        }
        close()
        guard let stream, let labels else { throw OutputError.outOfOrder(output: summary) }
        try checkRoom()
        makeRoom()
        let fresh = try RecordedFile(
            names: unusedName(began: mask.stamp.capture.epochNanoseconds), mask: mask, frame: frame, stream: stream,
            labels: labels, style: style, options: options, now: now)
        current = fresh
        return fresh
    }

    /// A name that no file has, be it because the clock was set back.
    private func unusedName(began: Int64) -> RecordingName.File {
        var began = began
        while true {
            let file = name.file(began: began)
            if access(file.finished, F_OK) != 0, access(file.unfinished, F_OK) != 0 { return file }
            began += 1_000_000
        }
    }

    private func checkRoom() throws {
        guard let free = folder.freeBytes else { throw OutputError.folder(path: name.folder, errno: errno) }
        guard limits.hasRoom(free: free, isRecording: stopped == nil) else {
            throw NoRoom(folder: name.folder, free: free, minimum: limits.minimumFreeBytes)
        }
    }

    /// Removes the oldest files where the quota asks for it.
    private func makeRoom() {
        let surplus = limits.surplus(older.map(\.bytes), current: current?.bytes ?? 0)
        for old in older.prefix(surplus) {
            folder.remove(old.file)
            shared.withLock { $0.snapshot.removed += 1 }
            onEvent(.removed(path: old.file.finished))
        }
        older.removeFirst(surplus)
    }

    /// Completes the file being written, if there is one; where that fails, what is whole of it stays.
    private func close() {
        guard let file = current else { return }
        current = nil
        do {
            try file.finish()
            onEvent(
                .finished(
                    path: file.names.finished, frames: file.frames, bytes: RecordingFolder.bytes(file.names.finished)))
            shared.withLock { $0.snapshot.finished += 1 }
        } catch {
            file.salvage()
            stop(error, now: clock.monotonicNanoseconds)
        }
        older = folder.finished()
        note()
    }

    private func stop(_ error: any Error, now: UInt64) {
        let isNews = stopped == nil
        stopped = (now, error)
        if let file = current {
            current = nil
            // A full disk by our own count still has room for the end of the file.
            if error is NoRoom {
                close(file)
            } else {
                file.salvage()
            }
            older = folder.finished()
        }
        shared.withLock { $0.snapshot.error = "\(error)" }
        note()
        if isNews { onEvent(.stopped(error)) }
    }

    private func close(_ file: RecordedFile) {
        do {
            try file.finish()
            shared.withLock { $0.snapshot.finished += 1 }
        } catch {
            file.salvage()
        }
    }

    private func note() {
        let state: RecordingSnapshot.State
        if let stopped {
            state = Self.isFull(stopped.error) ? .diskFull : .failed
        } else {
            state = current == nil ? .waiting : .recording
        }
        let file = current.map { ($0.names.unfinished, $0.bytes) }
        let total = older.reduce(file?.1 ?? 0) { $0 + $1.bytes }
        shared.withLock { shared in
            shared.snapshot.state = state
            shared.snapshot.file = file?.0
            shared.snapshot.bytes = file?.1 ?? 0
            shared.snapshot.totalBytes = total
        }
    }

    private static func isFull(_ error: any Error) -> Bool {
        switch error {
        case is NoRoom: true
        case EncodeError.cannotWrite(_, let code), EncodeError.cannotCreate(_, let code):
            [ENOSPC, EDQUOT].contains(code)
        case OutputError.write(_, let code), OutputError.folder(_, let code): [ENOSPC, EDQUOT].contains(code)
        default: false
        }
    }
}
