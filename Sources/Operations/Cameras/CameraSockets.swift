import Glibc
import Imaging
import Logging
import MaskOutput
import Synchronization

/// The sockets of all cameras: opened before the first frame, changed by a reload, closed when the service ends.
public final class CameraSockets: Sendable {
    fileprivate typealias Table = [String: [(kind: SocketKind, socket: MaskSocket)]]

    /// What a reload opened, not yet in force.
    public struct Preparation: Sendable {
        fileprivate let table: Table
        fileprivate let opened: [MaskSocket]
        fileprivate let configuration: ServiceConfiguration
    }

    private let server: SocketServer
    private let events: EventLog
    private let inherited: InheritedSockets
    private let sockets = Mutex<Table>([:])

    /// Opens the sockets that `configuration` asks for, in its directory or in `SocketDirectory`'s; those among
    /// `inherited` are served as they are.
    public init(
        _ configuration: ServiceConfiguration, inherited: InheritedSockets = InheritedSockets(entries: []),
        clock: any FrameClock = SystemClock(), logger: Logger
    ) throws(OutputError) {
        let events = EventLog(logger: logger, clock: clock)
        self.events = events
        self.inherited = inherited
        server = try SocketServer(settings: configuration.sockets.settings, clock: clock) { events.log($0) }
        do throws(OutputError) {
            try commit(prepare(configuration))
        } catch {
            server.close()
            throw error
        }
    }

    /// Where the sockets of `configuration` are.
    public static func directory(of configuration: ServiceConfiguration) -> String {
        configuration.sockets.directory ?? SocketDirectory.automatic()
    }

    /// The paths of all sockets of `configuration`, the cameras' and `control`.
    public static func paths(of configuration: ServiceConfiguration) -> [String] {
        let directory = directory(of: configuration)
        let cameras = configuration.cameras.flatMap { camera in
            camera.sockets.map { path(in: directory, camera: camera.name, $0) }
        }
        return cameras + [directory + "/control"]
    }

    private static func path(in directory: String, camera: String, _ kind: SocketKind) -> String {
        "\(directory)/\(camera).\(kind.rawValue)"
    }

    /// Opens what `configuration` asks for and is not open, and changes nothing else. Where one cannot be opened, none
    /// is.
    public func prepare(_ configuration: ServiceConfiguration) throws(OutputError) -> Preparation {
        let directory = Self.directory(of: configuration)
        let settings = configuration.sockets.settings
        let open = Dictionary(
            sockets.withLock { $0.values.flatMap { $0.map { ($0.socket.path, $0.socket) } } }
        ) { first, _ in first }
        var table: Table = [:]
        var opened: [MaskSocket] = []
        do throws(OutputError) {
            for camera in configuration.cameras {
                for kind in camera.sockets {
                    let path = Self.path(in: directory, camera: camera.name, kind)
                    if let socket = open[path] {
                        if inherited.descriptor(for: path) == nil { try socket.checkGroup(settings.group) }
                        table[camera.name, default: []].append((kind, socket))
                        continue
                    }
                    let socket = try server.open(
                        path: path, inherited: inherited.descriptor(for: path), settings: settings)
                    opened.append(socket)
                    table[camera.name, default: []].append((kind, socket))
                }
            }
        } catch {
            for socket in opened { socket.close() }
            throw error
        }
        return Preparation(table: table, opened: opened, configuration: configuration)
    }

    /// Forgets the streams of the cameras `names` that were of another size than `size`: they have stopped, and begin
    /// again with it. A reader that connects from now on gets no header of the old ones.
    public func forgetStreams(of names: [String], unless size: ImageSize) {
        for name in names { for entry in entries(of: name) { entry.socket.forget(unless: size) } }
    }

    /// Puts what was prepared in force and closes what it does not name. Throws where permissions of a socket that
    /// stays cannot be changed; all else is done then.
    public func commit(_ preparation: Preparation) throws(OutputError) {
        let settings = preparation.configuration.sockets.settings
        let kept = Set(preparation.table.values.flatMap { $0.map { ObjectIdentifier($0.socket) } })
        let leaving = sockets.withLock { sockets in
            let leaving = sockets.values.flatMap { $0.map(\.socket) }.filter { !kept.contains(ObjectIdentifier($0)) }
            sockets = preparation.table
            return leaving
        }
        for socket in leaving { socket.close() }
        server.change(settings)
        let fresh = Set(preparation.opened.map(ObjectIdentifier.init))
        for socket in preparation.table.values.flatMap({ $0.map(\.socket) })
        where !fresh.contains(ObjectIdentifier(socket)) && inherited.descriptor(for: socket.path) == nil {
            try socket.restrict(mode: settings.mode, group: settings.group)
        }
    }

    /// Closes what was prepared and is not wanted after all.
    public func abandon(_ preparation: Preparation) {
        for socket in preparation.opened { socket.close() }
    }

