import Dispatch
import Glibc
import Imaging
import Synchronization

/// A Unix socket that answers lines with lines, one at a time for each client; no client holds up another.
///
/// One thread reads and sends; lines are answered on a queue of their own, and may be answered later from any thread.
public final class LineServer: @unchecked Sendable {
    /// Answers one line; `respond` is to be called once, from any thread, with the answer's bytes.
    public typealias Handler = @Sendable (_ line: String, _ respond: @escaping @Sendable ([UInt8]) -> Void) -> Void

    private final class Client {
        let descriptor: Int32
        let identity: UInt64
        var conversation: LineConversation
        var isClosed = false

        init(descriptor: Int32, identity: UInt64, conversation: LineConversation) {
            self.descriptor = descriptor
            self.identity = identity
            self.conversation = conversation
        }
    }

    private struct Inbox {
        var answers: [(client: UInt64, bytes: [UInt8])] = []
        var limits: SocketLoop.Limits
        var isStopping = false
        var count = 0
    }

    /// The socket's path.
    public var path: String { claim.path }
    private let claim: SocketClaim
    private let clock: any FrameClock
    private let onEvent: @Sendable (SocketEvent) -> Void
    private let tooLong: [UInt8]
    private let handler: Handler
    private let pipe: WakePipe
    private let inbox: Mutex<Inbox>
    private let answering = DispatchQueue(label: "segmentd.control.answers", qos: .utility)
    private let stopped = DispatchGroup()
    // Only the server's own thread touches these.
    private var clients: [Client] = []
    private var nextIdentity: UInt64 = 0
    private var acceptsAgain: UInt64 = 0

    /// Opens the socket at `path`, or serves the listening socket `inherited`, and answers with `handler`. `tooLong` is
    /// what a client gets whose line is longer than 64 KiB, before it is closed.
    public init(
        path: String, inherited: Int32? = nil, settings: SocketServer.Settings = .init(), tooLong: [UInt8],
        clock: any FrameClock = SystemClock(), onEvent: @escaping @Sendable (SocketEvent) -> Void = { _ in },
        handler: @escaping Handler
    ) throws(OutputError) {
        if let inherited {
            claim = try SocketClaim(path: path, inherited: inherited)
        } else {
            claim = try SocketClaim(path: path, mode: mode_t(settings.mode), group: settings.group)
        }
        self.clock = clock
        self.onEvent = onEvent
        self.tooLong = tooLong
        self.handler = handler
        pipe = try WakePipe()
        inbox = Mutex(Inbox(limits: settings.limits))
        stopped.enter()
        DispatchQueue(label: "segmentd.control", qos: .utility).async { self.run() }
    }

    /// Clients connected now.
    public var clientCount: Int { inbox.withLock { $0.count } }

    /// Takes over other limits, for clients that come from now on.
    public func change(_ settings: SocketServer.Settings) { inbox.withLock { $0.limits = settings.limits } }

    /// Changes the permissions of the socket's file.
    public func restrict(mode: UInt32, group: String?) throws(OutputError) {
        try SocketClaim.restrict(path: path, mode: mode_t(mode), group: group)
    }

    /// Closes every client and the socket, and removes its file. Returns when that is done.
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
            polled.removeAll(keepingCapacity: true)
            polled.append(pollfd(fd: pipe.descriptor, events: Int16(POLLIN), revents: 0))
            polled.append(pollfd(fd: acceptsAgain == 0 ? claim.descriptor : -1, events: Int16(POLLIN), revents: 0))
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
            if polled[1].revents != 0 { acceptAll(now: after) }
            removeClosed()
        }
        for client in clients where !client.isClosed { Glibc.close(client.descriptor) }
        clients.removeAll()
        claim.close()
        stopped.leave()
    }

    /// Takes over answers; false when it is time to stop.
    private func deliverAnswers() -> Bool {
        let (answers, isStopping) = inbox.withLock { inbox in
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
        var due = clients.compactMap(\.conversation.deadline).min()
        if acceptsAgain > 0 { due = min(due ?? acceptsAgain, acceptsAgain) }
        guard let due else { return -1 }
        return due > now ? Int32(clamping: (due - now) / 1_000_000 + 1) : 0
    }

    private func acceptAll(now: UInt64) {
        while true {
            guard let descriptor = UnixSocket.accept(claim.descriptor) else {
                switch errno {
                case EINTR, ECONNABORTED: continue
                case EAGAIN: return
                default:
                    acceptsAgain = now + 250_000_000
                    onEvent(.cannotAccept(path: path, errno: errno))
                    return
                }
            }
            let limits = inbox.withLock { $0.limits }
            let peer = UnixSocket.peer(of: descriptor)
            guard UnixSocket.allows(peer, limits.allowedUsers) else {
                onEvent(.denied(path: path, pid: peer?.pid, uid: peer?.uid))
                Glibc.close(descriptor)
                continue
            }
            guard clients.count(where: { !$0.isClosed }) < limits.clients else {
                onEvent(.refused(path: path, limit: limits.clients))
                Glibc.close(descriptor)
                continue
            }
            nextIdentity += 1
            let conversation = LineConversation(limits: .init(stall: limits.stall), now: now)
            clients.append(Client(descriptor: descriptor, identity: nextIdentity, conversation: conversation))
            inbox.withLock { $0.count += 1 }
        }
    }

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
            switch client.conversation.step(tooLong: tooLong) {
            case .read, .wait: return
            case .close: close(client, nil)
            case .answer(let line): answer(line, of: client.identity)
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

    private func answer(_ line: String, of client: UInt64) {
        answering.async { [self] in
            handler(line) { [self] bytes in
                inbox.withLock { $0.answers.append((client, bytes)) }
                pipe.wake()
            }
        }
    }

    private func close(_ client: Client, _ event: SocketEvent?) {
        guard !client.isClosed else { return }
        client.isClosed = true
        Glibc.close(client.descriptor)
        inbox.withLock { $0.count -= 1 }
        if let event { onEvent(event) }
    }

    private func removeClosed() {
        if clients.contains(where: \.isClosed) { clients.removeAll(where: \.isClosed) }
    }
}
