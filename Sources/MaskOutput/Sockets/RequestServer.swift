import Dispatch
import Glibc
import Imaging
import Synchronization
import Threads

/// Answers requests of many clients, one at a time for each; no client holds up another.
///
/// One thread reads and sends; requests are answered on another, and may be answered later from any thread.
public final class RequestServer<Conversation: ClientConversation>: @unchecked Sendable {
    /// Answers one request of `peer`; `respond` is to be called once, from any thread, with the answer's bytes.
    public typealias Handler =
        @Sendable (
            _ request: String, _ peer: SocketPeer, _ respond: @escaping @Sendable ([UInt8]) -> Void
        ) -> Void

    private final class Client {
        let descriptor: Int32
        let identity: UInt64
        let peer: SocketPeer
        var conversation: Conversation
        var isClosed = false

        init(descriptor: Int32, identity: UInt64, peer: SocketPeer, conversation: Conversation) {
            self.descriptor = descriptor
            self.identity = identity
            self.peer = peer
            self.conversation = conversation
        }
    }

    private struct Inbox {
        var answers: [(client: UInt64, bytes: [UInt8])] = []
        var limits: SocketLoop.Limits
        var isStopping = false
        var facts = RequestServerFacts()
        /// When the thread was asked for a sign of life that it has not given yet.
        var probed: UInt64?
        var answeringSince: UInt64?
    }

    /// The listener's path or address.
    var path: String { listener.path }
    private let listener: any RequestListener
    private let clock: any FrameClock
    private let onEvent: @Sendable (SocketEvent) -> Void
    private let makesRoom: Bool
    private let begin: @Sendable (SocketLoop.Limits, UInt64) -> Conversation
    private let handler: Handler
    private let pipe: WakePipe
    private let inbox: Mutex<Inbox>
    private let answering: SerialWorker
    private let stopped = DispatchGroup()
    // Only the server's own thread touches these.
    private var clients: [Client] = []
    private var nextIdentity: UInt64 = 0
    private var acceptsAgain: UInt64 = 0
    private var watch: FileWatch

    /// Serves `listener` on a thread called `name`. `begin` makes the conversation with a client that has just come.
    /// `makesRoom` says that beyond the limit the client that has asked nothing for the longest time is closed, not the
    /// new one.
    init(
        _ name: String, listener: any RequestListener, limits: SocketLoop.Limits, makesRoom: Bool,
        clock: any FrameClock, onEvent: @escaping @Sendable (SocketEvent) -> Void,
        begin: @escaping @Sendable (SocketLoop.Limits, UInt64) -> Conversation, handler: @escaping Handler
    ) throws {
        self.listener = listener
        self.makesRoom = makesRoom
        self.clock = clock
        self.onEvent = onEvent
        self.begin = begin
        self.handler = handler
        watch = FileWatch(now: clock.monotonicNanoseconds)
        pipe = try WakePipe()
        inbox = Mutex(Inbox(limits: limits))
        answering = try SerialWorker("\(name) answers", niceness: 5)
        stopped.enter()
        try NamedThread(name, niceness: 5) { self.run() }
    }

    /// How it is doing.
    public var facts: RequestServerFacts {
        let now = clock.monotonicNanoseconds
        let facts = inbox.withLock { inbox in
            var facts = inbox.facts
            facts.unansweredSince = inbox.probed
            facts.answeringSince = inbox.answeringSince
            if inbox.probed == nil { inbox.probed = now }
            return facts
        }
        pipe.wake()
        return facts
    }

    /// Takes over other limits, for clients that come from now on.
    func change(_ limits: SocketLoop.Limits) { inbox.withLock { $0.limits = limits } }

    /// Closes every client and the listener. Returns when that is done.
    public func close() {
        inbox.withLock { $0.isStopping = true }
        pipe.wake()
        stopped.wait()
    }

    // MARK: - The thread

