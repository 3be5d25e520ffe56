import Foundation
import Imaging
import MediaIO
import Testing

@Suite(
    "A file with a few damaged bytes",
    .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"))
struct DamagedFileTests {
    /// The same numbers each time.
    private struct Random {
        var state: UInt64
        mutating func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
    }

    @Test(
        "is read, or is said to have damaged data, whatever FFmpeg calls it",
        arguments: [
            "a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tif", "a.ts", "a.mkv", "a.mp4", "a.avi", "a.flv", "a.mpg",
        ])
    func mutations(name: String) throws {
        let media = try TestMedia()
        let isStill = ["png", "jpg", "webp", "gif", "bmp", "tif"].contains { name.hasSuffix($0) }
        let path = try media.make(
            name, "-f lavfi -i testsrc2=s=96x64:d=0.4:r=25", isStill ? "-frames:v 1" : "-g 4")
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        let damaged = media.path("damaged-" + name)
        var random = Random(state: UInt64(name.utf8.reduce(7) { $0 * 31 + Int($1) }))
        let rounds = ProcessInfo.processInfo.environment["SEGMENTD_MUTATIONS"].flatMap(Int.init) ?? 60
        for round in 0..<rounds {
            var bytes = whole
            for _ in 0..<1 + random.next(12) {
                // Headers matter most.
                let place = random.next(3) == 0 ? random.next(min(400, bytes.count)) : random.next(bytes.count)
                bytes[place] = UInt8(random.next(256))
            }
            try Data(bytes).write(to: URL(fileURLWithPath: damaged))
            for isStrict in isStill ? [false, true] : [false] {
                var options = VideoReader.Options()
                options.decoder.isStrict = isStrict
                options.decoder.threads = 1
                options.demuxer.access.readsAnyFile = true
                do {
                    let reader = try VideoReader(MediaLocation(damaged), options: options)
                    while try reader.next() != nil {}
                } catch let error as MediaError {
                    let isOfData =
                        [.invalidData, .truncated, .noVideo, .tooLarge, .endOfFile].contains(error.kind)
                        || error.kind == .unsupported && ["read", "decode"].contains(error.action)
                    #expect(isOfData, "\(round): \(error.kind) \(error)")
                    #expect(!error.description.contains("external library"), "\(round): \(error)")
                    #expect(error.description.contains("damaged-" + name), "\(round): \(error)")
                }
            }
        }
    }
}
