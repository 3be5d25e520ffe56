import Testing

@testable import MaskOutput

@Suite struct ClientStateTests {
    private func steps(_ client: ClientState<String>) -> String {
        switch client.step {
        case .wait: "wait"
        case .header(let from): "header \(from)"
        case .begin(let frame, let dropped): "begin \(frame) after \(dropped)"
        case .frame(let frame, let from): "frame \(frame) \(from)"
        }
    }

    @Test("A reader gets the header, then the next whole frame")
    func joins() {
        var client = ClientState<String>(stall: 100, headerSize: 10, now: 0)
        #expect(steps(client) == "header 0")
        client.sent(4, now: 1)
        #expect(steps(client) == "header 4")
        client.publish("a", position: 7, now: 2)
        #expect(steps(client) == "header 4")
        client.sent(6, now: 3)
        #expect(steps(client) == "begin a after 0")
        client.begin(size: 30)
        client.sent(29, now: 4)
        #expect(steps(client) == "frame a 29" && client.framesSent == 0)
        client.sent(1, now: 5)
        #expect(steps(client) == "wait" && client.framesSent == 1 && client.isIdle)
    }

    @Test("A reader that comes before the header waits for it without a deadline")
    func early() {
        var client = ClientState<String>(stall: 100, headerSize: nil, now: 0)
        #expect(steps(client) == "wait" && client.deadline == nil)
        client.announce(headerSize: 5, now: 900)
        #expect(steps(client) == "header 0" && client.deadline == 1000)
    }

    @Test("While a frame is on its way only the newest waits, and the drops are told with it")
    func drops() {
        var client = ClientState<String>(stall: 100, headerSize: 0, now: 0)
        client.sent(1, now: 0)
        client.publish("a", position: 1, now: 0)
        client.begin(size: 10)
        client.sent(5, now: 1)
        client.publish("b", position: 2, now: 2)
        client.publish("c", position: 3, now: 3)
        // Two more were lost on the way to "d".
        client.publish("d", position: 6, now: 4)
        #expect(steps(client) == "frame a 5")
        client.sent(5, now: 5)
        #expect(steps(client) == "begin d after 4")
        client.begin(size: 10)
        client.sent(10, now: 6)
        #expect(client.framesSent == 2 && client.framesDropped == 4)
        client.publish("e", position: 7, now: 7)
        #expect(steps(client) == "begin e after 0")
    }

    @Test("A reader is closed when it takes nothing for the stall time, counted from when something waited for it")
    func stalls() {
        var client = ClientState<String>(stall: 100, headerSize: nil, now: 0)
        #expect(!client.isStalled(now: 1_000_000))
        client.announce(headerSize: 1, now: 0)
        client.sent(1, now: 0)
        #expect(client.deadline == nil)
        client.publish("a", position: 1, now: 5000)
        #expect(client.deadline == 5100)
        client.begin(size: 10)
        client.sent(1, now: 5050)
        client.publish("b", position: 2, now: 5140)
        #expect(!client.isStalled(now: 5149))
        #expect(client.isStalled(now: 5150))
    }

    @Test("Bytes are never begun twice nor out of order, whatever the sizes sent")
    func whole() {
        var generator = Noise(state: 42)
        for _ in 0..<200 {
            var client = ClientState<Int>(stall: 100, headerSize: 3, now: 0)
            var received: [Int] = []
            var dropped: UInt64 = 0
            var position: UInt64 = 0
            var left = 0
            for _ in 0..<300 {
                if generator.next(3) == 0 {
                    position += UInt64(1 + generator.next(3))
                    client.publish(Int(position), position: position, now: 0)
                }
                switch client.step {
                case .wait: break
                case .header(let from): client.sent(min(1, 3 - from), now: 0)
                case .begin(let frame, let missed):
                    #expect(left == 0)
                    if let last = received.last { #expect(UInt64(frame) == UInt64(last) + missed + 1) }
                    dropped += missed
                    received.append(frame)
                    left = 1 + generator.next(50)
                    client.begin(size: left)
                case .frame(let frame, _):
                    #expect(frame == received.last)
                    let count = 1 + generator.next(left)
                    client.sent(count, now: 0)
                    left -= count
                }
            }
            #expect(received == received.sorted() && client.framesDropped == dropped)
            #expect(Int(client.framesSent) == received.count - (left > 0 ? 1 : 0))
        }
    }

    /// Numbers that are the same in every run.
    private struct Noise {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }
}

@Suite struct Y4MTextTests {
    @Test("Header and frame line stay within FFmpeg's limits, whatever the numbers")
    func limits() {
        for layout in [Y4MText.Layout.mono, .full, .halved] {
            let header = Y4MText.header(
                size: .init(height: 1_048_576, width: 1_048_576), frameRate: .init(2_147_483_647, 2_147_483_646),
                pixelAspect: .init(2_147_483_647, 65_537), layout: layout)
            #expect(header.count <= Y4MText.headerLimit)
        }
        let line = Y4MText.frameLine(
            .init(sequence: .max, captured: .max, latency: .max, dropped: .max, flags: .max))
        #expect(line.count < Y4MText.frameLimit)
    }

    @Test("The texts are those of wire.md")
    func texts() {
        let header = Y4MText.header(
            size: .init(height: 768, width: 1024), frameRate: .init(30, 1), pixelAspect: .init(1, 1), layout: .mono)
        #expect(
            String(decoding: header, as: UTF8.self)
                == "YUV4MPEG2 W1024 H768 F30:1 Ip A1:1 Cmono XCOLORRANGE=FULL XSEGMENTD=1\n")
        let line = Y4MText.frameLine(
            .init(sequence: 7, captured: 1_700_000_000_000_000_001, latency: 42, dropped: 3, flags: 10))
        #expect(
            String(decoding: line, as: UTF8.self) == "FRAME XS=7 XT=1700000000000000001 XL=42 XD=3 XF=a\n")
    }
}
