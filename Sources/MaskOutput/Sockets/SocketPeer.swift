import Glibc

/// Who is at the other end of a Unix socket, as the kernel says.
public struct SocketPeer: Hashable, Sendable {
    /// The process that connected; nil where the system does not tell.
    public var pid: Int32?
    /// Its user; nil where the system does not tell.
    public var uid: UInt32?
    /// The groups it was in: its own and the supplementary ones.
    public var groups: Set<UInt32>

    /// A peer with these facts.
    public init(pid: Int32? = nil, uid: UInt32? = nil, groups: Set<UInt32> = []) {
        self.pid = pid
        self.uid = uid
        self.groups = groups
    }

    /// Who is at the other end of `descriptor`.
    init(of descriptor: Int32) {
        // struct ucred: pid, uid, gid. A socket of another family has pid 0.
        var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
        var size = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, credentials.0 != 0 else {
            self.init()
            return
        }
        self.init(pid: credentials.0, uid: credentials.1, groups: Self.groups(of: descriptor).union([credentials.2]))
    }

    private static func groups(of descriptor: Int32) -> Set<UInt32> {
        // The kernel says how many there are where the room is too small.
        var groups = [UInt32](repeating: 0, count: 64)
        for _ in 0..<2 {
            var size = socklen_t(groups.count * MemoryLayout<UInt32>.size)
            let result = getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, &groups, &size)
            let count = Int(size) / MemoryLayout<UInt32>.size
            if result == 0 { return Set(groups.prefix(count)) }
            guard errno == ERANGE, count > groups.count else { return [] }
            groups = [UInt32](repeating: 0, count: count)
        }
        return []
    }
}
