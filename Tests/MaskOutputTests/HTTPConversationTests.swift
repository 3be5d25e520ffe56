import Testing

@testable import MaskOutput

@Suite("A connection of the HTTP port") struct HTTPConversationTests {
    private func conversation() -> HTTPConversation { HTTPConversation(stall: 5, now: 100) }

    /// What comes next after `text`, and what is sent.
    private func answer(_ text: String) -> (step: ConversationStep, output: String) {
        var client = conversation()
        client.received(Array(text.utf8), now: 100)
        let step = client.step()
        return (step, String(decoding: client.output, as: UTF8.self))
    }

    @Test("asks for a path, is answered once, and is closed")
    func once() {
        var client = conversation()
        #expect(client.step() == .read && client.isListening)
        client.received(Array("GET /live?x=1 HTTP/1.1\r\nHost: a\r\n".utf8), now: 101)
        #expect(client.step() == .read)
        client.received(Array("\r\nGET /again HTTP/1.1\r\n\r\n".utf8), now: 102)
        #expect(client.step() == .answer(line: "/live"))
        #expect(client.step() == .wait && !client.isListening && client.deadline == nil)
        client.answered(HTTPResponse(status: 200, body: "live\n").bytes, now: 200)
        #expect(client.step() == .send && client.deadline == 205)
        #expect(String(decoding: client.output, as: UTF8.self).hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(String(decoding: client.output, as: UTF8.self).hasSuffix("\r\n\r\nlive\n"))
        client.sent(client.output.count - 1, now: 201)
        #expect(client.step() == .send && client.deadline == 206)
        client.sent(1, now: 202)
        #expect(client.step() == .close)
    }

    @Test("has a fixed time for its request, however slowly it speaks")
    func slow() {
        var client = conversation()
        for (time, byte) in "GET / H".utf8.enumerated() {
            client.received([byte], now: 100 + UInt64(time))
            #expect(client.step() == .read && client.deadline == 105)
        }
    }

    @Test("gets the head alone where it asks for the head")
    func head() {
        var client = conversation()
        client.received(Array("HEAD /live HTTP/1.0\n\n".utf8), now: 100)
        #expect(client.step() == .answer(line: "/live"))
        client.answered(HTTPResponse(status: 200, body: "live\n").bytes, now: 100)
        let text = String(decoding: client.output, as: UTF8.self)
        #expect(text.hasSuffix("\r\n\r\n") && text.contains("Content-Length: 5\r\n"))
    }

    @Test(
        "is refused where it does not speak HTTP, or says too much",
        arguments: [
            ("POST /live HTTP/1.1\r\n\r\n", "405"), ("DELETE /live HTTP/1.1\r\nContent-Length: 9\r\n\r\n", "405"),
            ("hello\r\n\r\n", "400"), ("GET /live\r\n\r\n", "400"), ("GET live HTTP/1.1\r\n\r\n", "400"),
            ("GET /a b HTTP/1.1\r\n\r\n", "400"), ("GET /\u{7F} HTTP/1.1\r\n\r\n", "400"),
            ("GET http://x/live HTTP/1.1\r\n\r\n", "400"), ("GET /live HTTP/2\r\n\r\n", "400"),
            ("\u{0}\u{16}\u{3}\r\n\r\n", "400"), (String(repeating: "x", count: 9000), "431"),
            ("GET / HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 2000), "431"),
        ])
    func refused(text: String, status: String) {
        let (step, output) = answer(text)
        #expect(step == .send)
        #expect(output.hasPrefix("HTTP/1.1 \(status) "), "\(output)")
    }

    @Test("is closed where it leaves before it has asked")
    func leaves() {
        var client = conversation()
        client.received(Array("GET /live".utf8), now: 100)
        client.ended()
        #expect(client.step() == .close)
    }
}
