import Testing

@testable import MaskOutput

@Suite("A conversation in lines") struct LineConversationTests {
    private let second: UInt64 = 1_000_000_000

    private func conversation(line: Int = 20) -> LineConversation {
        LineConversation(limits: .init(line: line, stall: 5 * second, idle: 60 * second), tooLong: refusal, now: 0)
    }

    private let refusal = Array("too long\n".utf8)

    @Test("answers line after line, reading nothing while one is being answered")
    func turns() {
        var client = conversation()
        #expect(client.step() == .read && client.isListening)
        client.received(Array("one\ntw".utf8), now: 1)
        #expect(client.step() == .answer(line: "one"))
        #expect(client.step() == .wait && !client.isListening)
        client.answered(Array("1".utf8), now: 2)
        #expect(client.step() == .send && Array(client.output) == Array("1\n".utf8))
        client.sent(1, now: 3)
        #expect(client.step() == .send && !client.isListening)
        client.sent(1, now: 3)
        #expect(client.step() == .read && client.isListening)
        client.received(Array("o\n \n\r\nthree\n".utf8), now: 4)
        #expect(client.step() == .answer(line: "two"))
        client.answered(Array("2\n".utf8), now: 4)
        client.sent(2, now: 4)
        #expect(client.step() == .answer(line: "three"))
    }

    @Test("takes what was begun at the end of the client's words as a line, answers it, and closes")
    func end() {
        var client = conversation()
        client.received(Array("last".utf8), now: 0)
        client.ended()
        #expect(client.step() == .answer(line: "last"))
        client.answered(Array("x".utf8), now: 1)
        client.sent(2, now: 1)
        #expect(client.step() == .close)
    }

    @Test("refuses a line beyond the limit, whether it has ended or not, and closes", arguments: ["", "\n"])
    func tooLong(end: String) {
        var client = conversation()
        client.received(Array((String(repeating: "x", count: 20) + "\n").utf8), now: 0)
        #expect(client.step() == .answer(line: String(repeating: "x", count: 20)))
        client.answered([], now: 0)
        client.sent(1, now: 0)
        client.received(Array((String(repeating: "x", count: 21) + end).utf8), now: 0)
        #expect(client.step() == .send && Array(client.output) == refusal)
        client.sent(refusal.count, now: 0)
        #expect(client.step() == .close)
    }

    @Test("is over for who does not end a line, does not take an answer, or asks nothing for long")
    func deadlines() {
        var client = conversation()
        #expect(client.deadline == 60 * second)
        client.received([65], now: 10 * second)
        client.received([65], now: 14 * second)
        #expect(client.deadline == 15 * second, "a byte now and then is no progress")
        client.received([10], now: 14 * second)
        _ = client.step()
        #expect(client.deadline == nil, "it is we who take so long")
        client.answered([66, 66], now: 20 * second)
        #expect(client.deadline == 25 * second)
        client.sent(1, now: 22 * second)
        #expect(client.deadline == 27 * second)
        client.sent(2, now: 23 * second)
        #expect(client.deadline == 83 * second)
    }
}
