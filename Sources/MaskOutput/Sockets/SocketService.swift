import Glibc
import Imaging

/// One socket on the server's thread: its listener and its readers.
final class SocketService {
    private final class Client {
        let descriptor: Int32
        var state: ClientState<SocketFrame>
        /// The header that this reader gets.
        var header: [UInt8] = []
        var line: [UInt8] = []
        var isBlocked = false
        var speaks = true
        var isClosed = false

        init(descriptor: Int32, state: ClientState<SocketFrame>) {
            self.descriptor = descriptor
            self.state = state
        }
    }

    private let claim: SocketClaim
    let channel: SocketChannel
    private let limits: SocketLoop.SharedLimits
    private let onEvent: @Sendable (SocketEvent) -> Void
    private var stream: SocketStream?
    private var clients: [Client] = []
    private var idleWaiters: [@Sendable () -> Void] = []
    private var acceptsAgain: UInt64 = 0
    private var acceptFailure: Int32?
    private var watch: FileWatch

    init(
        claim: SocketClaim, channel: SocketChannel, limits: SocketLoop.SharedLimits, now: UInt64,
        onEvent: @escaping @Sendable (SocketEvent) -> Void
    ) {
        self.claim = claim
        self.channel = channel
        self.limits = limits
        self.onEvent = onEvent
        watch = FileWatch(now: now)
    }

    /// When something is due without a reader's doing; nil where nothing is.
    var due: UInt64? {
        let deadlines = clients.compactMap(\.state.deadline) + [watch.due]
        return (acceptsAgain > 0 ? deadlines + [acceptsAgain] : deadlines).min()
    }

    /// Bounds that hold from now on; readers that are here stay.
    func changeLimits() {
        let stall = limits.now.stall
        for client in clients { client.state.stall = stall }
    }

    // MARK: - News from the publisher

    /// Takes over what was published and sends it as far as the readers take it.
    func takeNews(now: UInt64) {
        let news = channel.takeNews()
        take(news.stream, isForgotten: news.isForgotten, now: now)
        if let (frame, position) = news.frame {
            for client in clients {
                client.state.publish(frame, position: position, now: now)
                if !client.isBlocked { advance(client, now: now) }
            }
            removeClosed()
        }
        idleWaiters += news.idleWaiters
        if !idleWaiters.isEmpty, clients.allSatisfy(\.state.isIdle) {
            for waiter in idleWaiters { waiter() }
            idleWaiters.removeAll()
        }
    }

    private func take(_ stream: SocketStream?, isForgotten: Bool, now: UInt64) {
        if isForgotten { forget() }
        guard let stream else { return }
        if let before = self.stream, before.identity != stream.identity { forget() }
        let isFirst = self.stream == nil
        self.stream = stream
        guard isFirst else { return }
        for client in clients {
            client.header = stream.header
            client.state.announce(headerSize: stream.header.count, now: now)
            advance(client, now: now)
        }
        removeClosed()
    }

    /// Closes the readers of a stream that is no more; those who wait for one go on waiting.
    private func forget() {
        guard stream != nil else { return }
        stream = nil
        for client in clients { close(client, .closed(path: claim.path, reason: .streamChanged)) }
        removeClosed()
    }

    /// Closes readers that took nothing for too long.
    func closeStalled(now: UInt64) {
        for client in clients where client.state.isStalled(now: now) {
            channel.update { $0.stalled += 1 }
            close(client, .closed(path: claim.path, reason: .stalled))
        }
        removeClosed()
    }

    /// Makes the socket's file again where somebody removed it.
    func lookAtFile(now: UInt64) {
        let before = watch.failure
        if let event = watch.look(at: claim.path, now: now, restore: claim.restoreFile) { onEvent(event) }
        let failure = watch.failure
        if failure != before { channel.update { $0.fileFailure = failure } }
    }

    // MARK: - Polling

    /// Adds the listener and every reader to what is polled.
    func appendPolled(to polled: inout [pollfd], now: UInt64) {
        if now >= acceptsAgain { acceptsAgain = 0 }
        polled.append(pollfd(fd: acceptsAgain == 0 ? claim.descriptor : -1, events: Int16(POLLIN), revents: 0))
        for client in clients {
            let events = (client.isBlocked ? POLLOUT : 0) | (client.speaks ? POLLIN : 0)
            polled.append(pollfd(fd: client.descriptor, events: Int16(events), revents: 0))
        }
    }

    /// Handles this socket's part at the beginning of `polled`, in the order of `appendPolled`; returns the rest.
    func handle(_ polled: ArraySlice<pollfd>, now: UInt64) -> ArraySlice<pollfd> {
        let mine = polled.prefix(1 + clients.count)
        for (client, entry) in zip(clients, mine.dropFirst()) where entry.revents != 0 {
            handle(client, events: Int32(entry.revents), now: now)
        }
        removeClosed()
        if let listener = mine.first, listener.revents != 0 { acceptAll(now: now) }
        return polled.dropFirst(mine.count)
    }

