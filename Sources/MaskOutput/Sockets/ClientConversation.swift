/// One client of a `RequestServer`, and what comes next for it: decisions only, no system calls, no clock of its own.
public protocol ClientConversation: Sendable {
    /// Whether what the client says is to be read now.
    var isListening: Bool { get }
    /// What is left to send.
    var output: ArraySlice<UInt8> { get }
    /// When the client is to be closed unless it does something, in nanoseconds; nil while it waits for the server.
    var deadline: UInt64? { get }
    /// The client said something.
    mutating func received(_ bytes: [UInt8], now: UInt64)
    /// The client will say nothing more.
    mutating func ended()
    /// What to do now; a request is handed out once.
    mutating func step() -> ConversationStep
    /// The answer to the request that was handed out.
    mutating func answered(_ bytes: [UInt8], now: UInt64)
    /// The client took `count` more bytes of the output.
    mutating func sent(_ count: Int, now: UInt64)
}

/// What to do for a client now.
public enum ConversationStep: Equatable, Sendable {
    /// Wait for the client to say something.
    case read
    /// Answer this request, then report `answered`.
    case answer(line: String)
    /// Wait for the answer.
    case wait
    /// Send the output from its beginning, then report `sent`.
    case send
    /// Close the connection.
    case close
}
