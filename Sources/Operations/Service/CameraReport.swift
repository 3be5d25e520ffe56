import Imaging
import Pipeline

/// What is said of a camera once a minute.
public struct CameraReport: Sendable {
    /// One line for the log: rate, latency, drops by reason.
    public let line: String
    /// A few words for `systemctl status`.
    public let status: String

    /// What is said of `camera`, which is in `phase`, for the time of `account`, and has
    /// so many `clients` now.
    public init(camera: String, phase: CameraService.Phase, clients: Int, account: LedgerSnapshot) {
        let rate = "\(account.framesPerSecond.fixed(1)) fps"
        guard account.published > 0 else {
            line = "\(phase.rawValue), no frames" + Self.drops(account) + Self.readers(clients)
            status = "\(camera) \(phase.rawValue)"
            return
        }
        let latency = account.endToEnd
        line =
            "\(phase.rawValue), \(rate), latency p50 \(Self.milliseconds(latency.p50)) ms p99 "
            + "\(Self.milliseconds(latency.p99)) ms, inference p50 \(Self.milliseconds(account[.infer].p50)) ms"
            + Self.drops(account) + Self.readers(clients)
        status = "\(camera) \(rate) p99 \(Self.milliseconds(latency.p99)) ms"
    }

    private static func drops(_ account: LedgerSnapshot) -> String {
        guard account.droppedInAll > 0 else { return "" }
        let reasons = DropReason.allCases.compactMap { reason in
            account.dropped[reason].map { "\(reason.rawValue) \($0)" }
        }
        return ", \(account.droppedInAll) frames without a mask (\(reasons.joined(separator: ", ")))"
    }

    private static func readers(_ clients: Int) -> String { ", \(clients) client\(clients == 1 ? "" : "s")" }

    private static func milliseconds(_ nanoseconds: UInt64) -> String { (Double(nanoseconds) / 1e6).fixed(1) }
}