    private func handle(_ client: Client, events: Int32, now: UInt64) {
        if events & (POLLHUP | POLLERR | POLLNVAL) != 0 {
            close(client, .disconnected(path: claim.path))
            return
        }
        if events & POLLIN != 0 { client.speaks = UnixSocket.discardInput(client.descriptor) }
        if events & POLLOUT != 0 { advance(client, now: now) }
    }

    // MARK: - Readers

    private func acceptAll(now: UInt64) {
        while true {
            guard let descriptor = UnixSocket.accept(claim.descriptor) else {
                switch errno {
                case EINTR, ECONNABORTED, EPROTO: continue
                case EAGAIN:
                    accepts(failure: nil)
                    return
                case let code:
                    // Out of descriptors or memory: polling on would spin.
                    acceptsAgain = now + 250_000_000
                    accepts(failure: code)
                    onEvent(.cannotAccept(path: claim.path, errno: code))
                    return
                }
            }
            // Who connected after a stream was announced or forgotten must not get the one before.
            let news = channel.takeStreamNews()
            take(news.stream, isForgotten: news.isForgotten, now: now)
            let limits = limits.now
            let peer = SocketPeer(of: descriptor)
            // Counted and told first: whoever finds itself closed is in the status already.
            guard UnixSocket.allows(peer, limits.allowedUsers) else {
                channel.update { $0.refused += 1 }
                onEvent(.denied(path: claim.path, pid: peer.pid, uid: peer.uid))
                Glibc.close(descriptor)
                continue
            }
            guard clients.count < limits.clients else {
                channel.update { $0.refused += 1 }
                onEvent(.refused(path: claim.path, limit: limits.clients))
                Glibc.close(descriptor)
                continue
            }
            let client = Client(
                descriptor: descriptor,
                state: ClientState(stall: limits.stall, headerSize: stream?.header.count, now: now))
            client.header = stream?.header ?? []
            clients.append(client)
            channel.update {
                $0.clients += 1
                $0.accepted += 1
            }
            onEvent(.connected(path: claim.path, pid: peer.pid, uid: peer.uid))
            advance(client, now: now)
            removeClosed()
        }
    }

    /// Notes why no reader can be accepted, or that one can.
    private func accepts(failure: Int32?) {
        guard failure != acceptFailure else { return }
        acceptFailure = failure
        channel.update { $0.acceptFailure = failure }
    }

    /// Sends what the reader takes without waiting.
    private func advance(_ client: Client, now: UInt64) {
        let before = (client.state.framesSent, client.state.framesDropped)
        var bytes = 0
        client.isBlocked = false
        sending: while !client.isClosed {
            let sent: UnixSocket.Sent
            switch client.state.step {
            case .wait: break sending
            case .header(let offset):
                sent = client.header.withUnsafeBytes {
                    UnixSocket.send(
                        UnsafeRawBufferPointer(rebasing: $0[offset...]), UnsafeRawBufferPointer(start: nil, count: 0),
                        to: client.descriptor)
                }
            case .begin(let frame, _) where frame.isTooOld(at: now):
                // It waited behind another one for too long; the next one, or a blind one, is on its way.
                client.state.forgetWaiting()
                continue
            case .begin(let frame, let dropped):
                client.line = frame.line(dropped: dropped, now: now)
                client.state.begin(size: client.line.count + frame.withUnsafeBytes(\.count))
                continue
            case .frame(let frame, let offset):
                sent = Self.send(frame, line: client.line, from: offset, to: client.descriptor)
            }
            switch sent {
            case .bytes(let count):
                bytes += count
                client.state.sent(count, now: now)
            case .again:
                client.isBlocked = true
                break sending
            case .gone: close(client, .disconnected(path: claim.path))
            }
        }
        let state = client.state
        if bytes > 0 || state.framesDropped != before.1 {
            channel.update {
                $0.bytesSent += UInt64(bytes)
                $0.framesSent += state.framesSent - before.0
                $0.framesDropped += state.framesDropped - before.1
            }
        }
    }

    private static func send(_ frame: SocketFrame, line: [UInt8], from offset: Int, to descriptor: Int32)
        -> UnixSocket.Sent
    {
        line.withUnsafeBytes { line in
            frame.withUnsafeBytes { payload in
                UnixSocket.send(
                    UnsafeRawBufferPointer(rebasing: line[min(offset, line.count)...]),
                    UnsafeRawBufferPointer(rebasing: payload[max(0, offset - line.count)...]), to: descriptor)
            }
        }
    }

    private func close(_ client: Client, _ event: SocketEvent) {
        guard !client.isClosed else { return }
        client.isClosed = true
        Glibc.close(client.descriptor)
        channel.update { $0.clients -= 1 }
        onEvent(event)
    }

    private func removeClosed() {
        if clients.contains(where: \.isClosed) { clients.removeAll(where: \.isClosed) }
    }

    /// Closes every reader and the socket.
    func close() {
        for client in clients where !client.isClosed {
            client.isClosed = true
            Glibc.close(client.descriptor)
        }
        clients.removeAll()
        channel.close()
        for waiter in idleWaiters + channel.takeNews().idleWaiters { waiter() }
        idleWaiters.removeAll()
        claim.close()
    }
}
