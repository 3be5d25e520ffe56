import Logging
import Operations
import Synchronization
import Testing

@Suite("The service's log")
struct ServiceLogTests {
    /// Keeps what was written.
    final class Lines: Sendable {
        private let written = Mutex("")
        var text: String { written.withLock { $0 } }
        func add(_ lines: String) { written.withLock { $0 += lines } }
    }

    @Test("gives journald the priority of each level")
    func priorities() {
        let lines = Lines()
        let logger = ServiceLog.logger(style: .journal, level: .trace) { lines.add($0) }
        for level in Logger.Level.allCases { logger.log(level: level, "m") }
        #expect(lines.text == "<7>m\n<7>m\n<6>m\n<5>m\n<4>m\n<3>m\n<2>m\n")
    }

    @Test("names the camera first and other facts last, and leaves out what is below its level")
    func metadata() {
        let lines = Lines()
        var logger = ServiceLog.logger(style: .journal, level: .info) { lines.add($0) }
        logger[metadataKey: "camera"] = "front"
        logger.debug("unseen")
        logger.warning("lost", metadata: ["b": "2", "a": "1"])
        #expect(lines.text == "<4>front: lost (a 1, b 2)\n")
    }

    @Test("gives each line of a message the priority, so that none slips through")
    func severalLines() {
        let lines = Lines()
        let logger = ServiceLog.logger(style: .journal, level: .info) { lines.add($0) }
        logger.error("one\ntwo")
        #expect(lines.text == "<3>one\n<3>two\n")
    }

    @Test("writes a warning that repeats itself once, counts the others, and keeps the service's own errors")
    func repeats() {
        let lines = Lines()
        var logger = ServiceLog.logger(style: .journal, level: .info) { lines.add($0) }
        for index in 0..<5 { logger.warning("reader \(index) was closed") }
        logger.warning("something else")
        for _ in 0..<2 { logger.error("the file is wrong") }
        logger[metadataKey: "camera"] = "front"
        for index in 0..<3 { logger.error("disk full at frame \(index)") }
        for _ in 0..<2 { logger.notice("reading") }
        #expect(
            lines.text == """
                <4>reader 0 was closed
                <4>something else
                <3>the file is wrong
                <3>the file is wrong
                <3>front: disk full at frame 0
                <5>front: reading
                <5>front: reading

                """)
    }

    @Test("changes its level while it is used")
    func level() {
        let lines = Lines()
        let shared = ServiceLog.Shared(level: .info)
        let logger = ServiceLog.logger(style: .journal, shared: shared) { lines.add($0) }
        logger.debug("unseen")
        shared.threshold = .debug
        logger.debug("seen")
        #expect(lines.text == "<7>seen\n")
    }

    @Test("gives people the time in UTC and the level")
    func plain() {
        let lines = Lines()
        let logger = ServiceLog.logger(style: .plain, level: .info) { lines.add($0) }
        logger.notice("up")
        #expect(lines.text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z notice up\n/) != nil)
    }
}
