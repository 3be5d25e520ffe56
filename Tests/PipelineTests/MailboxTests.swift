import Dispatch
import Pipeline
import Synchronization
import Testing

@Suite("A mailbox between two stages")
struct MailboxTests {
    private func taken(_ mailbox: inout MailboxDecisions<Int>) -> Int? {
        if case .element(let element) = mailbox.take() { element } else { nil }
    }

    @Test("keeps order and makes the sender wait when every frame counts and it is full")
    func everyFrame() {
        var mailbox = MailboxDecisions<Int>(.everyFrame(capacity: 2))
        guard case .stored = mailbox.offer(1), case .stored = mailbox.offer(2), case .wait = mailbox.offer(3) else {
            Issue.record("two fit, the third waits")
            return
        }
        #expect(taken(&mailbox) == 1)
        guard case .stored = mailbox.offer(3) else {
            Issue.record("there is room again")
            return
        }
        #expect(taken(&mailbox) == 2)
        #expect(taken(&mailbox) == 3)
        #expect(taken(&mailbox) == nil)
    }

    @Test("hands back the older frame when the newest wins")
    func newest() {
        var mailbox = MailboxDecisions<Int>(.newest)
        guard case .stored = mailbox.offer(1), case .replaced(1) = mailbox.offer(2),
            case .replaced(2) = mailbox.offer(3)
        else {
            Issue.record("the newer one takes the place of the older")
            return
        }
        #expect(mailbox.count == 1)
        #expect(taken(&mailbox) == 3)
    }

    @Test("gives what waits after it was closed, then ends, and refuses what comes later")
    func closing() {
        var mailbox = MailboxDecisions<Int>(.everyFrame(capacity: 2))
        _ = mailbox.offer(1)
        mailbox.close()
        guard case .refused = mailbox.offer(2) else {
            Issue.record("a closed mailbox takes nothing")
            return
        }
        #expect(taken(&mailbox) == 1)
        guard case .ended = mailbox.take() else {
            Issue.record("it has ended")
            return
        }
    }

    @Test("hands back what waited when the receiver goes")
    func discarding() {
        var mailbox = MailboxDecisions<Int>(.everyFrame(capacity: 3))
        _ = mailbox.offer(1)
        _ = mailbox.offer(2)
        #expect(mailbox.discard() == [1, 2])
        guard case .refused = mailbox.offer(3), case .ended = mailbox.take() else {
            Issue.record("nothing goes in or out any more")
            return
        }
    }

    @Test("has room for one at least", arguments: [0, -3])
    func tinyCapacity(capacity: Int) {
        #expect(MailboxDecisions<Int>(.everyFrame(capacity: capacity)).capacity == 1)
    }

    @Test("loses and reorders nothing between two threads when every frame counts")
    func everyFrameAcrossThreads() {
        let mailbox = Mailbox<Int>(.everyFrame(capacity: 2))
        let count = 20_000
        DispatchQueue(label: "sender").async {
            for number in 0..<count { _ = mailbox.send(number) }
            mailbox.close()
        }
        var received: [Int] = []
        while let number = mailbox.receive() { received.append(number) }
        #expect(received == Array(0..<count))
    }

    @Test("receives or hands back every frame between two threads when the newest wins")
    func newestAcrossThreads() {
        let mailbox = Mailbox<Int>(.newest)
        let count = 20_000
        let replaced = Mutex<[Int]>([])
        DispatchQueue(label: "sender").async {
            for number in 0..<count {
                if case .replaced(let old) = mailbox.send(number) { replaced.withLock { $0.append(old) } }
            }
            mailbox.close()
        }
        var received: [Int] = []
        while let number = mailbox.receive() { received.append(number) }
        #expect(received == received.sorted())
        #expect(received.last == count - 1)
        #expect((received + replaced.withLock { $0 }).sorted() == Array(0..<count))
    }

    @Test("wakes a sender that waits when the receiver goes")
    func wakesSender() {
        let mailbox = Mailbox<Int>(.everyFrame(capacity: 1))
        let refused = DispatchSemaphore(value: 0)
        _ = mailbox.send(0)
        DispatchQueue(label: "sender").async {
            if case .refused = mailbox.send(1) { refused.signal() }
        }
        #expect(mailbox.discard().count == 1)
        refused.wait()
    }
}
