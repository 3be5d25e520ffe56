import Foundation
import Imaging
import MaskOutput
import Operations
import Pipeline
import Testing

@Suite("The page of metrics")
struct ServiceMetricsTests {
    /// Ten frames of 12 to 120 ms, one dropped.
    private func ledger() -> LatencyLedger {
        let ledger = LatencyLedger()
        for index in 1...10 {
            let captured = UInt64(index) * 1_000_000_000
            let ended = captured + UInt64(index) * 12_000_000
            var stages = StageTimes()
            stages[.infer] = StageTimes.Interval(began: captured, ended: captured + 5_000_000)
            stages[.publish] = StageTimes.Interval(began: ended - 1, ended: ended)
            let stamp = FrameStamp(
                camera: "front", sequence: UInt64(index), mediaTime: nil,
                capture: CaptureTime(epochNanoseconds: 0, monotonicNanoseconds: captured, origin: .arrival))
            ledger.published(stamp, stages: stages)
        }
        ledger.dropped(.rateCap, count: 3)
        return ledger
    }

    private func report(_ account: LedgerSnapshot, camera: String = "front") -> ServiceReport {
        var source = CameraReport.Source(state: "live", location: "rtsp://***@h/x")
        source.reconnects = 2
        source.refused = ["corrupt": 4]
        return ServiceReport(
            version: "0.1.0", uptimeS: 12.5, isReady: true, model: .init(name: "street \"11\"\n", classes: 11),
            engine: .init(threads: 2, instructionSet: "avx2", height: 768, width: 1024),
            configuration: .init(path: "c.yaml", loadedNs: 1), process: .now(),
            cameras: [
                CameraReport(
                    name: camera, source: source, stream: nil, total: account, recent: account, clients: 3)
            ])
    }