    private func run() {
        var polled: [pollfd] = []
        while deliverAnswers() {
            let now = clock.monotonicNanoseconds
            if now >= acceptsAgain { acceptsAgain = 0 }
            if acceptsAgain == 0, listener.descriptor < 0 { reopen(now: now) }
            if let event = watch.look(at: path, now: now, restore: listener.restoreFile) { onEvent(event) }
            polled.removeAll(keepingCapacity: true)
            polled.append(pollfd(fd: pipe.descriptor, events: Int16(POLLIN), revents: 0))
            polled.append(pollfd(fd: acceptsAgain == 0 ? listener.descriptor : -1, events: Int16(POLLIN), revents: 0))
            for client in clients {
                let conversation = client.conversation
                let events = (conversation.isListening ? POLLIN : 0) | (conversation.output.isEmpty ? 0 : POLLOUT)
                polled.append(pollfd(fd: client.descriptor, events: Int16(events), revents: 0))
            }
            let count = poll(&polled, nfds_t(polled.count), timeout(now: now))
            let after = clock.monotonicNanoseconds
            for client in clients where client.conversation.deadline.map({ after >= $0 }) ?? false {
                close(client, .closed(path: path, reason: .stalled))
            }
            guard count > 0 else { continue }
            if polled[0].revents != 0 { pipe.drain() }
            for (client, entry) in zip(clients, polled.dropFirst(2)) where entry.revents != 0 && !client.isClosed {
                handle(client, events: Int32(entry.revents), now: after)
            }
            if Int32(polled[1].revents) & (POLLERR | POLLHUP | POLLNVAL) != 0 {
                cannotAccept(EIO, now: after)
                reopen(now: after)
            } else if polled[1].revents != 0 {
                acceptAll(now: after)
            }
            removeClosed()
        }
        for client in clients where !client.isClosed { Glibc.close(client.descriptor) }
        clients.removeAll()
        listener.close()
        stopped.leave()
    }

    /// Takes over answers; false when it is time to stop.
    private func deliverAnswers() -> Bool {
        let (answers, isStopping) = inbox.withLock { inbox in
            inbox.probed = nil
            defer { inbox.answers.removeAll() }
            return (inbox.answers, inbox.isStopping)
        }
        let now = clock.monotonicNanoseconds
        for answer in answers {
            guard let client = clients.first(where: { $0.identity == answer.client }) else { continue }
            client.conversation.answered(answer.bytes, now: now)
            advance(client, now: now)
        }
        removeClosed()
        return !isStopping
    }

    private func timeout(now: UInt64) -> Int32 {
        var due = min(watch.due, clients.compactMap(\.conversation.deadline).min() ?? .max)
        if acceptsAgain > 0 { due = min(due, acceptsAgain) }
        return due > now ? Int32(clamping: (due - now) / 1_000_000 + 1) : 0
    }

    // MARK: - Accepting

    private func acceptAll(now: UInt64) {
        while true {
            guard let descriptor = UnixSocket.accept(listener.descriptor) else {
                switch errno {
                case EINTR, ECONNABORTED, EPROTO: continue
                case EAGAIN:
                    inbox.withLock { $0.facts.acceptFailure = nil }
                    return
                case let code:
                    // Out of descriptors or memory, which passes; else the listener itself is broken.
                    cannotAccept(code, now: now)
                    if [EBADF, EINVAL, ENOTSOCK].contains(code) { reopen(now: now) }
                    return
                }
            }
            inbox.withLock { $0.facts.acceptFailure = nil }
            let limits = inbox.withLock { $0.limits }
            let peer = SocketPeer(of: descriptor)
            guard UnixSocket.allows(peer, limits.allowedUsers) else {
                inbox.withLock { $0.facts.refused += 1 }
                onEvent(.denied(path: path, pid: peer.pid, uid: peer.uid))
                Glibc.close(descriptor)
                continue
            }
            if makesRoom, clients.count(where: { !$0.isClosed }) >= limits.clients,
                let idle = clients.first(where: { !$0.isClosed && $0.conversation.isListening })
            {
                inbox.withLock { $0.facts.refused += 1 }
                close(idle, .crowded(path: path, limit: limits.clients))
            }
            guard clients.count(where: { !$0.isClosed }) < limits.clients else {
                inbox.withLock { $0.facts.refused += 1 }
                let (path, limit) = (path, limits.clients)
                onEvent(makesRoom ? .crowded(path: path, limit: limit) : .refused(path: path, limit: limit))
                Glibc.close(descriptor)
                continue
            }
            nextIdentity += 1
            clients.append(
                Client(descriptor: descriptor, identity: nextIdentity, peer: peer, conversation: begin(limits, now)))
            inbox.withLock { $0.facts.clients += 1 }
        }
    }

