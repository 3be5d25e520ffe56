import Glibc
import MaskOutput

/// Who may do more at the control socket than look: have the configuration read again, and fetch pictures. A pure value.
///
/// Whoever the socket's mode, group and `sockets.allow_uids` let in may ask for facts. Only root, the service's own user
/// and those that `control.allow_uids` and `control.group` name may do the rest.
public struct ControlPermission: Equatable, Sendable {
    /// The user that the service runs as.
    public var owner: UInt32
    /// Users that the configuration names.
    public var users: Set<UInt32>
    /// The group that the configuration names, by number; nil where it names none.
    public var group: UInt32?

    /// The service's own user and root, and those given.
    public init(owner: UInt32 = geteuid(), users: Set<UInt32> = [], group: UInt32? = nil) {
        self.owner = owner
        self.users = users
        self.group = group
    }

    /// What `configuration` says. A group that the machine does not have lets nobody in.
    public init(_ configuration: ServiceConfiguration.Control) {
        self.init(
            users: Set(configuration.allowedUsers.map { UInt32($0) }),
            group: configuration.group.flatMap { getgrnam($0)?.pointee.gr_gid })
    }

    /// Users that must be let in although `sockets.allow_uids` does not name them.
    var connecting: Set<UInt32> { users.union([0, owner]) }

    /// Why `peer` may not make a request of `kind`, with what to do; nil where it may.
    public func refusal(of kind: ControlRequest.Kind, for peer: SocketPeer) -> ControlError? {
        guard kind.needsPermission else { return nil }
        guard let uid = peer.uid else {
            return ControlError("\(kind.rawValue) is refused: the system does not say which user asks")
        }
        if connecting.contains(uid) || group.map({ peer.groups.contains($0) }) ?? false { return nil }
        return ControlError(
            "\(kind.rawValue) is refused to user \(uid): it is for root, the service's own user (\(owner)), and those whom "
                + "control.allow_uids and control.group in the configuration name; use sudo, or name the user there")
    }
}

extension ControlRequest.Kind {
    /// Whether it changes the service or gives pictures away; all others only tell facts.
    public var needsPermission: Bool {
        switch self {
        case .status, .labels, .palette, .geometry, .model, .metrics: false
        case .snapshot, .reload: true
        }
    }
}
