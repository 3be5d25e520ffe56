import Foundation
import Glibc
import Operations
import Testing

@Suite("Telling systemd")
struct ServiceNotifierTests {
    @Test("sends one datagram to a path")
    func path() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "segmentd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let name = folder.appending(path: "notify").path(percentEncoded: false)
        let listener = try #require(NotifyListener(name))
        let notifier = ServiceNotifier(socket: name)
        #expect(notifier.notify(.ready, .status("2 cameras\nfront 30 fps")))
        #expect(listener.receive() == "READY=1\nSTATUS=2 cameras front 30 fps")
        #expect(notifier.notify(.watchdog))
        #expect(listener.receive() == "WATCHDOG=1")
    }

    @Test("sends to an abstract name")
    func abstract() throws {
        let name = "@segmentd-test-\(UUID().uuidString)"
        let listener = try #require(NotifyListener(name))
        #expect(ServiceNotifier(socket: name).notify(.stopping))
        #expect(listener.receive() == "STOPPING=1")
    }

    @Test(
        "takes the watchdog's interval from systemd's environment, where it is meant for this process",
        arguments: [
            (["WATCHDOG_USEC": "3000000"], 3_000_000_000),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], 3_000_000_000),
            (["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], nil), ([:], nil), (["WATCHDOG_USEC": "0"], nil),
            (["WATCHDOG_USEC": "-1"], nil), (["WATCHDOG_USEC": "soon"], nil),
            (["WATCHDOG_USEC": "18446744073709551615"], nil),
        ] as [([String: String], UInt64?)])
    func interval(variables: [String: String], expected: UInt64?) {
        #expect(ServiceNotifier.watchdogInterval(environment: { variables[$0] }, pid: 7) == expected)
    }

    @Test("does nothing where nobody listens", arguments: [nil, "", "relative", "/nonexistent/notify"])
    func nobody(name: String?) {
        #expect(!ServiceNotifier(socket: name).notify(.ready))
    }

    @Test("refuses a path too long for a socket")
    func tooLong() {
        #expect(!ServiceNotifier(socket: "/" + String(repeating: "x", count: 200)).notify(.ready))
    }
}
