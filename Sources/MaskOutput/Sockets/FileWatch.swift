/// When a socket's file is looked at again, and what of it is told: each change once. Pure.
struct FileWatch {
    /// Nanoseconds between two looks: the longest time for which no reader can connect because of a removed file.
    static let interval: UInt64 = 1_000_000_000

    /// The moment of the next look.
    private(set) var due: UInt64
    /// Why the file is not there; nil where it is.
    private(set) var failure: OutputError?

    init(now: UInt64) { due = now &+ Self.interval }

    /// Looks with `restore` if it is time; the event to be told, if any.
    mutating func look(at path: String, now: UInt64, restore: () -> SocketClaim.FileState) -> SocketEvent? {
        guard now >= due else { return nil }
        due = now &+ Self.interval
        switch restore() {
        case .present:
            failure = nil
            return nil
        case .restored:
            failure = nil
            return .fileRestored(path: path)
        case .lost(let error):
            defer { failure = error }
            return error == failure ? nil : .fileLost(path: path, error)
        }
    }
}
