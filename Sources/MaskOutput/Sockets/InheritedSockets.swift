import Glibc
import Synchronization

/// The sockets that systemd opened and handed to the process when it started it (socket activation), by their names.
///
/// Each is lent to whoever opens its path, as often as it is opened: the descriptors stay open, so that a socket that
/// was closed by a reload can be opened again.
public final class InheritedSockets: Sendable {
    /// One socket that was handed over.
    public struct Entry: Hashable, Sendable {
        /// The descriptor.
        public let descriptor: Int32
        /// `FileDescriptorName=` of the socket unit.
        public let name: String
        /// Where it listens; nil for an abstract address or none.
        public let path: String?

        /// A listening socket `descriptor` called `name` at `path`.
        public init(descriptor: Int32, name: String, path: String?) {
            self.descriptor = descriptor
            self.name = name
            self.path = path
        }
    }

    /// What was handed over and can be used: listening stream sockets of the Unix family.
    public let entries: [Entry]
    /// What was handed over and cannot be used, a sentence each.
    public let problems: [String]
    private let lent = Mutex<Set<Int32>>([])

    /// The sockets in `entries`.
    public init(entries: [Entry], problems: [String] = []) {
        self.entries = entries
        self.problems = problems
    }

    /// What systemd's environment variables LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES tell this process.
    public convenience init(
        environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }, pid: Int32 = getpid()
    ) {
        guard environment("LISTEN_PID") == "\(pid)", let count = environment("LISTEN_FDS").flatMap({ Int32($0) }),
            (1...1024).contains(count)
        else {
            self.init(entries: [])
            return
        }
        let names = (environment("LISTEN_FDNAMES") ?? "").split(separator: ":", omittingEmptySubsequences: false)
        var entries: [Entry] = []
        var problems: [String] = []
        for index in 0..<count {
            let descriptor = 3 + index
            let name = Int(index) < names.count ? String(names[Int(index)]) : ""
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if UnixSocket.isListening(descriptor) {
                entries.append(Entry(descriptor: descriptor, name: name, path: UnixSocket.path(of: descriptor)))
            } else {
                problems.append(
                    "descriptor \(descriptor) (\(name)) that systemd handed over is no listening Unix stream socket: "
                        + "use ListenStream= with a path")
            }
        }
        self.init(entries: entries, problems: problems)
    }

    /// The socket for `path`: the one that listens there, else the one whose unit gives it the file's name.
    public func descriptor(for path: String) -> Int32? {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        let found =
            entries.first { $0.path == path } ?? entries.first { $0.name == file }
            ?? entries.first { $0.path?.split(separator: "/").last.map(String.init) == file }
        guard let found else { return nil }
        lent.withLock { _ = $0.insert(found.descriptor) }
        return found.descriptor
    }

    /// Sockets that nobody has opened yet.
    public var unused: [Entry] {
        let lent = lent.withLock { $0 }
        return entries.filter { !lent.contains($0.descriptor) }
    }
}
