import Glibc
import MaskOutput

/// Judges a service by the masks that left for each socket's readers, and by how long each part has stood still. A pure
/// value: the caller brings facts and time, about once a second.
///
/// `dead` is what a restart mends: a network, an output or a socket's thread that hangs, masks that no longer go out. A
/// camera that is away, a full disk, a log that nobody reads are told, and no reason for a restart.
public struct HealthWatch: Sendable {
    /// Nanoseconds after which a part that stands still is told.
    public static let notice: UInt64 = 5_000_000_000
    /// Nanoseconds that one answer of the control socket or the HTTP port may take.
    private static let longestAnswer: UInt64 = 30_000_000_000

    private let patience: UInt64
    private var watch = StandstillWatch()

    /// Masks may stand still for `patience` nanoseconds before the service counts as dead.
    public init(patience: UInt64) { self.patience = patience }

    /// What is wrong at `now` (nanoseconds).
    public mutating func judge(_ facts: HealthFacts, at now: UInt64) -> ServiceHealth {
        watch.look(at: now)
        let engine = Engine(
            stood: watch.stood("engine", at: facts.engineSince).time, patience: enginePatience(facts))
        var problems = judge(engine) + sockets(facts)
        for camera in facts.cameras { problems += judge(camera, engine) }
        let held = problems.filter { $0.severity != .degraded }
        let isBlocked = held.contains { $0.camera == nil }
        let sees = facts.cameras.contains { camera in
            camera.state == "live" && !held.contains { $0.camera == camera.name }
        }
        problems += servers(facts) + log(facts) + resources(facts)
        return ServiceHealth(problems: problems, sees: sees && !isBlocked)
    }

    private func severity(_ stood: UInt64, patience: UInt64? = nil) -> ServiceHealth.Severity? {
        guard stood > min(Self.notice, self.patience) else { return nil }
        return stood > patience ?? self.patience ? .dead : .unready
    }

    private static func seconds(_ nanoseconds: UInt64) -> String { "\(nanoseconds / 1_000_000_000) s" }

    // MARK: - What all cameras need

    private struct Engine {
        /// For how long it has worked on one picture.
        var stood: UInt64
        /// How long it may.
        var patience: UInt64
    }

    /// How long an answer of the network may take before it counts as dead: a large picture on a slow machine takes its
    /// time every time, and every camera waits for its turn.
    private func enginePatience(_ facts: HealthFacts) -> UInt64 {
        let turns = UInt64(4 * max(1, facts.cameras.count))
        let (allowed, overflows) = facts.engineLast.multipliedReportingOverflow(by: turns)
        return overflows ? .max : max(patience, allowed)
    }

    private func judge(_ engine: Engine) -> [ServiceHealth.Problem] {
        guard let severity = severity(engine.stood, patience: engine.patience) else { return [] }
        return [.init(.engine, severity, "the network has worked on one picture for \(Self.seconds(engine.stood))")]
    }

    private mutating func sockets(_ facts: HealthFacts) -> [ServiceHealth.Problem] {
        let stood = watch.stood("sockets", at: facts.socketsSilentSince).time
        guard let severity = severity(stood) else { return [] }
        return [.init(.sockets, severity, "the thread of the mask sockets has stood still for \(Self.seconds(stood))")]
    }

    // MARK: - One camera

    private mutating func judge(_ camera: HealthFacts.Camera, _ engine: Engine) -> [ServiceHealth.Problem] {
        let output = output(camera)
        let masks = masks(camera, engine)
        var sockets: [ServiceHealth.Problem] = []
        for socket in camera.sockets { sockets += judge(socket, of: camera) }
        // Where an output holds all others up, what comes of it is said already.
        return (output.isEmpty ? masks : output) + sockets + source(camera) + recordings(camera)
    }

