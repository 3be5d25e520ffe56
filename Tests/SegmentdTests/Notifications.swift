import Foundation
import Glibc

/// A datagram socket as systemd's.
final class Notifications {
    let path: String
    private let descriptor: Int32

    init?(_ folder: TemporaryFolder) {
        path = folder.path("notify")
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { return nil }
    }

    deinit { close(descriptor) }

    /// All that was told, a line a message.
    private(set) var told = ""

    /// Takes what waits; says whether all that was told so far contains `text`.
    func hasTold(_ text: some RegexComponent) -> Bool {
        while true {
            let message = next()
            if message.isEmpty { break }
            told += message + "\n"
        }
        return told.contains(text)
    }

    /// What waits, or an empty text.
    func next() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : ""
    }
}
