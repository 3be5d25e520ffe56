import Operations

/// A service's report for people.
struct StatusText {
    private let report: ServiceReport

    init(_ report: ServiceReport) { self.report = report }

    /// The report in lines.
    var lines: String {
        var lines = [
            "segmentd \(report.version), up \(duration(report.uptimeS)), model \(report.model.name) at "
                + "\(report.engine.height)x\(report.engine.width), \(report.engine.threads) "
                + "thread\(report.engine.threads == 1 ? "" : "s"), \(report.engine.instructionSet)",
            "configuration \(report.configuration.path), revision \(report.configuration.revision)",
            "process \(report.process.pid): \((Double(report.process.rssBytes) / 1_048_576).fixed(0)) MiB, "
                + "\(report.process.fds) descriptors, \(report.process.threads) threads, "
                + "\(report.process.cpuSeconds.fixed(1)) s of CPU",
        ]
        let health = report.health
        let state = !health.isAlive ? "stands still" : health.isReady ? "serves masks" : "no masks to be had"
        if health.problems.isEmpty {
            lines.append("health: \(state)")
        } else {
            lines.append("health: \(state); what is wrong:")
            lines += health.problems.map { "  \($0.text)" }
        }
        if report.log.dropped > 0 {
            lines.append("log: \(report.log.dropped) line\(report.log.dropped == 1 ? "" : "s") dropped since the start")
        }
        if let error = report.configuration.error { lines.append("the last reload was refused:\n\(error)") }
        let header = ["camera", "state", "fps in", "out", "age p50", "p99 ms", "infer", "dropped", "blind", "clients"]
        let rows = report.cameras.map { camera in
            [
                camera.name, camera.source.state, camera.fpsIn.fixed(1), camera.fpsOut.fixed(1),
                camera.age.p50.fixed(1), camera.age.p99.fixed(1), (camera.stages["infer"]?.p50 ?? 0).fixed(1),
                "\(camera.drops.values.reduce(0, +))", "\(camera.blind.values.reduce(0, +))", "\(camera.clients)",
            ]
        }
        lines += [""] + TextTable.lines([header] + rows)
        for camera in report.cameras where camera.source.state != "live" {
            if let cause = camera.source.cause { lines.append("\(camera.name): \(cause)") }
        }
        for camera in report.cameras {
            for recording in camera.recordings {
                let error = recording.error.map { ": \($0)" } ?? ""
                lines.append(
                    "\(camera.name): \(recording.path) \(recording.state), \(recording.frames) frames, "
                        + "\((Double(recording.totalBytes) / 1_048_576).fixed(1)) MiB\(error)")
            }
        }
        return lines.joined(separator: "\n")
    }

    private func duration(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e12)))
        let parts = [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")]
        let first = parts.firstIndex { $0.0 > 0 } ?? 3
        return parts[first...].prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }
}