    /// The output that all others wait for.
    private mutating func output(_ camera: HealthFacts.Camera) -> [ServiceHealth.Problem] {
        let stood = watch.stood("writing \(camera.name)", at: camera.writing?.since).time
        guard let writing = camera.writing, let severity = severity(stood) else { return [] }
        let text =
            "\(camera.name): \(writing.output) has not taken a mask for \(Self.seconds(stood)) and holds up the camera's "
            + "other outputs"
        guard writing.isRecording else { return [.init(.sink, severity, camera: camera.name, text)] }
        return [.init(.disk, .unready, camera: camera.name, text + "; is its disk full, or does it not answer?")]
    }

    /// Whether frames become masks, and masks go out.
    private mutating func masks(_ camera: HealthFacts.Camera, _ engine: Engine) -> [ServiceHealth.Problem] {
        let name = camera.name
        let isLive = camera.state == "live"
        func count(_ number: Int, _ isWanted: Bool) -> UInt64? { isWanted ? UInt64(clamping: number) : nil }
        // What comes is either replaced by something newer, or waits.
        let unanswered = watch.stood("answers \(name)", at: count(camera.answered, isLive), during: camera.taken)
        let sent = watch.stood(
            "masks \(name)", at: count(camera.valid + camera.blind, camera.sendsBlind && camera.state != "ended"))
        let unseen = watch.stood("valid \(name)", at: count(camera.valid, isLive), during: camera.taken)
        // Where the network hangs, that is said already.
        if unanswered.time > engine.patience, engine.stood < unanswered.time / 2,
            unanswered.activity >= 2 || (!camera.sendsBlind && camera.underWay > 0)
        {
            return [
                .init(
                    .camera, .dead, camera: name,
                    "\(name): frames come, and none became a mask for \(Self.seconds(unanswered.time))")
            ]
        }
        // A slow camera sends nothing between two frames; one without frames sends blind masks.
        if sent.time > patience, !isLive {
            return [
                .init(
                    .camera, .dead, camera: name,
                    "\(name): no mask went out for \(Self.seconds(sent.time)), not even a blind one")
            ]
        }
        if unseen.time > min(Self.notice, patience), unseen.activity >= 3 {
            let why =
                camera.ageOnArrival.map {
                    "they are \($0 / 1_000_000) ms old when they come, by their time stamps: is the camera's clock right "
                        + "(NTP), are they held up on the way?"
                } ?? "is the network too slow for max_age_ms?"
            return [
                .init(
                    .camera, .unready, camera: name,
                    "\(name): frames come, and there was no valid mask for \(Self.seconds(unseen.time)); \(why)")
            ]
        }
        return []
    }

    /// Whether masks reach the readers of a socket.
    private mutating func judge(
        _ socket: HealthFacts.Socket, of camera: HealthFacts.Camera
    ) -> [ServiceHealth.Problem] {
        let path = socket.path
        let masks = camera.valid + camera.blind
        let unoffered = watch.stood("offered \(path)", at: socket.offered, during: masks)
        let waiting = watch.stood("waiting \(path)", at: socket.waitingSince).time
        let hasReaders = socket.readers > 0
        let unsent = watch.stood(
            "sent \(path)", at: hasReaders ? socket.sent : nil, during: Int(clamping: socket.offered))
        if unoffered.time > patience, unoffered.activity >= 2 {
            return [
                .init(
                    .sockets, .dead, camera: camera.name,
                    "\(path): its readers were offered no mask for \(Self.seconds(unoffered.time)), though \(camera.name) "
                        + "has some")
            ]
        }
        if let severity = severity(waiting) {
            return [
                .init(
                    .sockets, severity, camera: camera.name,
                    "\(path): a mask has waited for its readers for \(Self.seconds(waiting))")
            ]
        }
        if let reason = socket.unreachable {
            return [.init(.sockets, .degraded, camera: camera.name, "\(path): readers cannot connect: \(reason)")]
        }
        if unsent.time > patience, unsent.activity >= 2 {
            let readers = socket.readers == 1 ? "its reader" : "none of its \(socket.readers) readers"
            return [
                .init(
                    .sockets, .degraded, camera: camera.name,
                    "\(path): \(readers) has \(socket.readers == 1 ? "not " : "")taken a mask for "
                        + "\(Self.seconds(unsent.time)); does it read?")
            ]
        }
        return []
    }

