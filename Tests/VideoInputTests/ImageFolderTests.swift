import Foundation
import Imaging
import MediaIO
import Testing
import VideoInput

@Suite("Folders of images", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"))
struct ImageFolderTests {
    private func all(_ source: any VideoSource) throws -> [Frame] {
        var frames: [Frame] = []
        while let frame = try source.next() { frames.append(frame) }
        return frames
    }

    @Test("images come in natural order, each with its own size; other files are passed over and listed")
    func order() throws {
        let media = try TestMedia()
        for (name, width) in [("f10.png", 100), ("f2.jpg", 20), ("f1.png", 10), ("F3.PNG", 30), ("f010b.bmp", 110)] {
            try media.make(name, "-f lavfi -i testsrc2=s=\(width)x30 -frames:v 1")
        }
        for name in ["notes.txt", ".hidden.png", "labels.csv"] {
            try Data("text".utf8).write(to: URL(fileURLWithPath: media.path(name)))
        }
        try FileManager.default.createDirectory(atPath: media.path("sub.png"), withIntermediateDirectories: true)
        let source = ImageFolderSource(camera: "still", path: media.folder)
        let info = try source.open()
        #expect(info.frameCount == 5)
        let frames = try all(source)
        #expect(frames.map(\.picture.size.width) == [30, 10, 20, 100, 110])
        #expect(info.size == frames[0].picture.size)
        #expect(frames.map(\.stamp.sequence) == [0, 1, 2, 3, 4])
        #expect(frames.map { $0.stamp.mediaTime?.value } == [0, 1, 2, 3, 4])
        #expect(frames.allSatisfy { $0.stages[.decode].nanoseconds > 0 })
        #expect(
            source.diagnostics.leftOut.filter { $0.reason == .notAPicture }.map(\.name) == ["labels.csv", "notes.txt"])
    }

    @Test("a folder without images is refused, and says what is in it")
    func noImages() throws {
        let media = try TestMedia()
        try Data("text".utf8).write(to: URL(fileURLWithPath: media.path("notes.txt")))
        let source = ImageFolderSource(camera: "still", path: media.folder)
        let error = #expect(throws: MediaError.self) { try source.open() }
        #expect(error?.kind == .noVideo)
        #expect(error?.reason == "it is a directory without images: none of its 1 files is an image")
    }

    @Test("a picture that was cut off comes with what is there, is marked and named")
    func cut() throws {
        let media = try TestMedia()
        for name in ["a.jpg", "b.jpg"] { try media.make(name, "-f lavfi -i testsrc2=s=160x96 -frames:v 1") }
        let whole = try Data(contentsOf: URL(fileURLWithPath: media.path("b.jpg")))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: media.path("b.jpg")))
        let source = ImageFolderSource(camera: "still", path: media.folder)
        _ = try source.open()
        #expect(try all(source).map { $0.flags.contains(.corrupt) } == [false, true])
        #expect(source.diagnostics.corrupt == 1 && source.diagnostics.firstCorrupt == ["b.jpg"])
    }

    @Test("a file called an image that is none is an error at its place, and the next follows")
    func fake() throws {
        let media = try TestMedia()
        for name in ["a.png", "c.png"] { try media.make(name, "-f lavfi -i testsrc2=s=20x30 -frames:v 1") }
        try Data("text".utf8).write(to: URL(fileURLWithPath: media.path("b.png")))
        let source = ImageFolderSource(camera: "still", path: media.folder)
        _ = try source.open()
        #expect(try source.next()?.stamp.sequence == 0)
        let error = #expect(throws: MediaError.self) { try source.next() }
        #expect(error?.description.contains("b.png") == true)
        #expect(try source.next()?.stamp.sequence == 2)
        #expect(try source.next() == nil)
    }

    @Test("a looped folder begins again")
    func loop() throws {
        let media = try TestMedia()
        for name in ["a.png", "b.png"] { try media.make(name, "-f lavfi -i testsrc2=s=20x30 -frames:v 1") }
        var options = SourceOptions()
        options.loops = true
        let source = ImageFolderSource(camera: "still", path: media.folder, options: options)
        #expect(try source.open().frameCount == nil)
        let stamps = try (0..<5).map { _ in try source.next()?.stamp.mediaTime?.value }
        #expect(stamps == [0, 1, 2, 3, 4])
    }
}

@Suite("Images that were chosen")
struct ChosenImageTests {
    private func source(_ media: TestMedia, _ names: [String], refuses: Bool = true) -> ImageFolderSource {
        var options = SourceOptions()
        options.refusesCorruptFrames = refuses
        return ImageFolderSource(
            camera: "still", path: media.folder, images: names.map(media.path), options: options)
    }

    @Test("come in the order they were given, and no others")
    func order() throws {
        let media = try TestMedia()
        for (name, width) in [("a.png", 3), ("b.png", 5), ("c.png", 7)] {
            try StoredPNG.gray([Array(repeating: 9, count: width)]).write(to: media.path(name))
        }
        let source = source(media, ["c.png", "a.png"])
        #expect(try source.open().frameCount == 2)
        var widths: [Int] = []
        while let frame = try source.next() { widths.append(frame.picture.size.width) }
        #expect(widths == [7, 3])
        #expect(throws: MediaError.self) { try self.source(media, []).open() }
    }

    @Test("are errors where they are damaged, if that is asked for; else they come with what is there")
    func damaged() throws {
        let media = try TestMedia()
        let rows: [[UInt8]] = (0..<60).map { (y: Int) -> [UInt8] in
            (0..<50).map { (x: Int) -> UInt8 in UInt8((y + x) % 11) }
        }
        var short = StoredPNG.gray(rows)
        short.missingRows = 20
        try short.write(to: media.path("short.png"))
        let error = #expect(throws: MediaError.self) { try source(media, ["short.png"]).open() }
        #expect(error?.kind == .invalidData && error?.description.contains("short.png") == true)
        let lenient = source(media, ["short.png"], refuses: false)
        #expect(try lenient.open().frameCount == 1)
        #expect(try lenient.next() != nil)
    }

    @Test("are errors where a JPEG is cut off", .enabled(if: TestMedia.isAvailable, "skipped: ffmpeg is not installed"))
    func cutJPEG() throws {
        let media = try TestMedia()
        let path = try media.make("a.jpg", "-f lavfi -i testsrc2=s=320x240 -frames:v 1")
        #expect(try source(media, ["a.jpg"]).open().frameCount == 1)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in [whole.count / 2, whole.count - 300] {
            try whole.prefix(length).write(to: URL(fileURLWithPath: media.path("cut.jpg")))
            #expect(throws: MediaError.self, "\(length) of \(whole.count)") { try source(media, ["cut.jpg"]).open() }
        }
    }
}
