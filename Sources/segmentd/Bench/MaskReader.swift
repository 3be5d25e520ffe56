import Foundation
import Glibc
import Synchronization
import Threads

/// A reader at one of our sockets, on a thread of its own, that takes every frame as fast as it comes and keeps none.
final class MaskReader: Sendable {
    private let path: String
    private let frameBytes: Int
    private let descriptor: Int32
    private let arrived = MonotonicSemaphore()
    private let isGone = Atomic(false)
    private let last = Atomic<UInt64>(0)

    /// The reader got nothing, or something else than was sent.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Connects to the socket at `path`, whose frames have `frameBytes` bytes each.
    init(path: String, frameBytes: Int) throws(Failure) {
        self.path = path
        self.frameBytes = frameBytes
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(description: "\(path): too long a path for a socket; set TMPDIR to a shorter one")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard descriptor >= 0, connected == 0 else {
            throw Failure(description: "cannot read from \(path): \(String(cString: strerror(errno)))")
        }
        do {
            try NamedThread("reader") { [self] in read() }
        } catch {
            throw Failure(description: "\(error)")
        }
        try wait()
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Waits until the next frame is there with its last byte, and checks that it is the one of `sequence`.
    func frame(_ sequence: UInt64) throws(Failure) {
        try wait()
        let found = last.load(ordering: .acquiring)
        guard found == sequence else {
            throw Failure(description: "\(path): frame \(sequence) was sent and \(found) came")
        }
    }

    private func wait() throws(Failure) {
        guard arrived.wait(timeout: .now() + 30) == .success, !isGone.load(ordering: .acquiring) else {
            throw Failure(description: "\(path): nothing came")
        }
    }

    /// The header, then frame after frame, until the other end closes.
    private func read() {
        var bytes = Incoming(descriptor: descriptor)
        if bytes.line() != nil {
            arrived.signal()
            while let line = bytes.line(), bytes.skip(frameBytes) {
                let word = line.split(separator: " ").first { $0.hasPrefix("XS=") }
                last.store(word.flatMap { UInt64($0.dropFirst(3)) } ?? .max, ordering: .releasing)
                arrived.signal()
            }
        }
        isGone.store(true, ordering: .releasing)
        arrived.signal()
    }
}

/// What comes from a descriptor, a buffer at a time.
private struct Incoming {
    let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 1 << 18)
    private var rest = 0..<0

    init(descriptor: Int32) { self.descriptor = descriptor }

    private mutating func fill() -> Bool {
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            rest = 0..<max(0, count)
            return count > 0
        }
    }

    /// The bytes up to the next line feed; nil at the end.
    mutating func line() -> String? {
        var text: [UInt8] = []
        while !rest.isEmpty || fill() {
            if let end = buffer[rest].firstIndex(of: 10) {
                text += buffer[rest.lowerBound..<end]
                rest = end + 1..<rest.upperBound
                return String(decoding: text, as: UTF8.self)
            }
            text += buffer[rest]
            rest = 0..<0
        }
        return nil
    }

    /// Leaves out `count` bytes; false where they do not come.
    mutating func skip(_ count: Int) -> Bool {
        var count = count
        while count > 0 {
            guard !rest.isEmpty || fill() else { return false }
            let taken = min(count, rest.count)
            rest = rest.lowerBound + taken..<rest.upperBound
            count -= taken
        }
        return true
    }
}
