import Dispatch
import Glibc
import Imaging
import Synchronization
import Threads

/// What happened at a socket, for the log.
public enum SocketEvent: Equatable, Sendable {
    /// A reader came.
    case connected(path: String, pid: Int32?, uid: UInt32?)
    /// A reader was turned away because `limit` are being served.
    case refused(path: String, limit: Int)
    /// More than the fixed `limit` of connections came to a port at a time: the one that had asked nothing for the
    /// longest time was closed, or the new one where all wait for answers.
    case crowded(path: String, limit: Int)
    /// A reader was turned away because its user is not on the list.
    case denied(path: String, pid: Int32?, uid: UInt32?)
    /// A reader went away.
    case disconnected(path: String)
    /// A reader was closed: it took nothing for too long, or the stream became another one.
    case closed(path: String, reason: ClosingReason)
    /// No reader can be accepted for the moment (out of descriptors); it is tried again by itself.
    case cannotAccept(path: String, errno: Int32)
    /// The socket's file had been removed and was made again.
    case fileRestored(path: String)
    /// The socket's file was removed or replaced, and no reader can connect; it is tried again by itself.
    case fileLost(path: String, OutputError)

    /// Why a reader was closed.
    public enum ClosingReason: String, Sendable {
        case stalled, streamChanged
    }
}

/// The sockets of a daemon: one thread that serves all readers of all of them, and never waits for any.
///
/// The thread starts with the first socket and ends with `close` or with the server itself.
public final class SocketServer: Sendable {
    /// How sockets are made and readers treated.
    public struct Settings: Sendable {
        /// Permissions of the socket files.
        public var mode: UInt32 = 0o660
        /// The group the socket files are given to; nil leaves the process's own.
        public var group: String?
        /// Readers at a socket at a time.
        public var maximumClients = 16
        /// The users that may connect; nil for all whom `mode` and `group` let in.
        public var allowedUsers: Set<UInt32>?
        /// Seconds after which a reader that takes nothing is closed.
        public var stallSeconds = 5.0

        /// The defaults.
        public init() {}

        var limits: SocketLoop.Limits {
            SocketLoop.Limits(
                clients: max(1, maximumClients), stall: UInt64(max(0.001, min(stallSeconds, 1e6)) * 1e9),
                allowedUsers: allowedUsers)
        }
    }

    /// Bytes that a socket's path may have: as many as the system's address of a socket holds.
    public static let longestPath = UnixSocket.pathLimit

    private let settings: Mutex<Settings>
    private let loop: SocketLoop

    /// A server without sockets. `onEvent` is called on the server's thread and must return soon.
    public init(
        settings: Settings = Settings(), clock: any FrameClock = SystemClock(),
        onEvent: @escaping @Sendable (SocketEvent) -> Void = { _ in }
    ) throws(OutputError) {
        self.settings = Mutex(settings)
        loop = try SocketLoop(limits: settings.limits, clock: clock, onEvent: onEvent)
        do {
            try NamedThread("sockets") { [loop] in loop.run() }
        } catch {
            throw .thread(error)
        }
    }

    deinit { loop.stop() }

    /// Opens a socket at `path`; its folder is made where it is not there. Readers may connect at once.
    ///
    /// Where `inherited` is given, that listening socket is served under this name, and nothing is made at `path`.
    /// The file gets the permissions of `settings`, or of the server's own settings without them.
    public func open(
        path: String, inherited: Int32? = nil, settings: Settings? = nil
    ) throws(OutputError) -> MaskSocket {
        let claim: SocketClaim
        if let inherited {
            claim = try SocketClaim(path: path, inherited: inherited)
        } else {
            let settings = settings ?? self.settings.withLock { $0 }
            claim = try SocketClaim(path: path, mode: mode_t(settings.mode), group: settings.group)
        }
        let channel = SocketChannel(path: path)
        loop.add(claim, channel)
        return MaskSocket(channel: channel, loop: loop)
    }

    /// Takes over other limits: from now on for who connects, at once for how long readers may take nothing.
    /// Permissions hold for the sockets opened later; `MaskSocket.restrict` is for those that are open.
    public func change(_ settings: Settings) {
        self.settings.withLock { $0 = settings }
        loop.change(settings.limits)
    }

    /// Asks the server's thread for a sign of life. Says since when (CLOCK_MONOTONIC) an earlier question has had no
    /// answer; nil where all were answered.
    public func probe() -> UInt64? { loop.probe() }

    /// Closes every reader and socket, removes the socket files and ends the thread. Returns when that is done.
    public func close() {
        loop.stop()
        loop.waitUntilStopped()
    }
}

/// One socket of a `SocketServer`: what is published here goes to all its readers.
public final class MaskSocket: Sendable {
    /// Numbers of one socket.
    public struct Snapshot: Equatable, Sendable {
        /// Why readers cannot connect, in a few words; nil where they can.
        public var unreachable: String? {
            fileFailure.map { "\($0)" } ?? acceptFailure.map { String(cString: strerror($0)) }
        }
        /// Readers connected now.
        public var clients = 0
        /// Readers that ever connected.
        public var accepted: UInt64 = 0
        /// Readers turned away because there were too many.
        public var refused: UInt64 = 0
        /// Readers closed because they took nothing for too long.
        public var stalled: UInt64 = 0
        /// Frames published while readers were there.
        public var published: UInt64 = 0
        /// Frames sent whole, over all readers.
        public var framesSent: UInt64 = 0
        /// Frames that readers missed after their first, over all readers.
        public var framesDropped: UInt64 = 0
        /// Bytes sent, over all readers.
        public var bytesSent: UInt64 = 0
        /// Frames that the camera had for this socket, whether there were readers or not.
        public var offered: UInt64 = 0
        /// Since when (CLOCK_MONOTONIC) a frame has waited for the server's thread to take it over; nil where none does.
        public var waitingSince: UInt64?
        /// Why no reader can be accepted; nil where one can.
        public var acceptFailure: Int32?
        /// Why the socket's file is not there; nil where it is.
        public var fileFailure: OutputError?
    }

