/// What has to be done to get from one configuration to another: no more than what differs.
public struct ReloadPlan: Equatable, Sendable, CustomStringConvertible {
    /// Cameras that are no more.
    public var stopped: [String] = []
    /// Cameras that are other ones now: their pipelines start anew; sockets that stay keep their readers.
    public var restarted: [String] = []
    /// Cameras that are new.
    public var started: [String] = []
    /// Cameras that nothing happens to.
    public var kept: [String] = []
    /// Whether another network, or the same one on something else, is loaded; all cameras start anew then.
    public var loadsEngine = false
    /// Whether the sockets move to another folder.
    public var movesSockets = false
    /// Whether who may connect, how many, or for how long they may stall has changed.
    public var changesAccess = false
    /// Whether who may do more at the control socket than look has changed.
    public var changesControl = false
    /// Whether the HTTP port changes.
    public var changesHTTP = false
    /// Whether other messages are logged.
    public var changesLog = false
    /// Whether reports come at another interval.
    public var changesReports = false

    /// The way from `old` to `new`; `isModelReplaced` where the same path holds another model than the one that runs.
    public init(from old: ServiceConfiguration, to new: ServiceConfiguration, isModelReplaced: Bool = false) {
        loadsEngine =
            isModelReplaced || old.model != new.model || old.size != new.size || old.threads != new.threads
            || old.cpuFeatures != new.cpuFeatures
        movesSockets = old.sockets.directory != new.sockets.directory
        var settings = old.sockets
        settings.directory = new.sockets.directory
        changesAccess = settings != new.sockets
        changesControl = old.control != new.control
        changesHTTP = old.http != new.http
        changesLog = old.logThreshold != new.logThreshold
        changesReports = old.reportIntervalSeconds != new.reportIntervalSeconds
        let former = Dictionary(old.cameras.map { ($0.name, $0) }) { first, _ in first }
        let names = Set(new.cameras.map(\.name))
        stopped = old.cameras.map(\.name).filter { !names.contains($0) }
        for camera in new.cameras {
            guard let before = former[camera.name] else {
                started.append(camera.name)
                continue
            }
            let isAnother = before != camera || loadsEngine || (movesSockets && !camera.sockets.isEmpty)
            if isAnother { restarted.append(camera.name) } else { kept.append(camera.name) }
        }
    }

    /// Whether there is nothing to do.
    public var isEmpty: Bool { changes.isEmpty }

    /// What is done, a few words each.
    public var changes: [String] {
        var changes: [String] = []
        if loadsEngine { changes.append("loads the network anew") }
        if movesSockets { changes.append("moves the sockets") }
        if changesAccess { changes.append("changes who may connect to the sockets") }
        if changesControl { changes.append("changes who may reload and take snapshots") }
        if changesHTTP { changes.append("changes the HTTP port") }
        if changesLog { changes.append("changes the log level") }
        if changesReports { changes.append("changes the interval of reports") }
        changes += stopped.map { "stops \($0)" } + restarted.map { "restarts \($0)" } + started.map { "starts \($0)" }
        return changes
    }

    /// `restarts front, starts rear; keeps left`.
    public var description: String {
        guard !isEmpty else { return "nothing changes" }
        return changes.joined(separator: ", ") + (kept.isEmpty ? "" : "; keeps " + kept.joined(separator: ", "))
    }
}
