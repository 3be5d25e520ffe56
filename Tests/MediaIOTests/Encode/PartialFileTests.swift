import Foundation
import Glibc
import MediaIO
import Synchronization
import Testing

/// Where a file appears, and what happens to what was there.
@Suite struct PartialFileTests {
    private let media: TestMedia

    init() throws { media = try TestMedia() }

    private static func write(_ text: String, to path: String) throws {
        let file = try PartialFile(path: path)
        try put(text, file)
        try file.commit()
    }

    private static func put(_ text: String, _ file: PartialFile) throws {
        try Array(text.utf8).withUnsafeBytes { try file.write($0) }
    }

    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
    private var contents: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: media.folder)) ?? []).sorted()
    }

    @Test(
        "Names of up to 255 bytes can be written, whatever their characters",
        arguments: [1, 200, 227, 228, 239, 240, 254, 255], ["x", "é", "猫"])
    func longNames(length: Int, character: String) throws {
        let count = character.utf8.count
        let name = String(repeating: character, count: length / count) + String(repeating: "y", count: length % count)
        try Self.write("whole", to: media.path(name))
        #expect(contents == [name] && text(media.path(name)) == "whole")
    }

    @Test("Two long names that differ at their ends do not meet")
    func longNeighbours() throws {
        let names = ["a", "b"].map { String(repeating: "x", count: 254) + $0 }
        let files = try names.map { try PartialFile(path: media.path($0)) }
        for (file, name) in zip(files, names) { try Self.put(name, file) }
        for file in files { try file.commit() }
        #expect(contents == names.sorted() && names.allSatisfy { text(media.path($0)) == $0 })
    }

    @Test("A name of 256 bytes is refused before anything is written, with what to do")
    func tooLong() {
        let path = media.path(String(repeating: "x", count: 256))
        #expect { try PartialFile(path: path) } throws: {
            $0 as? EncodeError == .cannotCreate(path: path, errno: ENAMETOOLONG) && "\($0)".contains("shorter name")
        }
    }

    @Test("Two writers of one name both end well, and the last one's file is there")
    func twoWriters() throws {
        let path = media.path("out.mkv")
        let (first, second) = (try PartialFile(path: path), try PartialFile(path: path))
        try Self.put("first", first)
        try Self.put("second", second)
        try first.commit()
        #expect(text(path) == "first")
        try second.commit()
        #expect(text(path) == "second" && contents == ["out.mkv"])
    }

    @Test("Writers of one name that come and go at once never lose a file to each other's cleaning")
    func manyWriters() {
        let path = media.path("out.mkv")
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { worker in
            for round in 0..<40 {
                do { try Self.write("\(worker) \(round)", to: path) } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(contents == ["out.mkv"])
    }

    @Test("A file whose temporary name somebody cleared away still gets its name")
    func vanished() throws {
        let path = media.path("out.mkv")
        let file = try PartialFile(path: path)
        try Self.put("all of it", file)
        for name in contents { unlink(media.path(name)) }
        try file.commit()
        #expect(text(path) == "all of it" && contents == ["out.mkv"])
    }

    @Test("A folder that is gone at the end is told")
    func folderGone() throws {
        mkdir(media.path("sub"), 0o777)
        let path = media.path("sub/out.mkv")
        let file = try PartialFile(path: path)
        try Self.put("lost", file)
        try FileManager.default.removeItem(atPath: media.path("sub"))
        #expect { try file.commit() } throws: { "\($0)".contains(path) && "\($0)".contains("make the folder first") }
    }

    @Test("A file that replaces another keeps its permissions; a new one has those of the umask")
    func permissions() throws {
        try Self.write("old", to: media.path("private"))
        chmod(media.path("private"), 0o600)
        try Self.write("new", to: media.path("private"))
        var status = stat()
        #expect(stat(media.path("private"), &status) == 0 && status.st_mode & 0o777 == 0o600)
        let mask = umask(0o027)
        umask(mask)
        try Self.write("new", to: media.path("fresh"))
        #expect(stat(media.path("fresh"), &status) == 0 && status.st_mode & 0o777 == 0o666 & ~mask)
    }

    @Test("Links are followed, also to a file that is not there yet")
    func links() throws {
        mkdir(media.path("real"), 0o777)
        symlink("real/out.mkv", media.path("relative"))
        symlink(media.path("real/two.mkv"), media.path("absolute"))
        symlink("relative", media.path("twice"))
        try Self.write("1", to: media.path("twice"))
        try Self.write("2", to: media.path("absolute"))
        #expect(text(media.path("real/out.mkv")) == "1" && text(media.path("real/two.mkv")) == "2")
        var status = stat()
        #expect(lstat(media.path("relative"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    }

    @Test("Pipes, devices and folders are refused before the work")
    func noFiles() throws {
        mkfifo(media.path("pipe"), 0o600)
        for path in [media.path("pipe"), "/dev/null"] {
            #expect { try PartialFile(path: path) } throws: {
                "\($0)".contains(path) && "\($0)".contains("standard output (-)")
            }
        }
        #expect(throws: EncodeError.cannotCreate(path: media.folder, errno: EISDIR)) {
            try PartialFile(path: media.folder)
        }
    }

    @Test(
        "A file that is mounted by itself is written in place, and left alone by a mere check",
        .enabled(if: getuid() == 0))
    func mounted() throws {
        let (source, target) = (media.path("host file"), media.path("out file.mkv"))
        for path in [source, target] { try "old and long".write(toFile: path, atomically: false, encoding: .utf8) }
        guard mount(source, target, nil, UInt(MS_BIND), nil) == 0 else {
            print("skipped: this user may not mount")
            return
        }
        defer { umount2(target, Int32(MNT_DETACH)) }
        try PartialFile(path: target).abandon()
        #expect(text(source) == "old and long")
        let file = try PartialFile(path: target)
        // Two in one place would write over each other.
        #expect { try PartialFile(path: target) } throws: { "\($0)".contains("another process writes it") }
        try Self.put("new", file)
        try file.commit()
        #expect(text(source) == "new" && contents == ["host file", "out file.mkv"])
        let given = try PartialFile(path: target)
        try Self.put("half", given)
        given.abandon()
        #expect(text(source) == "")
    }

    @Test(
        "A file that becomes a mount point while it is written still gets what was written", .enabled(if: getuid() == 0)
    )
    func mountedLater() throws {
        let (source, target) = (media.path("host"), media.path("out.mkv"))
        for path in [source, target] { try "old".write(toFile: path, atomically: false, encoding: .utf8) }
        let file = try PartialFile(path: target)
        try Self.put("all of it", file)
        guard mount(source, target, nil, UInt(MS_BIND), nil) == 0 else { return }
        defer { umount2(target, Int32(MNT_DETACH)) }
        try file.commit()
        #expect(text(source) == "all of it" && contents == ["host", "out.mkv"])
    }
}
