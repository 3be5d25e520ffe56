import Foundation
import Glibc
import Logging
import MaskOutput
import Operations
import Testing

@Suite("The sockets of all cameras", .timeLimit(.minutes(10)))
struct CameraSocketsTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "segmentd-\(UUID().uuidString)")
        .path(percentEncoded: false)

    private func configuration(_ sockets: String, cameras: [String]) throws -> ServiceConfiguration {
        let list = cameras.map { "  - {name: \($0), source: \"synthetic:live=true\", sockets: [mask]}\n" }.joined()
        return try ServiceConfiguration(
            yaml: "sockets: {directory: \(folder), \(sockets)}\ncameras:\n\(list)", file: "test.yaml")
    }

    private func permissions(_ name: String) -> mode_t {
        var status = stat()
        return stat("\(folder)/\(name)", &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("a camera that a reload adds gets the permissions of the new configuration, as all others")
    func addedCamera() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let sockets = try CameraSockets(
            configuration("mode: 0666", cameras: ["front"]), logger: CameraServiceTests.LogLines().logger)
        defer { sockets.close() }
        #expect(permissions("front.mask") == 0o666)
        let preparation = try sockets.prepare(configuration("mode: 0600", cameras: ["front", "rear"]))
        #expect(permissions("rear.mask") == 0o600)
        try sockets.commit(preparation)
        #expect(permissions("front.mask") == 0o600 && permissions("rear.mask") == 0o600)
    }

    @Test("a reload that names a group which does not exist is refused before anything changes")
    func unknownGroup() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let sockets = try CameraSockets(
            configuration("mode: 0666", cameras: ["front"]), logger: CameraServiceTests.LogLines().logger)
        defer { sockets.close() }
        let other = try configuration("mode: 0600, group: no-such-group", cameras: ["front"])
        #expect(throws: OutputError.unknownGroup(name: "no-such-group", path: "\(folder)/front.mask")) {
            _ = try sockets.prepare(other)
        }
        #expect(permissions("front.mask") == 0o666)
    }
}
