import Logging

/// Decides what the log says of the service's health: each problem when it comes, when it gets better or worse, and when
/// it is over. A pure value.
///
/// That a camera is away the camera itself has told, with its cause.
struct HealthLog: Sendable {
    /// A line of the log.
    struct Line: Equatable {
        var level: Logger.Level
        var text: String
    }

    private var before: [ServiceHealth.Problem] = []

    init() {}

    /// What is to be written now that the service is as `health` says. `isWatched`: systemd waits for the watchdog.
    mutating func lines(_ health: ServiceHealth, isWatched: Bool) -> [Line] {
        let problems = health.problems.filter { $0.area != .camera || $0.severity != .degraded }
        let fresh = problems.filter { problem in !before.contains { $0.isSame(as: problem) } }
        let over = before.filter { problem in
            !problems.contains { $0.area == problem.area && $0.camera == problem.camera }
        }
        before = problems
        return fresh.map { problem in
            switch problem.severity {
            case .dead:
                Line(level: .error, text: problem.text + (isWatched ? "; the watchdog is not fed" : ""))
            case .unready: Line(level: .error, text: problem.text)
            case .degraded: Line(level: .warning, text: problem.text)
            }
        } + over.map { Line(level: .notice, text: "over: \($0.text)") }
    }
}
