/// One connection of an HTTP port, and what comes next for it: decisions only, no system calls, no clock of its own.
///
/// A connection asks once and is closed after its answer. The head of the request has `stall` nanoseconds from the
/// connection on, however often a byte of it comes; a body is not read. An answer of which nothing is taken for `stall`
/// is given up.
struct HTTPConversation: ClientConversation {
    /// Bytes of a request's head.
    static let headLimit = 8192

    private enum Phase { case asking, waiting, answering, over }

    private let stall: UInt64
    private var phase = Phase.asking
    private var input: [UInt8] = []
    private var isHead = false
    private(set) var output: ArraySlice<UInt8> = []
    private var progress: UInt64
    private var hasEnded = false

    /// A client that has just come.
    init(stall: UInt64, now: UInt64) {
        self.stall = stall
        progress = now
    }

    var isListening: Bool { phase == .asking && !hasEnded }

    var deadline: UInt64? { phase == .waiting ? nil : progress &+ stall }

    mutating func received(_ bytes: [UInt8], now: UInt64) {
        guard phase == .asking else { return }
        input += bytes
    }

    mutating func ended() { hasEnded = true }

    mutating func step() -> ConversationStep {
        switch phase {
        case .waiting: return .wait
        case .answering: return .send
        case .over: return .close
        case .asking: break
        }
        guard let line = Self.requestLine(input) else {
            if input.count > Self.headLimit {
                return refuse(431, "a request's head is \(Self.headLimit) bytes at most")
            }
            return hasEnded ? .close : .read
        }
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/"),
            words[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return refuse(400, "expected GET /PATH HTTP/1.1") }
        isHead = words[0] == "HEAD"
        guard isHead || words[0] == "GET" else { return refuse(405, "only GET and HEAD are answered") }
        phase = .waiting
        return .answer(line: String(words[1].prefix { $0 != "?" }))
    }

    mutating func answered(_ bytes: [UInt8], now: UInt64) {
        guard phase == .waiting else { return }
        progress = now
        send(bytes)
    }

    mutating func sent(_ count: Int, now: UInt64) {
        guard count > 0, phase == .answering else { return }
        progress = now
        output = output.dropFirst(count)
        if output.isEmpty { phase = .over }
    }

    private mutating func refuse(_ status: Int, _ message: String) -> ConversationStep {
        send(HTTPResponse(status: status, body: message + "\n").bytes)
        return .send
    }

    private mutating func send(_ bytes: [UInt8]) {
        input.removeAll()
        output = bytes[...]
        if isHead, let end = Self.endOfHead(bytes) { output = bytes[..<end] }
        phase = output.isEmpty ? .over : .answering
    }

    /// The first line of a head that is whole; nil where it is not, or too long. Empty lines before it do not count.
    private static func requestLine(_ input: [UInt8]) -> String? {
        let start = input.firstIndex { $0 != 10 && $0 != 13 } ?? input.count
        let head = Array(input[start...])
        guard let end = endOfHead(head), end <= headLimit else { return nil }
        return String(decoding: head.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
    }

    /// Where the body begins: after an empty line.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        var lineStart = 0
        for (index, byte) in bytes.enumerated() where byte == 10 {
            let line = bytes[lineStart..<index]
            if line.isEmpty || line == [13] { return index + 1 }
            lineStart = index + 1
        }
        return nil
    }
}
