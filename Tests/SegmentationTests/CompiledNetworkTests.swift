import Dispatch
import Foundation
import Imaging
import Inference
import MediaIO
import Networks
import Segmentation
import Synchronization
import SyntheticDrive
import Testing

/// Pictures for the bundled model.
enum Pictures {
    /// The first frame of a synthetic drive, scaled as the daemon scales: a street that the model knows.
    static func street(_ size: ImageSize, seed: UInt64) throws -> PlanarRGB {
        let labels = try Model.bundled().labels
        let options = SyntheticOptions(seed: seed, size: ImageSize(height: 240, width: 320))
        let picture = PlanarRGB(size: size)
        _ = try Preprocessor(inputSize: size, fit: .stretch)
            .prepare(SyntheticDrive(options: options, labels: labels).picture(at: 0), into: picture)
        return picture
    }

    static func ids(_ map: ClassMap) -> [UInt8] { map.withUnsafeBytes { Array($0) } }
}

@Suite("A network")
struct CompiledNetworkTests {
    private static let size = ImageSize(height: 96, width: 160)

    private func segment(_ network: CompiledNetwork, _ picture: PlanarRGB) throws -> [UInt8] {
        let map = ClassMap(size: network.inputSize)
        try network.segment(picture, into: map)
        return Pictures.ids(map)
    }

    @Test("gives the specification's classes on 99.9 % of pixels at least", arguments: [UInt64(1), 2, 3])
    func specification(_ seed: UInt64) throws {
        let model = try Model.bundled()
        let picture = try Pictures.street(Self.size, seed: seed)
        let found = try segment(
            try CompiledNetwork(
                model, size: Self.size, options: EngineOptions(threads: 2)), picture)
        let network = try CompiledNetwork(
            model, size: Self.size, outputs: ["classes"], input: model.pictureInput, options: .specification)
        let expected = try picture.withUnsafeBytes { try network.activations(of: $0) }
        #expect(expected.map(\.name) == ["classes"] && expected[0].shape == Shape(1, 96, 160))
        let same = zip(found, expected[0].bytes).count { $0 == $1 }
        #expect(Double(same) >= 0.999 * Double(Self.size.area), "\(same) of \(Self.size.area)")
        #expect(Set(found).count > 1, "a picture of one class tests little")
    }

    @Test("tells its model, its size and what it takes")
    func facts() throws {
        let network = try CompiledNetwork(
            try Model.bundled(), size: Self.size, options: EngineOptions(threads: 2))
        #expect(network.modelName == "street11" && network.labels.count == 11 && network.inputSize == Self.size)
        #expect(network.threads == 2 && network.memory.arena > 0 && network.memory.weights > 2_000_000)
        _ = try segment(network, try Pictures.street(Self.size, seed: 1))
        #expect(network.timings.contains { $0.nanoseconds > 0 })
    }

    @Test("refuses sizes that the network does not take, pictures of another size and maps of another size")
    func sizes() throws {
        let model = try Model.bundled()
        for (height, width) in [(0, 16), (90, 160), (96, 161)] {
            let error = #expect(throws: Engine.Failure.self) {
                try CompiledNetwork(
                    model, size: ImageSize(height: height, width: width), options: EngineOptions(threads: 1))
            }
            #expect(error?.description.contains("\(height)x\(width)") == true)
        }
        let size = ImageSize(height: 16, width: 32)
        let network = try CompiledNetwork(
            model, size: size, options: EngineOptions(threads: 1))
        let right = try Pictures.street(size, seed: 1)
        // Also of as many pixels, but of another shape.
        for wrong in [Self.size, size.transposed] {
            let picture = #expect(throws: Engine.Failure.self) {
                try network.segment(PlanarRGB(size: wrong), into: ClassMap(size: size))
            }
            #expect(picture?.description == "the picture is \(wrong); expected 16x32")
            let map = #expect(throws: Engine.Failure.self) {
                try network.segment(right, into: ClassMap(size: wrong))
            }
            #expect(map?.description == "the class map is \(wrong); expected 16x32")
        }
        _ = try segment(network, right)
    }

    @Test("shares nothing with another one")
    func two() throws {
        let model = try Model.bundled()
        let (a, b) = (
            try CompiledNetwork(
                model, size: Self.size, options: EngineOptions(threads: 2)),
            try CompiledNetwork(
                model, size: Self.size, options: EngineOptions(threads: 1))
        )
        let (first, second) = (try Pictures.street(Self.size, seed: 1), try Pictures.street(Self.size, seed: 2))
        let (one, two) = (try segment(a, first), try segment(a, second))
        #expect(one != two)
        // At once, each on a thread of its own.
        let failures = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2) { number in
            let (network, picture, expected) = number == 0 ? (a, first, one) : (b, second, two)
            for _ in 0..<5 where (try? segment(network, picture)) != expected {
                failures.wrappingAdd(1, ordering: .relaxed)
            }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
    }

    @Test("may be called from one thread after the other")
    func threads() throws {
        let network = try CompiledNetwork(
            try Model.bundled(), size: Self.size, options: EngineOptions(threads: 2))
        let picture = try Pictures.street(Self.size, seed: 1)
        let expected = try segment(network, picture)
        for number in 0..<6 {
            let result = Mutex<[UInt8]>([])
            let done = DispatchSemaphore(value: 0)
            let thread = Thread {
                let ids = (try? segment(network, picture)) ?? []
                result.withLock { $0 = ids }
                done.signal()
            }
            thread.start()
            done.wait()
            #expect(result.withLock { $0 } == expected, "thread \(number)")
        }
    }
}

@Suite("Activations")
struct ActivationTests {
    private let size = ImageSize(height: 32, width: 48)

    @Test("keeps the blocks that are asked for, in the network's order")
    func blocks() throws {
        let model = try Model.bundled()
        let network = try CompiledNetwork(
            model, size: size, outputs: ["logits", "stem"], input: model.pictureInput, options: EngineOptions())
        #expect(network.available == PyramidShuffleNet.blocks + ["classes"])
        let found = try Pictures.street(size, seed: 1).withUnsafeBytes { try network.activations(of: $0) }
        #expect(found.map(\.name) == ["stem", "logits"])
        #expect(found.map(\.shape) == [Shape(24, 16, 24), Shape(11, 32, 48)])
        #expect(found.map(\.bytes.count) == [24 * 16 * 24 * 4, 11 * 32 * 48 * 4])
    }

    @Test("refuses a block that there is not, and names those that there are")
    func unknown() throws {
        let model = try Model.bundled()
        let error = #expect(throws: UnknownBlock.self) {
            try CompiledNetwork(
                model, size: size, outputs: ["stem", "stage9"], input: .normalized, options: EngineOptions())
        }
        #expect(error?.description.contains("\"stage9\"; it has stem, pool, stage1") == true)
    }
}
