import Glibc
import Imaging

/// A Unix socket that answers lines with lines.
public final class LineServer: Sendable {
    /// Answers one line of `peer`; `respond` is to be called once, from any thread, with the answer's bytes.
    public typealias Handler =
        @Sendable (
            _ line: String, _ peer: SocketPeer, _ respond: @escaping @Sendable ([UInt8]) -> Void
        ) -> Void

    /// The socket's path.
    public let path: String
    private let server: RequestServer<LineConversation>

    /// Opens the socket at `path`, or serves the listening socket `inherited`, and answers with `handler`. `tooLong` is
    /// what a client gets whose line is longer than 64 KiB, before it is closed. Throws `OutputError` or `ThreadError`.
    public init(
        path: String, inherited: Int32? = nil, settings: SocketServer.Settings = .init(), tooLong: [UInt8],
        clock: any FrameClock = SystemClock(), onEvent: @escaping @Sendable (SocketEvent) -> Void = { _ in },
        handler: @escaping Handler
    ) throws {
        let claim: SocketClaim
        if let inherited {
            claim = try SocketClaim(path: path, inherited: inherited)
        } else {
            claim = try SocketClaim(path: path, mode: mode_t(settings.mode), group: settings.group)
        }
        self.path = path
        server = try RequestServer(
            "control", listener: claim, limits: settings.limits, makesRoom: false, clock: clock, onEvent: onEvent,
            begin: { limits, now in
                LineConversation(limits: .init(stall: limits.stall), tooLong: tooLong, now: now)
            }, handler: handler)
    }

    /// How it is doing.
    public var facts: RequestServerFacts { server.facts }

    /// Clients connected now.
    public var clientCount: Int { facts.clients }

    /// Takes over other limits, for clients that come from now on.
    public func change(_ settings: SocketServer.Settings) { server.change(settings.limits) }

    /// Changes the permissions of the socket's file.
    public func restrict(mode: UInt32, group: String?) throws(OutputError) {
        try SocketClaim.restrict(path: path, mode: mode_t(mode), group: group)
    }

    /// Closes every client and the socket, and removes its file. Returns when that is done.
    public func close() { server.close() }
}
