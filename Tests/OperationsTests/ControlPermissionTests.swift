import MaskOutput
import Operations
import Testing

@Suite("Who may do what at the control socket")
struct ControlPermissionTests {
    private let permission = ControlPermission(owner: 500, users: [1000], group: 44)

    @Test("facts are for everybody who is let in, even where the system does not say who it is")
    func facts() {
        for kind in ControlRequest.Kind.allCases where kind != .snapshot && kind != .reload {
            #expect(permission.refusal(of: kind, for: SocketPeer()) == nil)
            #expect(permission.refusal(of: kind, for: SocketPeer(pid: 1, uid: 33, groups: [33])) == nil)
        }
    }

    @Test(
        "reload and snapshot are for root, the service's user and those that are named",
        arguments: [
            (SocketPeer(pid: 1, uid: 0, groups: [0]), true), (SocketPeer(pid: 1, uid: 500, groups: [500]), true),
            (SocketPeer(pid: 1, uid: 1000, groups: [1000]), true),
            (SocketPeer(pid: 1, uid: 33, groups: [33, 44]), true),
            (SocketPeer(pid: 1, uid: 33, groups: [33, 45]), false), (SocketPeer(pid: 1, uid: 44, groups: []), false),
            (SocketPeer(groups: [44]), false), (SocketPeer(), false),
        ])
    func commands(peer: SocketPeer, isAllowed: Bool) {
        for kind in [ControlRequest.Kind.reload, .snapshot] {
            let refusal = permission.refusal(of: kind, for: peer)
            #expect((refusal == nil) == isAllowed)
            if let refusal { #expect("\(refusal)".contains("\(kind.rawValue) is refused")) }
        }
    }

    @Test("nobody but root and the owner may command unless the configuration names somebody")
    func defaults() {
        let permission = ControlPermission(owner: 500)
        let refusal = permission.refusal(of: .reload, for: SocketPeer(pid: 1, uid: 33, groups: [0, 33]))
        #expect(refusal.map { "\($0)".contains("control.allow_uids") && "\($0)".contains("use sudo") } == true)
    }
}
