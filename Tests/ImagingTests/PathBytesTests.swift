import Foundation
import Glibc
import Imaging
import Testing

@Suite("Paths as strings")
struct PathBytesTests {
    @Test("every name comes back as it was, and plain ones are themselves")
    func lossless() {
        let names: [[UInt8]] = [
            [], Array("plain".utf8), Array("naïve-日本-🚗.png".utf8), [0x72, 0xE9, 0x73], [0xFF], [0xC3], [0xE2, 0x82],
            [0xF0, 0x9F, 0x9A], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            // The private characters' own bytes.
            Array("\u{10FE80}\u{10FEFF}\u{10FF00}".utf8), [0xF4, 0x8F, 0xBA], Array("a\nb\u{1B}[31m".utf8),
        ]
        var state: UInt64 = 1
        let random: [[UInt8]] = (0..<2000).map { _ in
            (0..<12).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 56) | (state >> 40 & 1 == 0 ? 0x80 : 1)
            }
        }
        for bytes in names + random {
            let text = PathBytes.text(bytes)
            #expect(PathBytes.bytes(text) == bytes)
            text.withPath { #expect(Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) == bytes) }
        }
        #expect(PathBytes.text(Array("naïve-日本-🚗.png".utf8)) == "naïve-日本-🚗.png")
    }

    @Test("are shown with escapes for what nobody can see")
    func shown() {
        #expect(PathBytes.shown(PathBytes.text([0x72, 0xE9, 0x73])) == "r\\xE9s")
        #expect(PathBytes.shown("a\nb\u{1B}\t\u{7F}é") == "a\\nb\\x1B\\t\\x7Fé")
        #expect(PathBytes.shown("a\nb" + PathBytes.text([0xE9]), isText: true) == "a\nb\\xE9")
    }

    @Test("are what the system's calls take")
    func calls() {
        let folder = NSTemporaryDirectory() + "segmentd-paths-\(UUID().uuidString)"
        #expect(mkdir(folder, 0o700) == 0)
        let path = folder + "/" + PathBytes.text([0x72, 0xE9, 0x73])
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        var facts = stat()
        #expect(stat(path, &facts) == 0 && lstat(path, &facts) == 0 && access(path, R_OK) == 0)
        #expect(rename(path, path + "2") == 0)
        var names: [String] = []
        if let directory = opendir(folder) {
            while let entry = readdir(directory) { names.append(name(of: entry)) }
            closedir(directory)
        }
        #expect(names.contains(PathBytes.text([0x72, 0xE9, 0x73, 0x32])))
        #expect(unlink(path + "2") == 0)
        rmdir(folder)
    }
}
