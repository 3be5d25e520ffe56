import Imaging
import Pipeline

/// The page at `/metrics`: a view of the service's report, and of the cameras' accounts from the service's start on.
public enum ServiceMetrics {
    /// What Prometheus is told that the page is.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The page. `accounts` are whole ones, by camera.
    public static func text(_ report: ServiceReport, accounts: [String: LedgerSnapshot]) -> String {
        var page = PrometheusText()
        service(report, &page)
        health(report, &page)
        cameras(report.cameras, &page)
        sockets(report.cameras, &page)
        latencies(report.cameras.map(\.name), accounts, &page)
        recordings(report.cameras, &page)
        return page.text
    }

    private static func service(_ report: ServiceReport, _ page: inout PrometheusText) {
        page.family("segmentd_info", .gauge, "Version, model and engine of the service; always 1.")
        page.sample(
            "segmentd_info",
            [
                "version": report.version, "model": report.model.name,
                "instruction_set": report.engine.instructionSet, "threads": "\(report.engine.threads)",
                "size": "\(report.engine.height)x\(report.engine.width)",
            ], 1)
        func one(_ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: Double) {
            page.family(name, kind, help)
            page.sample(name, [:], value)
        }
        one("segmentd_ready", .gauge, "1 once cameras, sockets and network are up.", report.isReady ? 1 : 0)
        one("segmentd_uptime_seconds", .gauge, "Seconds since the service started.", report.uptimeS)
        one(
            "segmentd_configuration_revision", .gauge, "Counts the configurations that were in force.",
            Double(report.configuration.revision))
        one(
            "segmentd_configuration_reload_failed", .gauge, "1 where the last reload was refused.",
            report.configuration.error == nil ? 0 : 1)
        let process = report.process
        one(
            "process_resident_memory_bytes", .gauge, "Resident memory size in bytes.", Double(process.rssBytes))
        one("process_open_fds", .gauge, "Number of open file descriptors.", Double(process.fds))
        one("process_threads", .gauge, "Number of threads.", Double(process.threads))
        one(
            "process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.",
            process.cpuSeconds)
    }

    private static func health(_ report: ServiceReport, _ page: inout PrometheusText) {
        func one(_ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: Double) {
            page.family(name, kind, help)
            page.sample(name, [:], value)
        }
        let health = report.health
        one("segmentd_healthy", .gauge, "1 where nothing is wrong.", health.problems.isEmpty && health.isAlive ? 1 : 0)
        one("segmentd_live", .gauge, "1 where /live answers 200, and the watchdog is fed.", health.isAlive ? 1 : 0)
        one(
            "segmentd_serving", .gauge, "1 where /ready answers 200: masks can be had of one camera at least.",
            health.isReady ? 1 : 0)
        page.family("segmentd_problems", .gauge, "What is wrong, by what it is of: how many problems.")
        for area in ServiceHealth.Area.allCases {
            page.sample(
                "segmentd_problems", ["area": area.rawValue], Double(health.problems.count { $0.area == area }))
        }
        one(
            "segmentd_log_dropped_lines_total", .counter, "Lines of the log that were dropped.",
            Double(report.log.dropped))
        one("segmentd_log_queued_lines", .gauge, "Lines of the log that wait to be written.", Double(report.log.queued))
        one(
            "segmentd_log_blocked_seconds", .gauge, "How long the log has waited for its reader; 0 where it does not.",
            report.log.blockedSeconds ?? 0)
        page.family("segmentd_server_clients", .gauge, "Connections to the control socket and the HTTP port.")
        for server in report.servers {
            page.sample("segmentd_server_clients", ["server": server.name], Double(server.clients))
        }
        page.family(
            "segmentd_server_refused_total", .counter, "Connections turned away, or closed to make room for others.")
        for server in report.servers {
            page.sample("segmentd_server_refused_total", ["server": server.name], Double(server.refused))
        }
        page.family(
            "segmentd_resource_limit", .gauge, "How much of something limited there may be: a number, or bytes.")
        for use in report.process.limits {
            page.sample("segmentd_resource_limit", ["resource": use.kind.rawValue], Double(use.limit))
        }
        page.family("segmentd_resource_used", .gauge, "How much of something limited is in use.")
        for use in report.process.limits {
            page.sample("segmentd_resource_used", ["resource": use.kind.rawValue], Double(use.used))
        }
    }

    private static func sockets(_ cameras: [CameraReport], _ page: inout PrometheusText) {
        func each(_ name: String, _ help: String, _ value: (CameraReport.Socket) -> UInt64) {
            page.family(name, .counter, help)
            for camera in cameras {
                for socket in camera.sockets {
                    page.sample(name, ["camera": camera.name, "path": socket.path], Double(value(socket)))
                }
            }
        }
        each("segmentd_socket_masks_offered_total", "Masks that the camera had for the readers of a socket.") {
            $0.offered
        }
        each("segmentd_socket_masks_sent_total", "Masks that went out whole, over all readers.") { $0.sent }
        each("segmentd_socket_masks_dropped_total", "Masks that readers missed, over all readers.") { $0.dropped }
        each("segmentd_socket_refused_readers_total", "Readers turned away.") { $0.refused }
        each("segmentd_socket_stalled_readers_total", "Readers closed because they took nothing.") { $0.stalled }
    }

