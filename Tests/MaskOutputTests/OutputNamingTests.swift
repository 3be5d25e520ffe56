import Foundation
import Imaging
import MaskOutput
import MediaIO
import Testing

@Suite struct OutputNamingTests {
    @Test(
        "The name says where masks go",
        arguments: [
            ("-", MaskSinks.Kind.standardOutput), ("null:", .null), ("out.mp4", .video), ("a.b/Out.MKV", .video),
            ("x.y4m", .y4m), ("masks/", .folder), ("masks", .folder), ("a/x.png", .picture), ("/tmp", .folder),
            ("v1.2/", .folder), ("sums.framemd5", .video), ("..", .folder), (".hidden", .folder),
        ])
    func kinds(name: String, kind: MaskSinks.Kind) throws {
        #expect(try MaskSinks.kind(of: name) == kind)
    }

    @Test("A misspelt extension is refused with the list of those we know")
    func unknown() {
        #expect { try MaskSinks.kind(of: "drive.mp5") } throws: {
            "\($0)".contains("drive.mp5") && "\($0)".contains(".mp4") && "\($0)".contains(".y4m")
        }
        #expect(throws: OutputError.self) { try MaskSinks.kind(of: "") }
    }

    @Test("A file where a folder is wanted, a missing parent and a forbidden place are told apart")
    func places() throws {
        let folder = try TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: folder("file")))
        #expect(throws: OutputError.notAFolder(path: folder("file"))) { try MaskSinks.kind(of: folder("file")) }
        let size = ImageSize(height: 8, width: 8)
        let begin = { (name: String) in
            try MaskSinks.make(output: name).begin(stream: Made.stream(size), maskSize: size, labels: Made.labels)
        }
        #expect(throws: OutputError.notAFolder(path: folder("file/"))) { try begin(folder("file/")) }
        #expect(throws: OutputError.folder(path: folder("a/b"), errno: ENOENT)) { try begin(folder("a/b")) }
        #expect(throws: EncodeError.cannotCreate(path: folder("a/b.mp4"), errno: ENOENT)) {
            try begin(folder("a/b.mp4"))
        }
        #expect(throws: EncodeError.cannotCreate(path: "/proc/x.mp4", errno: ENOENT)) { try begin("/proc/x.mp4") }
        #expect(throws: Never.self) { try begin(folder("new/")) }
        #expect(folder.contents == ["file", "new"])
        if getuid() != 0 {
            #expect(throws: EncodeError.cannotCreate(path: "/x.mp4", errno: EACCES)) { try begin("/x.mp4") }
        }
    }
}
