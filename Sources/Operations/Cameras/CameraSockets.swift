import Glibc
import Imaging
import Logging
import MaskOutput
import Synchronization

/// The sockets of all cameras: opened before the first frame, closed when the service ends.
public final class CameraSockets: Sendable {
    private let server: SocketServer
    private let sockets: [String: [(kind: SocketKind, socket: MaskSocket)]]

    /// Opens the sockets that `configuration` asks for, in its directory or in `SocketDirectory`'s.
    public init(
        _ configuration: ServiceConfiguration, clock: any FrameClock = SystemClock(), logger: Logger
    ) throws(OutputError) {
        let events = EventLog(logger: logger, clock: clock)
        var settings = SocketServer.Settings()
        settings.mode = UInt32(configuration.sockets.mode)
        settings.group = configuration.sockets.group
        settings.maximumClients = configuration.sockets.maxClients
        settings.stallSeconds = Double(configuration.sockets.clientTimeoutMilliseconds) / 1000
        server = try SocketServer(settings: settings, clock: clock) { events.log($0) }
        let directory = configuration.sockets.directory ?? SocketDirectory.automatic()
        var sockets: [String: [(kind: SocketKind, socket: MaskSocket)]] = [:]
        do throws(OutputError) {
            for camera in configuration.cameras {
                for kind in camera.sockets {
                    let socket = try server.open(path: "\(directory)/\(camera.name).\(kind.rawValue)")
                    sockets[camera.name, default: []].append((kind, socket))
                }
            }
        } catch {
            server.close()
            throw error
        }
        self.sockets = sockets
    }

    /// The outputs at the sockets of `camera`.
    public func sinks(of camera: String) -> [any MaskSink] {
        (sockets[camera] ?? []).map { SocketSink(socket: $0.socket, content: $0.kind.content) }
    }

    /// How many programs read masks of `camera`.
    public func clients(of camera: String) -> Int {
        (sockets[camera] ?? []).reduce(0) { $0 + $1.socket.snapshot.clients }
    }

    /// The paths of all sockets.
    public var paths: [String] { sockets.values.flatMap { $0.map(\.socket.path) }.sorted() }

    /// Closes every reader and removes the socket files.
    public func close() { server.close() }

    /// Says who comes and goes; what repeats itself once a minute.
    private final class EventLog: Sendable {
        private let logger: Logger
        private let clock: any FrameClock
        private let limit = Mutex(RepeatLimit(interval: 60_000_000_000))

        init(logger: Logger, clock: any FrameClock) {
            self.logger = logger
            self.clock = clock
        }

        func log(_ event: SocketEvent) {
            switch event {
            case .connected(let path, let pid, let uid):
                let who = [pid.map { "pid \($0)" }, uid.map { "uid \($0)" }].compactMap { $0 }.joined(separator: ", ")
                logger.info("\(path): a reader connected\(who.isEmpty ? "" : " (\(who))")")
            case .disconnected(let path):
                logger.info("\(path): a reader went away")
            case .refused(let path, let limit):
                warn("\(path): a reader was turned away; sockets.max_clients is \(limit)")
            case .closed(let path, .stalled):
                warn("\(path): a reader was closed; it took nothing for sockets.client_timeout_ms")
            case .closed(let path, .streamChanged):
                logger.info("\(path): a reader was closed, for the stream is another one now; it may connect again")
            case .cannotAccept(let path, let code):
                warn("\(path): cannot accept readers for the moment: \(String(cString: strerror(code)))")
            }
        }

        private func warn(_ message: String) {
            guard let leftOut = limit.withLock({ $0.admit(message, at: clock.monotonicNanoseconds) }) else { return }
            logger.warning("\(message)\(leftOut > 0 ? " (\(leftOut) more times before)" : "")")
        }
    }
}

extension SocketKind {
    var content: SocketSink.Content {
        switch self {
        case .mask: .mask
        case .color: .color
        }
    }
}

/// Where sockets are unless the configuration says otherwise.
public enum SocketDirectory {
    /// systemd's RuntimeDirectory; else `/run/segmentd` for root, and a folder of the user's own for others.
    public static func automatic(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } },
        isRoot: Bool = geteuid() == 0
    ) -> String {
        // systemd separates several by colons.
        if let first = environment("RUNTIME_DIRECTORY")?.split(separator: ":").first { return String(first) }
        if !isRoot, let own = environment("XDG_RUNTIME_DIR"), own.hasPrefix("/") { return own + "/segmentd" }
        return "/run/segmentd"
    }
}
