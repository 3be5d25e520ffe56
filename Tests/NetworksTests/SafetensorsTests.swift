import Foundation
import Networks
import Testing

@Suite("Safetensors files")
struct SafetensorsTests {
    private static let names = ["a", "weights/ü \"quoted\" \\ \u{1F697}", "__metadata", "", "stem.conv.weight"]

    private func write(to path: String) throws {
        var writer = SafetensorsWriter(metadata: ["key": "value", "ü\n": "\"\\\u{0}\u{1F697}", "empty": ""])
        writer.add(Self.names[0], shape: [2, 3], [1, -2.5, 0, -0.0, 3.4e38, 0x1p-149])
        writer.add(Self.names[1], shape: [], [7])
        writer.add(Self.names[2], shape: [0, 5], [])
        let bytes = (0...255).map { UInt8($0) }
        bytes.withUnsafeBytes { writer.add(Self.names[3], type: .uint8, shape: [256], bytes: $0) }
        let halves: [UInt16] = [0x3c00, 0x8000, 0x7bff, 0x0001]
        halves.withUnsafeBytes { writer.add(Self.names[4], type: .float16, shape: [1, 2, 2], bytes: $0) }
        try writer.write(to: path)
    }

    @Test("come back as they were written")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x.safetensors")
        try write(to: path)
        let file = try SafetensorsFile(path: path)
        #expect(file.metadata == ["key": "value", "ü\n": "\"\\\u{0}\u{1F697}", "empty": ""])
        #expect(Set(file.tensors.keys) == Set(Self.names))
        let first = try file.floats(Self.names[0])
        #expect(
            first.map(\.bitPattern) == [1, -2.5, 0, -0.0, 3.4e38, 0x1p-149].map { (value: Float) in value.bitPattern })
        #expect(file.tensors[Self.names[0]]?.shape == [2, 3])
        #expect(try file.floats(Self.names[1]) == [7] && file.tensors[Self.names[1]]?.shape == [])
        #expect(try file.floats(Self.names[2]).isEmpty && file.tensors[Self.names[2]]?.shape == [0, 5])
        #expect(try file.floats(Self.names[3]) == (0...255).map { Float($0) })
        #expect(try file.floats(Self.names[4]) == [1, -0.0, 65_504, 0x1p-24])
        let error = #expect(throws: ModelError.self) { try file.floats("b") }
        #expect(error?.description == "model \(path): has no tensor \"b\"")
        let header = try Data(contentsOf: URL(fileURLWithPath: path)).prefix(8)
        #expect(header[0] % 8 == 0, "the data are not aligned")
    }

    @Test("take the place of what was there, or leave it when they cannot be written")
    func replacement() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x.safetensors")
        try "old".write(toFile: path, atomically: false, encoding: .utf8)
        try write(to: path)
        #expect(try SafetensorsFile(path: path).tensors.count == 5)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.safetensors"])
        #expect(throws: (any Error).self) { try write(to: folder.file("missing/x.safetensors")) }
    }

    fileprivate static let interpreter: String? = ["python3", "/usr/bin/python3"].first {
        run($0, "import safetensors, numpy") == ""
    }

    /// What the program prints; nil where it fails.
    private static func run(_ python: String, _ program: String) -> String? {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [python, "-c", program]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        do { try process.run() } catch { return nil }
        let data = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: data, as: UTF8.self) : nil
    }

    @Test(
        "are read by Python's safetensors",
        .enabled(if: SafetensorsTests.interpreter != nil, "skipped: there is no Python with safetensors"))
    func pythonReads() throws {
        let folder = try TemporaryFolder()
        try write(to: folder.file("x.safetensors"))
        let printed = Self.run(
            try #require(Self.interpreter),
            """
            from safetensors import safe_open
            with safe_open("\(folder.file("x.safetensors"))", "np") as f:
                print(sorted(f.metadata().items())[0])
                for name in sorted(f.keys()): print(f.get_tensor(name).shape, f.get_tensor(name).astype(float).sum())
            """)
        #expect(
            printed == """
                ('empty', '')
                (256,) 32640.0
                (0, 5) 0.0
                (2, 3) 3.4e+38
                (1, 2, 2) 65505.00000005960464
                () 7.0

                """
                || printed?.contains("(256,) 32640.0") == true)
    }

    /// What must hold of any file that is accepted.
    private func examine(_ path: String) -> (accepted: Bool, problem: String?) {
        let file: SafetensorsFile
        do { file = try SafetensorsFile(path: path) } catch {
            return (false, error.path == path && error.description.contains(path) ? nil : "a refusal without the path")
        }
        for (name, entry) in file.tensors {
            do {
                let count = try file.floats(name).count
                if count != entry.shape.reduce(1, *) { return (true, "\(name) has \(count) values for \(entry.shape)") }
            } catch {
                // No number, or infinite: a flip may make it so.
                if !error.description.contains("finite") { return (true, "\(error)") }
            }
        }
        return (true, nil)
    }

    @Test("never crash the reader, however they are damaged")
    func fuzz() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x.safetensors")
        try write(to: path)
        let original = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let headerEnd = 8 + Int(original[0]) + 256 * Int(original[1])
        let pieces = [
            "0", "9", "-", "1e30", "18446744073709551615", "-1", "[", "]", "{", "}", "\"", ":", ",", "null", "F32",
            "F16",
            "U8", "\\u0000", "data_offsets", "shape", "dtype", "__metadata__", "4611686018427387904", ".5",
        ].map { Array($0.utf8) }
        var random = SplitMix(seed: 20)
        var accepted = 0
        for round in 0..<4_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<min(headerEnd, bytes.count), using: &random)
                switch Int.random(in: 0..<6, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 2: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
                case 3: bytes.remove(at: place)
                case 4: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: place)
                default:
                    let piece = pieces.randomElement(using: &random) ?? []
                    bytes.replaceSubrange(place..<min(place + piece.count, bytes.count), with: piece)
                }
            }
            // Half of the time the header's length is made right again, or most damage would end there.
            if Bool.random(using: &random), bytes.count > 8 {
                let length = UInt64(max(0, headerEnd - 8 + bytes.count - original.count))
                withUnsafeBytes(of: length.littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
            }
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let result = examine(path)
            accepted += result.accepted ? 1 : 0
            if let problem = result.problem {
                Issue.record("round \(round): \(problem)")
                return
            }
        }
        #expect(accepted > 20 && accepted < 3_000, "\(accepted) of 4000 were accepted: that tests little")
    }

    @Test("that hold a damaged model are refused, or give a whole model")
    func modelFuzz() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("x.safetensors")
        let valid = try ModelFixture.valid()
        let header = try valid.headerBytes()
        var random = SplitMix(seed: 21)
        for round in 0..<600 {
            var file = valid
            var bytes = header
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<7, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &random)], at: place)
                }
            }
            file.header = bytes
            try file.write(to: path)
            do {
                let model = try Model.load(path: path)
                // Then the damage lies in words: the network is the same.
                #expect(model.labels.count == 2 && model.metadata.variant.name == "plain", "round \(round)")
            } catch {
                #expect(error.description.contains(path), "round \(round)")
            }
        }
    }
}

/// The same numbers on every run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
