import Foundation
import Imaging
import Networks
import Testing

@Suite("A model file that is written to")
struct ReplacedModelTests {
    @Test("is another model exactly where its content is another")
    func fingerprint() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.safetensors")
        var file = try ModelFixture.valid()
        try file.write(to: path)
        let first = try Model.load(path: path)
        // Written again, copied, touched: the same model.
        try file.write(to: path)
        try file.write(to: folder.file("copy.safetensors"))
        #expect(try Model.load(path: path).fingerprint == first.fingerprint)
        #expect(try Model.load(path: folder.file("copy.safetensors")).fingerprint == first.fingerprint)
        file.put([0x3c00], into: "classifier.weight", at: 7)
        try file.write(to: path)
        let other = try Model.load(path: path)
        #expect(other.fingerprint != first.fingerprint)
        file.metadata["license"] = "another"
        try file.write(to: path)
        #expect(try Model.load(path: path).fingerprint != other.fingerprint)
    }

    @Test("harms nobody who loaded it before, also where it is cut to nothing")
    func truncated() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.safetensors")
        try ModelFixture.valid().write(to: path)
        let model = try Model.load(path: path)
        let open = try SafetensorsFile(path: path)
        #expect(truncate(path, 0) == 0)
        let program = try model.program(size: ImageSize(height: 16, width: 16), input: .normalized)
        #expect(try program.graph.parameters.allSatisfy { try program.weights.values(of: $0).count == $0.count })
        // Half read, half cut: an error and no signal.
        let error = #expect(throws: ModelError.self) { try open.floats("classifier.weight") }
        #expect(error?.description.contains("became shorter") == true, "\(error?.description ?? "")")
    }

    @Test(
        "by another program while it is being read is refused or read whole, never by halves", .timeLimit(.minutes(1)))
    func racing() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("model.safetensors")
        let file = try ModelFixture.valid()
        try file.write(to: path)
        let whole = try Model.load(path: path).fingerprint
        let size = 8 + (try file.headerBytes().count) + file.dataSize
        let isDone = DispatchSemaphore(value: 0)
        let writer = Thread {
            for round in 0..<60 {
                truncate(path, off_t(round % 2 == 0 ? size * (round % 7) / 7 : size))
                usleep(500)
            }
            isDone.signal()
        }
        writer.start()
        for _ in 0..<60 {
            do {
                #expect(try Model.load(path: path).fingerprint == whole)
            } catch {
                #expect(error.path == path)
            }
        }
        isDone.wait()
    }
}
