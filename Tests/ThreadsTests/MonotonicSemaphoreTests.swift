import Foundation
import Glibc
import Synchronization
import Testing
import Threads

@Suite struct MonotonicSemaphoreTests {
    /// The kernel's number of the calling thread; 0 where it does not tell.
    private static func ownID() -> Int32 {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? ""
        return path.split(separator: "/").last.flatMap { Int32($0) } ?? 0
    }

    /// The words of /proc/self/task/ID/syscall; empty where the thread runs, or the system does not tell.
    private func systemCall(ofThread id: pid_t) -> [String] {
        guard let file = fopen("/proc/self/task/\(id)/syscall", "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ").map(String.init)
    }

    @Test func signalsAreCountedAndAWaitEndsAtItsDeadline() {
        let semaphore = MonotonicSemaphore(value: 1)
        semaphore.signal()
        semaphore.wait()
        #expect(semaphore.wait(timeout: .now()) == .success)
        #expect(semaphore.wait(timeout: .now()) == .timedOut)
        let began = DispatchTime.now()
        #expect(semaphore.wait(timeout: began + .milliseconds(30)) == .timedOut)
        #expect(DispatchTime.now() >= began + .milliseconds(30))
    }

    @Test func aSignalEndsAWaitWithoutAnEnd() throws {
        let semaphore = MonotonicSemaphore()
        let thread = try NamedThread("waiting") { #expect(semaphore.wait(timeout: .distantFuture) == .success) }
        semaphore.signal()
        thread.join()
    }

    @Test func aWaitWithADeadlineIsNotOneOfTheClockThatIsSet() throws {
        let semaphore = MonotonicSemaphore()
        let identifier = Atomic<Int32>(0)
        let thread = try NamedThread("waiting") {
            identifier.store(Self.ownID(), ordering: .releasing)
            _ = semaphore.wait(timeout: .now() + 60)
        }
        defer {
            semaphore.signal()
            thread.join()
        }
        var words: [String] = []
        for _ in 0..<5000 where words.count < 6 {
            usleep(1000)
            let id = identifier.load(ordering: .acquiring)
            if id > 0 { words = systemCall(ofThread: id) }
        }
        // A machine may not let a process look at itself.
        guard words.count >= 6, let operation = Int(words[2].dropFirst(2), radix: 16) else { return }
        // FUTEX_CLOCK_REALTIME
        #expect(operation & 0x100 == 0, "\(words)")
    }
}
