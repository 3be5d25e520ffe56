import Foundation
import Glibc
import Testing

@Suite("Folders that strangers give")
struct FolderInputTests {
    let folder: TemporaryFolder
    private let small = ["--size", "64x64", "--threads", "1"]

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: [String]) throws -> Program.Result { try Running(arguments, in: folder).wait() }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
    }

    private var picture: StoredPNG {
        StoredPNG(
            height: 64, width: 64, bits: 8, color: 2,
            rows: (0..<64).map { (y: Int) -> [UInt8] in (0..<192).map { (x: Int) -> UInt8 in UInt8((x + y) % 200) } })
    }

    private var label: StoredPNG { .gray(Array(repeating: Array(repeating: 3, count: 64), count: 64)) }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.folder.path(folder)).sorted()
    }

    /// Writes a file whose name is any bytes.
    private func write(_ data: Data, in parent: String, name: [UInt8]) throws {
        let path = Array((folder.path(parent) + "/").utf8) + name + [0]
        let descriptor = path.withUnsafeBytes { raw in
            raw.bindMemory(to: CChar.self).baseAddress.map { open($0, O_CREAT | O_WRONLY | O_TRUNC, 0o600) } ?? -1
        }
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        #expect(data.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) } == data.count)
    }

    @Test("have their good pictures segmented, each bad one named, and the status tells; --strict stops")
    func mixed() throws {
        try makeFolder("in")
        for name in ["0", "2", "4"] { try picture.write(to: folder.path("in/\(name).png")) }
        try Data("<html>".utf8).write(to: folder.url.appending(path: "in/1.jpg"))
        try Data().write(to: folder.url.appending(path: "in/3.png"))
        let result = try run(["segment", "in", "-o", "out/"] + small)
        #expect(result.status == 65, result.summary)
        #expect(result.errors.contains("in/1.jpg") && result.errors.contains("in/3.png"), result.summary)
        #expect(result.errors.contains("2 pictures of in could not be read"), result.summary)
        #expect(try names("out") == ["frame_000000.png", "frame_000002.png", "frame_000004.png"])
        let strict = try run(["segment", "in", "-o", "strict/", "--strict"] + small)
        #expect(strict.status == 65 && strict.lastLine.contains("in/1.jpg"), strict.summary)
        #expect(try names("strict") == ["frame_000000.png"])
        // The first is bad, and all are bad.
        try Data("<html>".utf8).write(to: folder.url.appending(path: "in/0.png"))
        let first = try run(["segment", "in", "-o", "first/"] + small)
        #expect(first.status == 65 && first.errors.contains("3 pictures of in"), first.summary)
        #expect(try names("first") == ["frame_000002.png", "frame_000004.png"])
        for name in ["2", "4"] { try Data("x".utf8).write(to: folder.url.appending(path: "in/\(name).png")) }
        let none = try run(["segment", "in", "-o", "none/"] + small)
        #expect(none.status == 65 && none.lastLine.contains("none of its 5 pictures"), none.summary)
    }

    @Test("have what is left out of them named and counted, with status 0 where all pictures were read")
    func leftOut() throws {
        try makeFolder("in/sub.png")
        try picture.write(to: folder.path("in/a.png"))
        for name in [".hidden.png", "notes.txt", "a.csv", "b.csv", "c.csv"] {
            try Data("x".utf8).write(to: folder.url.appending(path: "in/\(name)"))
        }
        symlink("/nowhere", folder.path("in/dangling.png"))
        symlink("loop.png", folder.path("in/loop.png"))
        mkfifo(folder.path("in/fifo.png"), 0o600)
        let result = try run(["segment", "in", "-o", "out/"] + small)
        #expect(result.status == 0, result.summary)
        for words in [
            "1 hidden (.hidden.png)", "4 that are no pictures by name (a.csv, b.csv, c.csv, …)", "1 folder (sub.png)",
            "1 that is no file (fifo.png)", "2 that cannot be reached (dangling.png, loop.png)",
        ] { #expect(result.errors.contains(words), result.summary) }
    }

    @Test("may hold names of any bytes, for input, output and messages")
    func names() throws {
        try makeFolder("in")
        let name: [UInt8] = [0x72, 0xE9, 0x73]
        let all: [[UInt8]] = [
            name + Array(".png".utf8), Array("two\nlines.png".utf8), Array("100%d.png".utf8), Array("a:b.png".utf8),
            Array("-x.png".utf8), Array("with blank.png".utf8), Array("http:x.png".utf8), Array("q?*[1].png".utf8),
            Array("naïve.png".utf8),
        ]
        for name in all { try write(picture.data, in: "in", name: name) }
        let whole = try run(["segment", "in", "-o", "out/"] + small)
        #expect(whole.status == 0 && whole.errors.contains("9 frames"), whole.summary)
        #expect(try names("out").count == 9)
        try write(Data("text".utf8), in: "in", name: [0xFF] + Array(".png".utf8))
        let bad = try run(["segment", "in", "-o", "out/"] + small)
        #expect(bad.status == 65 && bad.errors.contains("in/\\xFF.png"), bad.summary)
        // By the shell, since a test's own arguments are text.
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.currentDirectoryURL = folder.url
        shell.environment = ProcessInfo.processInfo.environment.merging(["SEGMENTD": Program.url.path]) { $1 }
        shell.arguments = [
            "-c",
            """
            n=$(printf 'r\\351s'); "$SEGMENTD" segment "in/$n.png" -o "$n-out.png" --size 64x64 --threads 1 && test -s "$n-out.png" \
            && "$SEGMENTD" segment "in/$n.png" "in/a:b.png" -o "$n" --size 64x64 --threads 1 && test -s "$n/$n.png"
            """,
        ]
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
    }

    @Test("are measured where text, profiles or EXIF are odd, and refused where a pixel is damaged")
    func harmless() throws {
        try makeFolder("pictures")
        try makeFolder("labels")
        try picture.data.dropLast(12).write(to: folder.url.appending(path: "pictures/a.png"))
        try label.data.dropLast(12).write(to: folder.url.appending(path: "labels/a.png"))
        let arguments = ["evaluate", "--images", "pictures", "--labels", "labels", "--json"] + small
        #expect(try run(arguments).status == 0)
        try picture.write(to: folder.path("pictures/b.png"))
        var damaged = label.data
        damaged[100] ^= 1
        try damaged.write(to: folder.url.appending(path: "labels/b.png"))
        try Data("x".utf8).write(to: folder.url.appending(path: "labels/notes.txt"))
        let refused = try run(arguments)
        #expect(refused.status == 65 && refused.lastLine.contains("labels/b.png"), refused.summary)
        #expect(refused.output.isEmpty)
        let partial = try run(arguments + ["--allow-missing"])
        #expect(partial.status == 0 && partial.errors.contains("labels/b.png"), partial.summary)
        struct Report: Decodable {
            struct Names: Decodable {
                let count: Int
                let first: [String]
            }
            let images: Int
            let leftOut: [String: Names]
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(Report.self, from: partial.output)
        #expect(report.images == 1)
        let leftOut = report.leftOut.mapValues(\.first)
        #expect(leftOut == ["unreadable_label": ["b.png"], "not_a_label": ["notes.txt"]], "\(leftOut)")
    }

    @Test("and a standard input without a byte in it is called empty")
    func emptyInput() throws {
        let result = try run(["segment", "-", "-o", "null:"] + small)
        #expect(result.status == 65 && result.errors.contains("before a byte came"), result.summary)
    }
}