    private static func cameras(_ cameras: [CameraReport], _ page: inout PrometheusText) {
        func each(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: (CameraReport) -> Double?
        ) {
            page.family(name, kind, help)
            for camera in cameras {
                if let value = value(camera) { page.sample(name, ["camera": camera.name], value) }
            }
        }
        func counts(
            _ name: String, _ kind: PrometheusText.Kind, _ label: String, _ help: String,
            _ values: (CameraReport) -> [String: Double]
        ) {
            page.family(name, kind, help)
            for camera in cameras {
                for (key, value) in values(camera).sorted(by: { $0.key < $1.key }) {
                    page.sample(name, ["camera": camera.name, label: key], value)
                }
            }
        }
        page.family("segmentd_source_state", .gauge, "1 for the state that the camera's source is in, else 0.")
        for camera in cameras {
            let states =
                sourceStates.contains(camera.source.state) ? sourceStates : sourceStates + [camera.source.state]
            for state in states {
                page.sample(
                    "segmentd_source_state", ["camera": camera.name, "state": state],
                    state == camera.source.state ? 1 : 0)
            }
        }
        each("segmentd_source_reconnects_total", .counter, "How often the source came back.") {
            Double($0.source.reconnects)
        }
        each(
            "segmentd_source_last_recovery_seconds", .gauge, "From the last loss to the first good frame after it."
        ) { $0.source.lastRecoverySeconds }
        counts(
            "segmentd_source_refused_frames_total", .counter, "cause", "Frames refused as no picture of the street."
        ) { $0.source.refused.mapValues { Double($0) } }
        each("segmentd_frames_decoded_total", .counter, "Frames decoded.") { Double($0.arrived) }
        each("segmentd_masks_published_total", .counter, "Valid masks sent.") { Double($0.published) }
        counts("segmentd_frames_dropped_total", .counter, "reason", "Frames without a valid mask.") {
            $0.drops.mapValues { Double($0) }
        }
        counts("segmentd_blind_masks_total", .counter, "cause", "Blind masks sent.") {
            $0.blind.mapValues { Double($0) }
        }
        each("segmentd_frames_per_second", .gauge, "Frames decoded a second, over the last seconds.") { $0.fpsIn }
        each("segmentd_masks_per_second", .gauge, "Valid masks sent a second, over the last seconds.") { $0.fpsOut }
        each("segmentd_mask_age_seconds", .gauge, "Now less the capture of the last frame that has a valid mask.") {
            $0.lastAge.map { $0 / 1000 }
        }
        each("segmentd_clients", .gauge, "Programs that read the camera's sockets.") { Double($0.clients) }
        counts("segmentd_class_share", .gauge, "class", "The part of the last mask's pixels that a class has.") {
            $0.classes
        }
    }

    private static let sourceStates = ["connecting", "live", "stalled", "corrupt", "waiting", "ended"]

    private static func latencies(
        _ cameras: [String], _ accounts: [String: LedgerSnapshot], _ page: inout PrometheusText
    ) {
        let name = "segmentd_latency_seconds"
        page.family(name, .histogram, "From capture to publish.")
        for camera in cameras {
            guard let account = accounts[camera] else { continue }
            histogram(name, account.endToEnd, camera: camera, stage: nil, &page)
        }
        let stages = "segmentd_stage_seconds"
        page.family(stages, .histogram, "How long each stage took for a frame.")
        for camera in cameras {
            guard let account = accounts[camera] else { continue }
            for stage in Stage.allCases {
                histogram(stages, account[stage], camera: camera, stage: stage.name, &page)
            }
        }
    }

    private static func histogram(
        _ name: String, _ summary: LatencySummary, camera: String, stage: String?, _ page: inout PrometheusText
    ) {
        func sample(_ suffix: String, bound: String?, _ value: Double) {
            switch (stage, bound) {
            case (let stage?, let bound?):
                page.sample(name + suffix, ["camera": camera, "stage": stage, "le": bound], value)
            case (let stage?, nil): page.sample(name + suffix, ["camera": camera, "stage": stage], value)
            case (nil, let bound?): page.sample(name + suffix, ["camera": camera, "le": bound], value)
            case (nil, nil): page.sample(name + suffix, ["camera": camera], value)
            }
        }
        for (bound, count) in zip(LatencySummary.bounds, summary.atMost) {
            sample("_bucket", bound: PrometheusText.number(Double(bound) / 1e9), Double(count))
        }
        sample("_bucket", bound: "+Inf", Double(summary.count))
        sample("_sum", bound: nil, summary.sum / 1e9)
        sample("_count", bound: nil, Double(summary.count))
    }

    private static func recordings(_ cameras: [CameraReport], _ page: inout PrometheusText) {
        func each(
            _ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: (CameraReport.Recording) -> Double
        ) {
            page.family(name, kind, help)
            for camera in cameras {
                for recording in camera.recordings {
                    page.sample(name, ["camera": camera.name, "path": recording.path], value(recording))
                }
            }
        }
        each("segmentd_recording_bytes", .gauge, "Bytes of all files of a recording.") { Double($0.totalBytes) }
        each("segmentd_recording_frames_total", .counter, "Frames recorded.") { Double($0.frames) }
        each("segmentd_recording_dropped_frames_total", .counter, "Frames that were not recorded.") {
            Double($0.dropped)
        }
        each("segmentd_recording_running", .gauge, "1 where the recording runs.") { $0.state == "recording" ? 1 : 0 }
    }
}