    private func cannotAccept(_ code: Int32, now: UInt64) {
        acceptsAgain = now + 250_000_000
        inbox.withLock { $0.facts.acceptFailure = code }
        onEvent(.cannotAccept(path: path, errno: code))
    }

    private func reopen(now: UInt64) {
        listener.reopen()
        if listener.descriptor < 0 { acceptsAgain = now + 1_000_000_000 }
    }

    // MARK: - Clients

    private func handle(_ client: Client, events: Int32, now: UInt64) {
        if events & (POLLERR | POLLNVAL) != 0 { return close(client, nil) }
        if events & (POLLIN | POLLHUP) != 0, client.conversation.isListening {
            switch UnixSocket.receive(from: client.descriptor, atMost: 16_384) {
            case .bytes(let bytes): client.conversation.received(bytes, now: now)
            case .end: client.conversation.ended()
            case .again: break
            case .gone: return close(client, nil)
            }
        } else if events & POLLHUP != 0 {
            // Nobody is there to take the answer.
            return close(client, nil)
        }
        advance(client, now: now)
    }

    private func advance(_ client: Client, now: UInt64) {
        while !client.isClosed {
            switch client.conversation.step() {
            case .read, .wait: return
            case .close: close(client, nil)
            case .answer(let line): answer(line, of: client)
            case .send:
                let sent = client.conversation.output.withUnsafeBytes {
                    UnixSocket.send($0, UnsafeRawBufferPointer(start: nil, count: 0), to: client.descriptor)
                }
                switch sent {
                case .bytes(let count): client.conversation.sent(count, now: now)
                case .again: return
                case .gone: close(client, nil)
                }
            }
        }
    }

    private func answer(_ line: String, of client: Client) {
        let (identity, peer) = (client.identity, client.peer)
        answering.async { [self] in
            let now = clock.monotonicNanoseconds
            inbox.withLock { $0.answeringSince = now }
            handler(line, peer) { [self] bytes in
                inbox.withLock { $0.answers.append((identity, bytes)) }
                pipe.wake()
            }
            inbox.withLock { $0.answeringSince = nil }
        }
    }

    private func close(_ client: Client, _ event: SocketEvent?) {
        guard !client.isClosed else { return }
        client.isClosed = true
        // What was not read would make TCP throw the answer away on its way.
        _ = UnixSocket.discardInput(client.descriptor)
        Glibc.close(client.descriptor)
        inbox.withLock { $0.facts.clients -= 1 }
        if let event { onEvent(event) }
    }

    private func removeClosed() {
        if clients.contains(where: \.isClosed) { clients.removeAll(where: \.isClosed) }
    }
}

/// How a `RequestServer` is doing.
public struct RequestServerFacts: Equatable, Sendable {
    /// Clients connected now.
    public var clients = 0
    /// Clients turned away, or closed to make room for others.
    public var refused: UInt64 = 0
    /// Why the last client could not be accepted; nil where the last one was.
    public var acceptFailure: Int32?
    /// Since when (CLOCK_MONOTONIC) the server's thread has been asked for a sign of life that it has not given; nil
    /// where it gave every one.
    public var unansweredSince: UInt64?
    /// Since when the answer is being made that is being made now; nil where none is.
    public var answeringSince: UInt64?

    /// Nothing happened yet.
    public init() {}
}
