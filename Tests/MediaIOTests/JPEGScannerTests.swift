import Foundation
import Testing

@testable import MediaIO

@Suite("JPEG pictures in a stream", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"))
struct JPEGScannerTests {
    private static func pictures() throws -> [[UInt8]] {
        let media = try TestMedia()
        try media.make("p%d.jpg", "-f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 4")
        return try (1...4).map { [UInt8](try Data(contentsOf: URL(filePath: media.path("p\($0).jpg")))) }
    }

    private func scan(_ bytes: [UInt8], pieces: Int) -> [[UInt8]] {
        var scanner = JPEGScanner()
        var found: [[UInt8]] = []
        var place = 0
        while place < bytes.count {
            let end = min(place + pieces, bytes.count)
            found += bytes[place..<end].withUnsafeBufferPointer { scanner.add($0) }
            place = end
        }
        return found
    }

    @Test("are found whole, in whatever pieces the stream comes", arguments: [1, 2, 3, 7, 100, 4096, 1 << 20])
    func pieces(size: Int) throws {
        let pictures = try Self.pictures()
        let head = Array("--x\r\nContent-Length: 5\r\n\r\n".utf8)
        let stream: [UInt8] = pictures.flatMap { head + $0 + [0xFF, 0xD9, 0xFF] }
        #expect(scan(stream, pieces: size) == pictures)
    }

    @Test("are not ended by the picture within them")
    func thumbnail() throws {
        let pictures = try Self.pictures()
        let small = Array(pictures[0].prefix(60_000))
        let length = small.count + 2
        let segment: [UInt8] = [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 0xFF)] + small
        let picture = Array(pictures[1][..<2]) + segment + pictures[1][2...]
        #expect(scan(picture + pictures[2], pieces: 1000) == [picture, pictures[2]])
    }

    @Test("that another one breaks off are given as they are")
    func brokenOff() throws {
        let pictures = try Self.pictures()
        let half = Array(pictures[0][..<(pictures[0].count - 40)])
        #expect(scan(half + pictures[1], pieces: 1000) == [half, pictures[1]])
    }

    @Test("are found again behind any damage")
    func damage() throws {
        let pictures = try Self.pictures()
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var damaged = pictures[0]
            for _ in 0..<20 {
                damaged[.random(in: 0..<damaged.count, using: &random)] = .random(in: 0...255, using: &random)
            }
            // A damaged length may swallow what follows, at most 64 KiB of it.
            let found = scan(damaged + (0..<40).flatMap { pictures[1 + $0 % 3] }, pieces: 5000)
            #expect(found.last == pictures[1 + 39 % 3])
        }
    }
}