    /// Every sample: name and labels, and value.
    private func samples(_ text: String) throws -> [String: Double] {
        var samples: [String: Double] = [:]
        var families: Set<String> = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("# TYPE ") {
                let name = String(line.split(separator: " ")[2])
                #expect(families.insert(name).inserted, "a family is told of once: \(name)")
                continue
            }
            if line.hasPrefix("#") { continue }
            let space = try #require(line.lastIndex(of: " "))
            let key = String(line[..<space])
            #expect(samples[key] == nil, "\(key) twice")
            let value: Double = try #require(Double(String(line[line.index(after: space)...])))
            samples[key] = value
            let name = key.prefix { $0 != "{" }
            let family = ["_bucket", "_sum", "_count"].reduce(String(name)) { name, suffix in
                name.hasSuffix(suffix) && families.contains(String(name.dropLast(suffix.count)))
                    ? String(name.dropLast(suffix.count)) : name
            }
            #expect(families.contains(family), "\(key) belongs to no family")
        }
        return samples
    }

    @Test("has the camera's counts, rates and shares under its name")
    func counts() throws {
        let account = ledger().snapshot()
        let page = try samples(ServiceMetrics.text(report(account), accounts: ["front": account]))
        #expect(page["segmentd_masks_published_total{camera=\"front\"}"] == 10)
        #expect(page["segmentd_frames_dropped_total{camera=\"front\",reason=\"rate_cap\"}"] == 3)
        #expect(page["segmentd_source_reconnects_total{camera=\"front\"}"] == 2)
        #expect(page["segmentd_source_refused_frames_total{camera=\"front\",cause=\"corrupt\"}"] == 4)
        #expect(page["segmentd_source_state{camera=\"front\",state=\"live\"}"] == 1)
        #expect(page["segmentd_source_state{camera=\"front\",state=\"stalled\"}"] == 0)
        #expect(page["segmentd_clients{camera=\"front\"}"] == 3)
        #expect((page["process_resident_memory_bytes"] ?? 0) > 1_000_000)
        #expect((page["process_open_fds"] ?? 0) >= 3 && (page["process_threads"] ?? 0) >= 1)
        #expect((page["process_cpu_seconds_total"] ?? 0) > 0)
    }

    @Test("tells what is wrong, what the log lost and who was turned away")
    func health() throws {
        var report = report(ledger().snapshot())
        report.health = ServiceHealth(
            problems: [.init(.log, .degraded, "nobody reads"), .init(.engine, .dead, "the network hangs")], sees: true)
        report.log = LogWriter.Snapshot(queued: 3, dropped: 4, blockedSeconds: 2.5)
        var facts = RequestServerFacts()
        facts.refused = 9
        report.servers = [.init(name: "http", facts)]
        report.process.limits = [ResourceUse(.descriptors, used: 12, limit: 64, setting: "")]
        let page = try samples(ServiceMetrics.text(report, accounts: [:]))
        #expect(page["segmentd_healthy"] == 0 && page["segmentd_live"] == 0 && page["segmentd_serving"] == 0)
        #expect(page["segmentd_problems{area=\"engine\"}"] == 1 && page["segmentd_problems{area=\"disk\"}"] == 0)
        #expect(page["segmentd_log_dropped_lines_total"] == 4 && page["segmentd_log_blocked_seconds"] == 2.5)
        #expect(page["segmentd_server_refused_total{server=\"http\"}"] == 9)
        #expect(page["segmentd_resource_limit{resource=\"descriptors\"}"] == 64)
        report.health = ServiceHealth(sees: true)
        let good = try samples(ServiceMetrics.text(report, accounts: [:]))
        #expect(good["segmentd_healthy"] == 1 && good["segmentd_live"] == 1 && good["segmentd_serving"] == 1)
    }

    @Test("/live and /ready answer 503 with the reasons where the service stands still")
    func pages() {
        var report = report(ledger().snapshot())
        func pages(_ health: ServiceHealth) -> StatusPages {
            report.health = health
            return StatusPages(report: { [report] in report }, health: { health }, metrics: { "" })
        }
        let good = pages(ServiceHealth(sees: true))
        #expect(good.page("/live") == HTTPResponse(status: 200, body: "live\n"))
        #expect(good.page("/ready") == HTTPResponse(status: 200, body: "front live\n"))
        let degraded = pages(ServiceHealth(problems: [.init(.log, .degraded, "nobody reads")], sees: true))
        #expect(degraded.page("/live").status == 200)
        #expect(degraded.page("/ready") == HTTPResponse(status: 200, body: "front live\ndegraded: nobody reads\n"))
        let unready = pages(ServiceHealth(problems: [.init(.engine, .unready, "it hangs")], sees: false))
        #expect(unready.page("/live").status == 200)
        #expect(unready.page("/ready") == HTTPResponse(status: 503, body: "front live\nunready: it hangs\n"))
        let dead = pages(ServiceHealth(problems: [.init(.engine, .dead, "it hangs")], sees: true))
        #expect(dead.page("/live") == HTTPResponse(status: 503, body: "it hangs\n"))
        #expect(dead.page("/ready").status == 503)
    }

    @Test("the line for systemd begins with what keeps masks back, and ends with what does not")
    func statusLine() {
        var report = report(ledger().snapshot())
        report.health = ServiceHealth(
            problems: [
                .init(.log, .degraded, "nobody reads"), .init(.camera, .degraded, camera: "rear", "rear: away"),
                .init(.engine, .unready, "it hangs"),
            ], sees: false)
        #expect(report.status.hasPrefix("it hangs; front ") && report.status.hasSuffix("; nobody reads"))
        #expect(!report.status.contains("rear"))
    }

    @Test("has histograms whose buckets rise to the count")
    func histograms() throws {
        let account = ledger().snapshot()
        let page = try samples(ServiceMetrics.text(report(account), accounts: ["front": account]))
        func bucket(_ bound: String) -> Double? {
            page["segmentd_latency_seconds_bucket{camera=\"front\",le=\"\(bound)\"}"]
        }
        // 12, 24, … 120 ms.
        #expect(bucket("0.01") == 0 && bucket("0.02") == 1 && bucket("0.05") == 4 && bucket("0.1") == 8)
        #expect(bucket("0.15") == 10 && bucket("10") == 10 && bucket("+Inf") == 10)
        #expect(page["segmentd_latency_seconds_count{camera=\"front\"}"] == 10)
        let sum = try #require(page["segmentd_latency_seconds_sum{camera=\"front\"}"])
        #expect(abs(sum - 0.66) < 0.001)
        #expect(page["segmentd_stage_seconds_bucket{camera=\"front\",stage=\"infer\",le=\"0.005\"}"] == 10)
        #expect(page["segmentd_stage_seconds_count{camera=\"front\",stage=\"decode\"}"] == 0)
    }

    @Test("escapes what Prometheus would stumble over")
    func escaping() throws {
        let account = ledger().snapshot()
        let text = ServiceMetrics.text(report(account), accounts: [:])
        #expect(text.contains(#"model="street \"11\"\n""#))
        _ = try samples(text)
    }

    @Test("the report itself is JSON that reads back the same")
    func json() throws {
        let report = report(ledger().snapshot())
        let json = try report.json()
        let back = try ServiceJSON.decode(ServiceReport.self, from: json)
        #expect(try back.json() == json)
        let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        #expect(object["uptime_s"] as? Double == 12.5 && object["ready"] as? Bool == true)
        #expect(!json.contains(UInt8(ascii: "\n")))
    }
}
