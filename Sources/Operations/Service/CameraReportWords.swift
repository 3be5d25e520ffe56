import Imaging
import MaskOutput
import Pipeline
import VideoInput

extension CameraReport {
    /// The report on a camera: counts out of `total`, rates and times out of `recent`.
    public init(
        name: String, source: Source, stream: StreamInfo?, total: LedgerSnapshot, recent: LedgerSnapshot, clients: Int,
        sockets: [Socket] = [], recordings: [Recording] = []
    ) {
        self.name = name
        self.source = source
        self.stream = stream.map { Stream($0) }
        fpsIn = recent.arrivalsPerSecond
        fpsOut = recent.framesPerSecond
        arrived = total.arrived
        published = total.published
        lastAge = total.age.map { Double($0) / 1e6 }
        age = Latency(recent.endToEnd)
        stages = Dictionary(uniqueKeysWithValues: Stage.allCases.map { ($0.name, Latency(recent[$0])) })
        drops = Dictionary(uniqueKeysWithValues: total.dropped.map { ($0.key.rawValue, $0.value) })
        blind = Dictionary(uniqueKeysWithValues: total.blind.map { ($0.key.rawValue, $0.value) })
        self.clients = clients
        classes = total.classShares
        self.sockets = sockets
        self.recordings = recordings
    }

    /// A few words for `systemctl status`.
    public var status: String {
        let troubled = recordings.filter { ["disk_full", "failed"].contains($0.state) }
        let tail = troubled.map { ", \($0.path) \($0.state)" }.joined()
        guard fpsOut > 0 else { return "\(name) \(source.state)" + tail }
        return "\(name) \(fpsOut.fixed(1)) fps p99 \(age.p99.fixed(1)) ms"
            + (source.state == "live" ? "" : " \(source.state)") + tail
    }
}

extension CameraReport.Source {
    /// Takes over what the source says of itself, at `now` (nanoseconds of CLOCK_MONOTONIC).
    mutating func take(_ status: SourceStatus, at now: UInt64) {
        state = status.state.rawValue
        sinceSeconds = status.since > 0 && now > status.since ? Double((now - status.since) / 1_000_000) / 1000 : nil
        location = status.location
        cause = status.cause
        attempts = Int(clamping: status.attempts)
        reconnects = status.reconnects
        lastRecoverySeconds = status.lastRecovery.map { Double($0 / 1_000_000) / 1000 }
        framesRead = status.framesRead
        refused = Dictionary(uniqueKeysWithValues: status.refused.map { ($0.key.rawValue, $0.value) })
    }
}

extension CameraReport.Socket {
    init(path: String, _ numbers: MaskSocket.Snapshot) {
        self.init(
            path: path, clients: numbers.clients, offered: numbers.offered, sent: numbers.framesSent,
            dropped: numbers.framesDropped, refused: numbers.refused, stalled: numbers.stalled,
            error: numbers.unreachable)
    }
}

extension CameraReport.Recording {
    init(_ snapshot: RecordingSnapshot) {
        self.init(
            path: snapshot.path, state: snapshot.state.rawValue, file: snapshot.file,
            bytes: UInt64(clamping: snapshot.bytes), totalBytes: UInt64(clamping: snapshot.totalBytes),
            frames: snapshot.frames, dropped: snapshot.dropped, finished: snapshot.finished, removed: snapshot.removed,
            error: snapshot.error)
    }
}

extension CameraReport.Latency {
    init(_ summary: LatencySummary) {
        func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds / 1000) / 1000 }
        self.init(
            count: summary.count, p50: milliseconds(summary.p50), p95: milliseconds(summary.p95),
            p99: milliseconds(summary.p99), max: milliseconds(summary.max))
    }
}

/// What is said of a camera in the log, once a minute and at the end.
struct CameraLine {
    /// Rate, latency, drops by reason.
    let text: String

    /// The line on a camera in `state` for the time of `account`, with so many `clients` now.
    init(state: String, clients: Int, account: LedgerSnapshot) {
        let tail = Self.drops(account) + Self.blind(account) + ", \(clients) client\(clients == 1 ? "" : "s")"
        guard account.published > 0 else {
            text = "\(state), no frames" + tail
            return
        }
        let latency = account.endToEnd
        text =
            "\(state), \(account.framesPerSecond.fixed(1)) fps, latency p50 \(Self.milliseconds(latency.p50)) ms p99 "
            + "\(Self.milliseconds(latency.p99)) ms, inference p50 \(Self.milliseconds(account[.infer].p50)) ms" + tail
    }

    private static func drops(_ account: LedgerSnapshot) -> String {
        guard account.droppedInAll > 0 else { return "" }
        let reasons = DropReason.allCases.compactMap { reason in
            account.dropped[reason].map { "\(reason.rawValue) \($0)" }
        }
        return ", \(account.droppedInAll) frames without a mask (\(reasons.joined(separator: ", ")))"
    }

    private static func blind(_ account: LedgerSnapshot) -> String {
        let causes = BlindCause.allCases.compactMap { cause in
            account.blind[cause].map { "\(cause.rawValue) \($0)" }
        }
        guard !causes.isEmpty else { return "" }
        return ", \(account.blind.values.reduce(0, +)) blind masks (\(causes.joined(separator: ", ")))"
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String { (Double(nanoseconds) / 1e6).fixed(1) }
}
