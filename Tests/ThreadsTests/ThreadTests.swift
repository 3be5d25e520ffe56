import Glibc
import Synchronization
import Testing
import Threads

/// The name of the calling thread, as the kernel has it.
private func ownName() -> String {
    guard let file = fopen("/proc/thread-self/comm", "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count].prefix { $0 != 10 }, as: UTF8.self)
}

@Suite struct ThreadTests {
    private final class Box: Sendable {
        let names = Mutex<[String]>([])
        func add(_ name: String) { names.withLock { $0.append(name) } }
        var all: [String] { names.withLock { $0 } }
    }

    @Test(arguments: [
        ("sockets", "sockets"), ("decode front-left-camera", "decode front-le"), ("decode Türöffner", "decode Türöff"),
        ("aaaaaaaaaaaaaaü", "aaaaaaaaaaaaaa"),
    ]) func aThreadHasItsNameCutAtAWholeCharacter(name: String, kept: String) throws {
        let box = Box()
        let thread = try NamedThread(name) { box.add(ownName()) }
        thread.join()
        thread.join()
        #expect(box.all == [kept])
    }

    @Test func aThreadThatCannotBeMadeIsAnErrorThatSaysWhatToDo() throws {
        // No address space is as large as this stack.
        let error = try #require(throws: ThreadError.self) {
            try NamedThread("decode front", stackBytes: 1 << 50) {}
        }
        #expect(error.errno == EAGAIN)
        #expect(error.threads >= 1)
        #expect("\(error)".contains("cannot start a thread for decode front"))
        for advice in ["TasksMax=", "pids.max", "ulimit -u"] { #expect("\(error)".contains(advice)) }
    }

    @Test func aCrewStartsWholeOrNotAtAll() throws {
        let box = Box()
        #expect(throws: ThreadError.self) {
            try ThreadCrew.start(
                [("one", { box.add("one") }), ("two", { box.add("two") })], stackBytes: 1 << 50,
                completion: { box.add("completed") })
        }
        try ThreadCrew.start(
            [("one", { box.add(ownName()) }), ("two", { box.add(ownName()) })], completion: { box.add("completed") })
        while !box.all.contains("completed") { usleep(1000) }
        #expect(Set(box.all.dropLast()) == ["one", "two"] && box.all.count == 3 && box.all.last == "completed")
    }

    @Test func aWorkerKeepsTheOrderAndFinishesWhatWaitsWhenItIsReleased() throws {
        let box = Box()
        var worker: SerialWorker? = try SerialWorker("rec front")
        for number in 0..<100 { worker?.async { box.add("\(number)") } }
        #expect(worker?.sync { box.all.count } == 100)
        #expect(worker?.sync { box.all } == (0..<100).map { "\($0)" })
        worker?.async { usleep(20_000) }
        worker?.async { box.add(ownName()) }
        worker = nil
        while box.all.count < 101 { usleep(1000) }
        #expect(box.all.last == "rec front")
    }

    @Test func workOnTheWorkersOwnThreadMayAskForMoreAtOnce() throws {
        let worker = try SerialWorker("nested")
        let box = Box()
        worker.async {
            worker.sync { box.add("inner") }
            box.add("outer")
        }
        worker.sync {}
        #expect(box.all == ["inner", "outer"])
    }
}