    private mutating func source(_ camera: HealthFacts.Camera) -> [ServiceHealth.Problem] {
        let isAway = !["live", "ended"].contains(camera.state)
        let stood = watch.stood("away \(camera.name)", at: isAway ? 0 : nil).time
        guard stood > min(Self.notice, patience) else { return [] }
        // What failed last may be long ago, and is not why pictures are refused.
        let what =
            camera.refusing.map { "its pictures come and have been refused (\($0)) for \(Self.seconds(stood))" }
            ?? "its source gives nothing (\(camera.state)) for \(Self.seconds(stood))"
            + (camera.cause.map { ": \($0)" } ?? "")
        return [.init(.camera, .degraded, camera: camera.name, "\(camera.name): \(what)")]
    }

    private mutating func recordings(_ camera: HealthFacts.Camera) -> [ServiceHealth.Problem] {
        camera.recordings.compactMap { recording in
            let stood = watch.stood(
                "recording \(camera.name) \(recording.path)",
                at: recording.failure == nil ? recording.written : nil, during: Int(clamping: recording.dropped))
            let reason: String
            if let failure = recording.failure {
                reason = failure
            } else if stood.time > patience, stood.activity >= 3 {
                reason = "nothing was written for \(Self.seconds(stood.time)); does its disk answer?"
            } else {
                return nil
            }
            return .init(
                .disk, .degraded, camera: camera.name, "\(camera.name): \(recording.path) is not recorded: \(reason)")
        }
    }

    // MARK: - What masks do not need

    private mutating func servers(_ facts: HealthFacts) -> [ServiceHealth.Problem] {
        var problems: [ServiceHealth.Problem] = []
        let servers: [(ServiceHealth.Area, String, RequestServerFacts?)] = [
            (.control, "the control socket", facts.control), (.http, "the HTTP port", facts.http),
        ]
        for (area, name, server) in servers {
            let silent = watch.stood("\(area) thread", at: server?.unansweredSince).time
            let answering = watch.stood("\(area) answer", at: server?.answeringSince).time
            if silent > Self.notice {
                problems.append(
                    .init(area, .degraded, "the thread of \(name) has stood still for \(Self.seconds(silent))"))
            } else if answering > Self.longestAnswer {
                problems.append(.init(area, .degraded, "\(name) has made one answer for \(Self.seconds(answering))"))
            } else if let code = server?.acceptFailure {
                problems.append(
                    .init(
                        area, .degraded,
                        "\(name) cannot accept connections: \(String(cString: strerror(code))); it tries again by itself"
                    ))
            }
        }
        return problems
    }

    private func log(_ facts: HealthFacts) -> [ServiceHealth.Problem] {
        let log = facts.log
        if let blocked = log.blockedSeconds, blocked > Double(Self.notice) / 1e9 {
            return [
                .init(
                    .log, .degraded,
                    "nobody has read the log (standard error) for \(Int(blocked)) s: \(log.queued) lines wait, "
                        + "\(log.dropped) were dropped")
            ]
        }
        guard let error = log.error else { return [] }
        return [
            .init(
                .log, .degraded,
                "the log cannot be written to standard error: \(error); \(log.dropped) lines were dropped")
        ]
    }

    private func resources(_ facts: HealthFacts) -> [ServiceHealth.Problem] {
        facts.limits.compactMap { use in
            guard use.limit > 0, use.used >= use.limit - use.limit / 10 else { return nil }
            let area: ServiceHealth.Area
            let amount: String
            switch use.kind {
            case .descriptors: (area, amount) = (.descriptors, "\(use.used) of \(use.limit) descriptors")
            case .threads: (area, amount) = (.threads, "\(use.used) of \(use.limit) threads")
            case .memory: (area, amount) = (.memory, "\(use.used >> 20) of \(use.limit >> 20) MiB of memory")
            }
            return .init(area, .degraded, "\(amount) are in use; allow more: \(use.setting)")
        }
    }
}
