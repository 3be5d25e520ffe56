import Operations
import Testing

@Suite("The plan of a reload")
struct ReloadPlanTests {
    private func configuration(_ yaml: String) throws -> ServiceConfiguration {
        try ServiceConfiguration(yaml: yaml, file: "c.yaml")
    }

    private let cameras = """
        cameras:
          - {name: front, source: a.mp4}
          - {name: rear, source: b.mp4}

        """

    private func plan(_ old: String, _ new: String) throws -> ReloadPlan {
        try ReloadPlan(from: configuration(old), to: configuration(new))
    }

    @Test("is empty where only words and order of keys differ")
    func nothing() throws {
        let plan = try plan(
            cameras,
            "# a comment\nthreads: auto\ncameras:\n  - {source: a.mp4, name: front}\n  - {name: rear, source: b.mp4}\n")
        #expect(plan.isEmpty && plan.kept == ["front", "rear"] && plan.description == "nothing changes")
    }

    @Test("touches the camera that changed, and no other")
    func oneCamera() throws {
        let plan = try plan(
            cameras,
            """
            cameras:
              - {name: front, source: a.mp4, max_fps: 10}
              - {name: left, source: c.mp4}
              - {name: rear, source: b.mp4}
            """)
        #expect(plan.restarted == ["front"] && plan.started == ["left"] && plan.kept == ["rear"] && plan.stopped == [])
        #expect(!plan.loadsEngine && !plan.movesSockets && !plan.changesAccess && !plan.changesHTTP)
        #expect(plan.description == "restarts front, starts left; keeps rear")
    }

    @Test("stops what is no more")
    func removed() throws {
        let plan = try plan(cameras, "cameras:\n  - {name: rear, source: b.mp4}\n")
        #expect(plan.stopped == ["front"] && plan.kept == ["rear"] && plan.description == "stops front; keeps rear")
    }

    @Test(
        "restarts every camera where all of them depend on it",
        arguments: [
            "size: 512x512\n", "threads: 3\n", "model: other.safetensors\n", "cpu_features: scalar\n",
            "fit: crop\n", "sockets: {directory: /tmp/elsewhere}\n",
        ])
    func everything(change: String) throws {
        let plan = try plan(cameras, change + cameras)
        #expect(plan.restarted == ["front", "rear"] && plan.kept.isEmpty)
    }

    @Test("loads the network anew where the model file was replaced under its name")
    func replacedModel() throws {
        let same = try configuration(cameras)
        let plan = ReloadPlan(from: same, to: same, isModelReplaced: true)
        #expect(plan.loadsEngine && plan.restarted == ["front", "rear"] && plan.kept.isEmpty)
        #expect(plan.changes.first == "loads the network anew")
    }

    @Test(
        "leaves cameras alone where it is nothing to them",
        arguments: [
            ("log_level: debug\n", "changes the log level"),
            ("report_interval_s: 5\n", "changes the interval of reports"),
            ("http: {port: 9100}\n", "changes the HTTP port"),
            ("sockets: {mode: 0600}\n", "changes who may connect to the sockets"),
            ("sockets: {allow_uids: [0, 33]}\n", "changes who may connect to the sockets"),
            ("control: {allow_uids: [7]}\n", "changes who may reload and take snapshots"),
            ("sockets: {max_clients: 3}\n", "changes who may connect to the sockets"),
        ])
    func settings(change: String, expected: String) throws {
        let plan = try plan(cameras, change + cameras)
        #expect(plan.kept == ["front", "rear"] && plan.restarted.isEmpty)
        #expect(plan.changes == [expected])
        #expect(plan.description == expected + "; keeps front, rear")
    }
}