    /// The socket's path.
    public var path: String { channel.path }
    private let channel: SocketChannel
    private let loop: SocketLoop

    init(channel: SocketChannel, loop: SocketLoop) {
        self.channel = channel
        self.loop = loop
    }

    /// Throws where the socket's file cannot get `group`, because there is no such group.
    public func checkGroup(_ group: String?) throws(OutputError) {
        if let group { _ = try SocketClaim.groupNumber(group, for: path) }
    }

    /// Changes the permissions of the socket's file.
    public func restrict(mode: UInt32, group: String?) throws(OutputError) {
        try SocketClaim.restrict(path: path, mode: mode_t(mode), group: group)
    }

    /// Closes the socket and its readers, and removes its file. Returns when that is done.
    public func close() {
        let done = DispatchSemaphore(value: 0)
        loop.remove(channel) { done.signal() }
        done.wait()
    }

    /// The numbers now.
    public var snapshot: Snapshot { channel.snapshot }

    /// Whether somebody reads; while nobody does, nothing need be painted.
    public var hasClients: Bool { channel.hasClients }

    /// Sets the stream whose header every reader gets first. Another one than before closes the readers of the old.
    func announce(_ stream: SocketStream) {
        channel.announce(stream)
        loop.wake()
    }

    /// Forgets the stream unless its frames have the size `size`: its readers are closed, and those who connect from now
    /// on wait for the next one. No reader that connects after the return gets the old header.
    public func forget(unless size: ImageSize) {
        channel.forget(unless: size)
        loop.wake()
    }

    /// Sends a frame to all who are ready for it; those who are not get it when it is still the newest by then.
    /// `skipped` counts the camera's frames that were left out before this one. Never waits.
    func publish(_ frame: SocketFrame, skipped: Int) {
        channel.publish(frame, skipped: skipped, now: loop.now)
        loop.wake()
    }

    /// Counts frames that were never published, so that readers are told.
    func skip(_ count: Int) { channel.skip(count) }

    /// A semaphore that is signalled once every reader has what was begun for it.
    func drained() -> MonotonicSemaphore {
        let done = MonotonicSemaphore()
        channel.whenIdle { done.signal() }
        loop.wake()
        return done
    }
}

/// What the publisher and the server's thread share of one socket.
final class SocketChannel: Sendable {
    /// What the server's thread takes over when it is woken.
    struct News {
        /// The stream from now on, and whether the one before it was forgotten.
        var stream: SocketStream?
        var isForgotten = false
        var frame: (frame: SocketFrame, position: UInt64)?
        var idleWaiters: [@Sendable () -> Void] = []
    }

    private struct State {
        var news = News()
        var identity: SocketStream.Identity?
        var position: UInt64 = 0
        var isClosed = false
        var snapshot = MaskSocket.Snapshot()
    }

    let path: String
    private let state = Mutex(State())
    private let clients = Atomic<Int>(0)

    init(path: String) { self.path = path }

    var snapshot: MaskSocket.Snapshot {
        state.withLock { state in
            var snapshot = state.snapshot
            snapshot.offered = state.position
            return snapshot
        }
    }
    var hasClients: Bool { clients.load(ordering: .relaxed) > 0 }

    func announce(_ stream: SocketStream) {
        state.withLock { state in
            // A frame of another stream means nothing to the readers of this one.
            if state.identity != stream.identity {
                state.news.frame = nil
                state.snapshot.waitingSince = nil
            }
            state.identity = stream.identity
            state.news.stream = stream
        }
    }

    func forget(unless size: ImageSize) {
        state.withLock { state in
            guard let identity = state.identity, identity.size != size else { return }
            state.identity = nil
            state.news.stream = nil
            state.news.isForgotten = true
            state.news.frame = nil
            state.snapshot.waitingSince = nil
        }
    }

    func publish(_ frame: SocketFrame, skipped: Int, now: UInt64) {
        state.withLock { state in
            state.position += UInt64(max(0, skipped)) + 1
            // With nobody to read it the frame would only be kept from its pool.
            guard state.snapshot.clients > 0 else { return }
            state.snapshot.published += 1
            state.news.frame = (frame, state.position)
            if state.snapshot.waitingSince == nil { state.snapshot.waitingSince = now }
        }
    }

    func skip(_ count: Int) { state.withLock { $0.position += UInt64(max(0, count)) } }

    /// Calls `body` once no reader has anything to come; at once where the socket is closed.
    func whenIdle(_ body: @escaping @Sendable () -> Void) {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.news.idleWaiters.append(body) }
            return state.isClosed
        }
        if isClosed { body() }
    }

    /// The socket is closed: nobody will take news any more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.snapshot.waitingSince = nil
        }
        update { $0.clients = 0 }
    }

    /// All that came since the last call.
    func takeNews() -> News {
        state.withLock { state in
            defer { state.news = News() }
            state.snapshot.waitingSince = nil
            return state.news
        }
    }

    /// What came of streams since the last call, without the frame.
    func takeStreamNews() -> (stream: SocketStream?, isForgotten: Bool) {
        state.withLock { state in
            defer { (state.news.stream, state.news.isForgotten) = (nil, false) }
            return (state.news.stream, state.news.isForgotten)
        }
    }

    func update(_ change: (inout MaskSocket.Snapshot) -> Void) {
        state.withLock { state in
            change(&state.snapshot)
            clients.store(state.snapshot.clients, ordering: .relaxed)
        }
    }
}
