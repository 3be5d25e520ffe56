/// One client of a line server, and what comes next for it: decisions only, no system calls, no clock of its own.
///
/// A client asks in lines and gets a line for each, in order. While one is being answered nothing more is read from it,
/// so that a client can neither pile up questions nor answers. One that begins a line and does not end it, or does not
/// take its answer, is to be closed after `stall` nanoseconds; one that asks nothing after `idle`.
struct LineConversation: ClientConversation {
    /// Bounds of a conversation.
    struct Limits {
        /// Bytes of a line, its end not counted.
        var line = 65_536
        /// Nanoseconds.
        var stall: UInt64
        /// Nanoseconds.
        var idle: UInt64 = 600_000_000_000
    }

    private let limits: Limits
    private let tooLong: [UInt8]
    private var input: [UInt8] = []
    /// What is left to send.
    private(set) var output: ArraySlice<UInt8> = []
    private var isWaiting = false
    private var hasEnded = false
    private var isClosing = false
    private var progress: UInt64

    /// A client that has just come. `tooLong` is the answer to a line beyond the limit.
    init(limits: Limits, tooLong: [UInt8] = [], now: UInt64) {
        self.limits = limits
        self.tooLong = tooLong
        progress = now
    }

    /// Whether what the client says is to be read now.
    var isListening: Bool {
        !isWaiting && output.isEmpty && !hasEnded && !isClosing && input.count <= limits.line
            && !input.contains(UInt8(ascii: "\n"))
    }

    /// The client said something.
    mutating func received(_ bytes: [UInt8], now: UInt64) {
        if input.isEmpty { progress = now }
        input += bytes
    }

    /// The client will say nothing more; what it began counts as a line.
    mutating func ended() { hasEnded = true }

    /// What to do now; a line is handed out once.
    mutating func step() -> ConversationStep {
        if !output.isEmpty { return .send }
        if isClosing { return .close }
        if isWaiting { return .wait }
        while let line = takeLine() {
            guard line.count <= limits.line else { break }
            let text = String(decoding: line, as: UTF8.self)
            if text.allSatisfy(\.isWhitespace) { continue }
            isWaiting = true
            return .answer(line: text)
        }
        if input.count > limits.line {
            input.removeAll()
            output = tooLong[...]
            isClosing = true
            return .send
        }
        return hasEnded ? .close : .read
    }

    private mutating func takeLine() -> [UInt8]? {
        if let end = input.firstIndex(of: UInt8(ascii: "\n")) {
            guard end <= limits.line else { return nil }
            defer { input.removeFirst(end + 1) }
            return Array(input[..<end])
        }
        guard hasEnded, !input.isEmpty, input.count <= limits.line else { return nil }
        defer { input.removeAll() }
        return input
    }

    /// The answer to the line that was handed out; its end is added where it has none.
    mutating func answered(_ bytes: [UInt8], now: UInt64) {
        guard isWaiting else { return }
        isWaiting = false
        progress = now
        output = bytes[...]
        if output.last != UInt8(ascii: "\n") { output.append(UInt8(ascii: "\n")) }
    }

    /// The client took `count` more bytes of the output.
    mutating func sent(_ count: Int, now: UInt64) {
        guard count > 0 else { return }
        output = output.dropFirst(count)
        progress = now
    }

    /// When the client is to be closed unless it does something; nil while it waits for us.
    var deadline: UInt64? {
        if isWaiting { return nil }
        return progress &+ (output.isEmpty && input.isEmpty ? limits.idle : limits.stall)
    }
}
