import CAllocationCounter
import Foundation
import Inference
import Kernels
import Synchronization
import Testing

/// What threads have asked of the heap: the calling one, and those that a piece of code starts.
private struct AllocationCount {
    private let threads: Set<Int32>

    static func running() -> Set<Int32> {
        Set(((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []).compactMap { Int32($0) })
    }

    /// Counts for this thread and those that are not among `others`.
    init(except others: Set<Int32>) {
        threads = Self.running().subtracting(others).union([allocation_thread()])
    }

    var total: UInt64 { threads.reduce(0) { $0 + allocation_count($1) } }
}

@Suite("Once it is ready, an engine asks nothing of the heap", .serialized)
struct AllocationTests {
    @Test("the counter counts what Swift and C allocate, on this thread and on others")
    func counter() {
        let before = AllocationCount.running()
        let here = AllocationCount(except: before)
        var count = here.total
        let array = [Int](repeating: 1, count: Int.random(in: 100...200))
        #expect(here.total > count && array.count >= 100)
        count = here.total
        let block = UnsafeMutableRawPointer.allocate(byteCount: 4_096, alignment: 64)
        #expect(here.total > count)
        block.deallocate()

        let done = DispatchSemaphore(value: 0)
        let go = DispatchSemaphore(value: 0)
        let sizes = Mutex<[Int]>([])
        let number = Mutex<Int32>(0)
        let thread = Thread {
            number.withLock { $0 = allocation_thread() }
            done.signal()
            go.wait()
            for size in 1...10 { sizes.withLock { $0.append(contentsOf: [Int](repeating: size, count: 50 * size)) } }
            done.signal()
            go.wait()
        }
        thread.start()
        done.wait()
        // By its number: one that a thread of another test had before does not count among those that are new.
        let other = number.withLock { $0 }
        let others = allocation_count(other)
        go.signal()
        done.wait()
        #expect(allocation_count(other) >= others + 10)
        go.signal()
        #expect(sizes.withLock { $0.count } == 2_750)
    }

    @Test("not once in a hundred pictures, on any thread", arguments: InstructionSet.supported, [1, 3])
    func pictures(_ set: InstructionSet, _ threads: Int) throws {
        let sample = try EngineTests.sample(height: 17, width: 34)
        // With our own products: OpenBLAS allocates for itself at some sizes.
        var options = EngineOptions(threads: threads, instructionSet: set, multiplier: .kernels)
        for passes in set == .best ? [Passes.all, []] : [Passes.all] {
            options.passes = passes
            let before = AllocationCount.running()
            let engine = try Engine(sample.program, options: options)
            let picture = sample.input.map { UInt8($0) }
            // Threads of other tests may come in between and be taken for the engine's; they do not every time.
            var fewest = UInt64.max
            for _ in 0..<5 where fewest > 0 {
                let count = AllocationCount(except: before)
                fewest = min(fewest, try count100(engine, picture, count))
            }
            #expect(fewest == 0, "\(set), \(threads) threads, \(passes.count) passes")
        }
    }

    private func count100(_ engine: Engine, _ picture: [UInt8], _ count: AllocationCount) throws -> UInt64 {
        var ids = [UInt8](repeating: 0, count: try engine.output("classes").shape.count)
        let size = ids.count
        return try picture.withUnsafeBytes { input in
            try ids.withUnsafeMutableBytes { target in
                for _ in 0..<3 { try engine.run(input) }
                let start = count.total
                for _ in 0..<100 {
                    try engine.run(input)
                    try engine.withOutput("classes") { output in
                        UnsafeMutableRawBufferPointer(rebasing: target[..<size]).copyMemory(from: output)
                    }
                }
                return count.total - start
            }
        }
    }
}
