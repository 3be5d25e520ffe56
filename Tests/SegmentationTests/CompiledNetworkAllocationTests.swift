import CAllocationCounter
import Foundation
import Imaging
import Inference
import Kernels
import Networks
import Segmentation
import Testing

@Suite("The network with its own weights asks nothing of the heap", .serialized)
struct SegmenterAllocationTests {
    private static func running() -> Set<Int32> {
        Set(((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []).compactMap { Int32($0) })
    }

    @Test("not once in a hundred pictures, on any of its threads", arguments: InstructionSet.supported)
    func pictures(_ set: InstructionSet) throws {
        let size = ImageSize(height: set == .scalar ? 32 : 96, width: set == .scalar ? 64 : 160)
        let model = try Model.bundled()
        let picture = try Pictures.street(size, seed: 1)
        let map = ClassMap(size: size)
        // Threads of other tests may come in between and be taken for the segmenter's; they do not every time.
        var fewest = UInt64.max
        for _ in 0..<5 where fewest > 0 {
            let others = Self.running()
            let segmenter = try CompiledNetwork(
                model, size: size, options: EngineOptions(threads: 2, instructionSet: set, multiplier: .kernels))
            let threads = Self.running().subtracting(others).union([allocation_thread()])
            for _ in 0..<3 { try segmenter.segment(picture, into: map) }
            let before = threads.reduce(0) { $0 + allocation_count($1) }
            for _ in 0..<100 { try segmenter.segment(picture, into: map) }
            fewest = min(fewest, threads.reduce(0) { $0 + allocation_count($1) } - before)
        }
        #expect(fewest == 0, "\(set)")
    }
}