    /// The outputs at the sockets of `camera`.
    public func sinks(of camera: String) -> [any MaskSink] {
        entries(of: camera).map { SocketSink(socket: $0.socket, content: $0.kind.content) }
    }

    /// Whether the thread that serves all sockets gives signs of life: since when (CLOCK_MONOTONIC) it has not; nil where
    /// it does.
    public func probe() -> UInt64? { server.probe() }

    /// The numbers of the sockets of `camera`, by path.
    public func snapshots(of camera: String) -> [(path: String, numbers: MaskSocket.Snapshot)] {
        entries(of: camera).map { ($0.socket.path, $0.socket.snapshot) }
    }

    /// How many programs read masks of `camera`.
    public func clients(of camera: String) -> Int {
        entries(of: camera).reduce(0) { $0 + $1.socket.snapshot.clients }
    }

    private func entries(of camera: String) -> [(kind: SocketKind, socket: MaskSocket)] {
        sockets.withLock { $0[camera] ?? [] }
    }

    /// The paths of all sockets.
    public var paths: [String] { sockets.withLock { $0.values.flatMap { $0.map(\.socket.path) } }.sorted() }

    /// Logs what happened at a socket of the service's that is not among these.
    public func log(_ event: SocketEvent) { events.log(event) }

    /// Closes every reader and removes the socket files.
    public func close() { server.close() }

    /// Logs who comes and goes. Readers that connect all the time must not fill the disk that holds the log.
    private final class EventLog: Sendable {
        private let logger: Logger
        private let clock: any FrameClock
        private let limit = Mutex(BurstLimit())

        init(logger: Logger, clock: any FrameClock) { (self.logger, self.clock) = (logger, clock) }

        func log(_ event: SocketEvent) {
            guard let path = event.fromReader else { return write(event) }
            let decision = limit.withLock { $0.admit(path, at: clock.monotonicNanoseconds) }
            if decision.leftOut > 0 {
                logger.warning(
                    "\(path): \(decision.leftOut) more lines about readers were left out: readers come and go all the time"
                )
            }
            if decision.isAdmitted { write(event) }
        }

        private func write(_ event: SocketEvent) {
            switch event {
            case .connected(let path, let pid, let uid):
                let who = [pid.map { "pid \($0)" }, uid.map { "uid \($0)" }].compactMap { $0 }.joined(separator: ", ")
                logger.info("\(path): a reader connected\(who.isEmpty ? "" : " (\(who))")")
            case .disconnected(let path):
                logger.info("\(path): a reader went away")
            case .refused(let path, let limit):
                logger.warning("\(path): a reader was turned away; sockets.max_clients is \(limit)")
            case .crowded(let path, let limit):
                logger.warning(
                    """
                    \(path): more than \(limit) connections at a time, which is all it serves; one was closed. Whoever \
                    asks there should close a connection after its answer
                    """)
            case .denied(let path, let pid, let uid):
                let who = [uid.map { "uid \($0)" }, pid.map { "pid \($0)" }].compactMap { $0 }.joined(separator: ", ")
                logger.warning("\(path): a reader was turned away; sockets.allow_uids does not name it (\(who))")
            case .closed(let path, .stalled):
                logger.warning("\(path): a reader was closed; it took nothing for sockets.client_timeout_ms")
            case .closed(let path, .streamChanged):
                logger.info("\(path): a reader was closed, for the stream is another one now; it may connect again")
            case .cannotAccept(let path, let code):
                logger.warning("\(path): cannot accept readers for the moment: \(String(cString: strerror(code)))")
            case .fileRestored(let path):
                logger.warning("\(path): the socket's file had been removed and was made again; readers can connect")
            case .fileLost(let path, let error):
                logger.error(
                    "\(path): the socket's file was removed, no reader can connect; trying again each second: \(error)")
            }
        }
    }
}

extension SocketEvent {
    /// The socket's path where readers cause the event, as often as they like.
    fileprivate var fromReader: String? {
        switch self {
        case .connected(let path, _, _), .disconnected(let path), .refused(let path, _), .crowded(let path, _),
            .denied(let path, _, _), .closed(let path, _):
            path
        case .cannotAccept, .fileRestored, .fileLost: nil
        }
    }
}

extension ServiceConfiguration.Sockets {
    /// As a server of sockets takes it.
    var settings: SocketServer.Settings {
        var settings = SocketServer.Settings()
        settings.mode = UInt32(mode)
        settings.group = group
        settings.maximumClients = maxClients
        settings.stallSeconds = Double(clientTimeoutMilliseconds) / 1000
        settings.allowedUsers = allowedUsers.map { Set($0.map { UInt32($0) }) }
        return settings
    }
}

extension SocketKind {
    var content: SocketSink.Content {
        switch self {
        case .mask: .mask
        case .color: .color
        case .nut: .nut
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
