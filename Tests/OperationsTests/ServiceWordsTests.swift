import Operations
import Testing

@Suite("What the service says")
struct ServiceWordsTests {
    @Test("repeats a message once an interval, with the number left out")
    func repeats() {
        var limit = RepeatLimit(interval: 60)
        #expect(limit.admit("a", at: 0) == 0)
        #expect(limit.admit("a", at: 1) == nil)
        #expect(limit.admit("a", at: 59) == nil)
        #expect(limit.admit("b", at: 59) == 0)
        #expect(limit.admit("a", at: 60) == 2)
        #expect(limit.admit("a", at: 61) == nil)
        #expect(limit.admit("a", at: 5) == 1)
    }

    @Test("tells of what was left out once its interval is over, even if nothing like it comes again")
    func overdue() {
        var limit = RepeatLimit(interval: 60)
        for time in 0..<5 { _ = limit.admit("a", at: UInt64(time)) }
        _ = limit.admit("b", at: 3)
        #expect(limit.overdue(at: 59).isEmpty)
        #expect(limit.overdue(at: 63).map(\.kind) == ["a"])
        #expect(limit.admit("a", at: 64) == 0 && limit.admit("b", at: 64) == 0)
        #expect(limit.overdue(at: 1000).isEmpty)
    }

    @Test("writes a number of messages an interval, and then how many were left out")
    func bursts() {
        var limit = BurstLimit(count: 2, interval: 60)
        var first: [BurstLimit.Decision] = []
        for time in 0..<5 { first.append(limit.admit("a", at: UInt64(time))) }
        #expect(first.map(\.isAdmitted) == [true, true, false, false, false])
        #expect(first.allSatisfy { $0.leftOut == 0 })
        #expect(limit.admit("b", at: 5) == BurstLimit.Decision(isAdmitted: true, leftOut: 0))
        #expect(limit.admit("a", at: 60) == BurstLimit.Decision(isAdmitted: true, leftOut: 3))
        #expect(limit.admit("a", at: 61) == BurstLimit.Decision(isAdmitted: true, leftOut: 0))
        #expect(limit.admit("a", at: 62) == BurstLimit.Decision(isAdmitted: false, leftOut: 0))
    }

    @Test(
        "writes numbers with as many digits as asked",
        arguments: [
            (0.0, 2, "0.00"), (1.005, 1, "1.0"), (0.999, 2, "1.00"), (-1.5, 1, "-1.5"), (-0.001, 1, "0.0"),
            (12_345.678, 0, "12346"), (2.05, 9, "2.050000000"), (.infinity, 2, "inf"), (3.14159, 3, "3.142"),
        ])
    func numbers(value: Double, digits: Int, expected: String) {
        #expect(value.fixed(digits) == expected)
    }

    @Test("finds the place of its sockets")
    func directory() {
        func place(_ environment: [String: String], isRoot: Bool) -> String {
            SocketDirectory.automatic(environment: { environment[$0] }, isRoot: isRoot)
        }
        #expect(place([:], isRoot: true) == "/run/segmentd")
        #expect(place(["XDG_RUNTIME_DIR": "/run/user/1000"], isRoot: true) == "/run/segmentd")
        #expect(place(["XDG_RUNTIME_DIR": "/run/user/1000"], isRoot: false) == "/run/user/1000/segmentd")
        #expect(place(["XDG_RUNTIME_DIR": ""], isRoot: false) == "/run/segmentd")
        let systemd = ["RUNTIME_DIRECTORY": "/run/segmentd:/run/other", "XDG_RUNTIME_DIR": "/run/user/1"]
        #expect(place(systemd, isRoot: false) == "/run/segmentd")
    }

    @Test("shows a source without its password", arguments: ["description", "debug", "dump"])
    func source(how: String) {
        let source = SourceText("rtsp://admin:canary@host/stream?token=canary")
        var shown = ""
        switch how {
        case "description": shown = "\(source)"
        case "debug": shown = String(reflecting: source)
        default: dump(source, to: &shown)
        }
        #expect(!shown.contains("canary") && shown.contains("host"))
    }
}
