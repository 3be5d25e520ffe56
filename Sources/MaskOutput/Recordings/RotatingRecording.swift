import Glibc
import Imaging
import MediaIO
import Synchronization

/// Records video in files of limited length and size, each with an index, within a quota: `docs/record.md`.
///
/// It waits for encoder and disk: `QueuedSink` keeps that from a live camera's other outputs. A disk that is full or gone
/// stops it until there is room again, and nothing else. What is written is on the disk a second later, and playable
/// there if the process or the machine dies. One queue calls it.
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
    private let shared: Mutex<RecordingSnapshot>

    // Touched by the queue that calls it alone.
    private var stream: StreamInfo?
    private var labels: LabelSet?
    private var current: RecordedFile?
    private var stopped: (since: UInt64, error: any Error)?
    private var older: [RecordingFolder.Finished] = []

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
        // With the time of the first frame names are longer than as configured.
        guard self.name.longest <= Int(NAME_MAX) else {
            throw EncodeError.cannotCreate(path: path, errno: ENAMETOOLONG)
        }
        folder = RecordingFolder(name: self.name)
        self.clock = clock
        summary = "recording \(path)"
        shared = Mutex(RecordingSnapshot(path: path))
    }

    /// Calls `handler` with what happens from now on, on the queue that writes.
    public func observe(_ handler: @escaping @Sendable (RecordingEvent) -> Void) {
        observer.withLock { $0 = handler }
    }

    private func onEvent(_ event: RecordingEvent) {
        let handler = observer.withLock { $0 }
        handler?(event)
    }

    /// How it is doing now.
    public var snapshot: RecordingSnapshot { shared.withLock { $0 } }

    /// Takes note of the stream, and gives files that a dead process left their names.
    public func begin(stream info: StreamInfo, maskSize: ImageSize, labels: LabelSet) {
        stream = info
        self.labels = labels
        for path in folder.recover() { onEvent(.recovered(path: path)) }
        older = folder.finished()
        note()
    }

    /// Records one frame, or leaves it out where nothing can be recorded now.
    public func write(_ mask: Mask, of frame: Frame, dropped: Int) { record(mask, of: frame, dropped: dropped) }

    /// Completes the file being written. Throws where nothing could be recorded at last.
    public func finish() throws {
        close()
        shared.withLock { $0.state = .ended }
        if let stopped { throw stopped.error }
    }

    /// Completes the file being written.
    public func abandon() {
        close()
        shared.withLock { $0.state = .ended }
    }

    // MARK: - Writing

    private func record(_ mask: Mask, of frame: Frame, dropped: Int) {
        let now = clock.monotonicNanoseconds
        if let stopped, now >= stopped.since, now - stopped.since < Self.patience {
            return shared.withLock { $0.dropped += 1 }
        }
        do {
            let file = try file(for: mask, of: frame, now: now)
            let isFlushed = try file.write(mask, of: frame, dropped: dropped, now: now)
            shared.withLock { $0.frames += 1 }
            if stopped != nil {
                stopped = nil
                onEvent(.resumed)
            }
            if isFlushed { makeRoom() }
            note()
            guard isFlushed else { return }
        } catch {
            shared.withLock { $0.dropped += 1 }
            return stop(error, now: now)
        }
        do { try checkRoom() } catch { stop(error, now: now) }
    }

    /// The file that goes on, or a new one where one is due.
    private func file(for mask: Mask, of frame: Frame, now: UInt64) throws -> RecordedFile {
        if let current, current.size == frame.picture.size,
            !limits.isRotationDue(seconds: current.seconds(before: frame), bytes: current.bytes)
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
            shared.withLock { $0.removed += 1 }
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
            if file.jumps > 0 { onEvent(.clockJumped(path: file.names.finished, jumps: file.jumps)) }
            shared.withLock { $0.finished += 1 }
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
        shared.withLock { $0.error = "\(error)" }
        note()
        if isNews { onEvent(.stopped(error)) }
    }

    private func close(_ file: RecordedFile) {
        do {
            try file.finish()
            shared.withLock { $0.finished += 1 }
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
        shared.withLock { snapshot in
            snapshot.state = state
            snapshot.file = file?.0
            snapshot.bytes = file?.1 ?? 0
            snapshot.totalBytes = total
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
