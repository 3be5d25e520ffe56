import Dispatch
import Glibc
import Imaging
import Synchronization

/// The thread behind a `SocketServer`: waits with `poll` for readers and news, and hands both to the sockets' services.
final class SocketLoop: @unchecked Sendable {
    /// Bounds for every socket.
    struct Limits {
        let clients: Int
        /// Nanoseconds.
        let stall: UInt64
        /// The users that may connect; nil for all.
        let allowedUsers: Set<UInt32>?
    }

    private struct Inbox {
        var added: [(SocketClaim, SocketChannel)] = []
        var removed: [(channel: SocketChannel, done: @Sendable () -> Void)] = []
        var hasChangedLimits = false
        var isStopping = false
        var hasStopped = false
        var isAwake = false
        /// When the thread was asked for a sign of life that it has not given yet.
        var probed: UInt64?
    }

    private let clock: any FrameClock
    private let onEvent: @Sendable (SocketEvent) -> Void
    private let inbox = Mutex(Inbox())
    private let stopped = DispatchGroup()
    private let wakeRead: Int32
    private let wakeWrite: Int32
    // Only the loop's own thread touches these.
    private var services: [SocketService] = []
    private let limits: SharedLimits

    /// What holds for all sockets; who connects is measured by what it says at that moment.
    final class SharedLimits: Sendable {
        private let value: Mutex<Limits>
        init(_ limits: Limits) { value = Mutex(limits) }
        var now: Limits {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    init(limits: Limits, clock: any FrameClock, onEvent: @escaping @Sendable (SocketEvent) -> Void) throws(OutputError)
    {
        self.limits = SharedLimits(limits)
        self.clock = clock
        self.onEvent = onEvent
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .socket(path: "(wake-up pipe)", step: "pipe", errno: errno) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (wakeRead, wakeWrite) = (ends[0], ends[1])
        stopped.enter()
    }

    deinit {
        close(wakeRead)
        close(wakeWrite)
    }

    /// Serves a socket from now on.
    func add(_ claim: SocketClaim, _ channel: SocketChannel) {
        inbox.withLock { $0.added.append((claim, channel)) }
        wake()
    }

    /// Stops serving a socket; `done` is called when its readers and its file are gone.
    func remove(_ channel: SocketChannel, done: @escaping @Sendable () -> Void) {
        let hasStopped = inbox.withLock { inbox in
            if !inbox.hasStopped { inbox.removed.append((channel, done)) }
            return inbox.hasStopped
        }
        if hasStopped { done() } else { wake() }
    }

    /// Bounds that hold from now on.
    func change(_ limits: Limits) {
        self.limits.now = limits
        inbox.withLock { $0.hasChangedLimits = true }
        wake()
    }

    /// Ends the thread soon. Harmless when it has ended.
    func stop() {
        inbox.withLock { $0.isStopping = true }
        wake()
    }

    /// Returns when the thread has ended and every descriptor is closed.
    func waitUntilStopped() { stopped.wait() }

    /// The time now.
    var now: UInt64 { clock.monotonicNanoseconds }

    /// Asks the thread for a sign of life; since when an earlier question has had no answer, nil where all had.
    func probe() -> UInt64? {
        let now = now
        let earlier = inbox.withLock { inbox -> UInt64? in
            guard !inbox.hasStopped else { return nil }
            defer { if inbox.probed == nil { inbox.probed = now } }
            return inbox.probed
        }
        wake()
        return earlier
    }

    /// Makes the thread look for news.
    func wake() {
        let isFirst = inbox.withLock { inbox in
            defer { inbox.isAwake = true }
            return !inbox.isAwake
        }
        guard isFirst else { return }
        var byte: UInt8 = 1
        write(wakeWrite, &byte, 1)
    }

    /// Serves until `stop`.
    func run() {
        var polled: [pollfd] = []
        while takeInbox() {
            let now = clock.monotonicNanoseconds
            for service in services {
                service.takeNews(now: now)
                service.closeStalled(now: now)
                service.lookAtFile(now: now)
            }
            polled.removeAll(keepingCapacity: true)
            polled.append(pollfd(fd: wakeRead, events: Int16(POLLIN), revents: 0))
            for service in services { service.appendPolled(to: &polled, now: now) }
            let wait = poll(&polled, nfds_t(polled.count), timeout(now: now))
            guard wait > 0 else { continue }
            if polled[0].revents != 0 { drainWakeUps() }
            let after = clock.monotonicNanoseconds
            var rest = polled.dropFirst()
            for service in services { rest = service.handle(rest, now: after) }
        }
        for service in services { service.close() }
        services.removeAll()
        let removed = inbox.withLock { inbox in
            inbox.hasStopped = true
            inbox.probed = nil
            inbox.added.removeAll()
            defer { inbox.removed.removeAll() }
            return inbox.removed
        }
        for removal in removed { removal.done() }
        stopped.leave()
    }

    /// Takes over new sockets; false when it is time to stop.
    private func takeInbox() -> Bool {
        let news = inbox.withLock { inbox in
            defer {
                inbox.added.removeAll()
                inbox.removed.removeAll()
                inbox.hasChangedLimits = false
            }
            inbox.isAwake = false
            inbox.probed = nil
            return inbox
        }
        if news.hasChangedLimits { for service in services { service.changeLimits() } }
        for (claim, channel) in news.added {
            services.append(
                SocketService(
                    claim: claim, channel: channel, limits: limits, now: clock.monotonicNanoseconds, onEvent: onEvent))
        }
        for removal in news.removed {
            services.first { $0.channel === removal.channel }?.close()
            services.removeAll { $0.channel === removal.channel }
            removal.done()
        }
        return !news.isStopping
    }

    private func drainWakeUps() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(wakeRead, buffer.baseAddress, buffer.count) > 0 {}
        }
    }

    /// Milliseconds until something is due even if nothing happens; -1 where nothing is.
    private func timeout(now: UInt64) -> Int32 {
        guard let due = services.compactMap(\.due).min() else { return -1 }
        guard due > now else { return 0 }
        return Int32(clamping: (due - now) / 1_000_000 + 1)
    }
}
