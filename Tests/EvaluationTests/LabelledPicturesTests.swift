import Evaluation
import Foundation
import MediaIO
import Testing
import VideoInput

@Suite("Pictures and their labels")
struct LabelledPicturesTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "segmentd-pairs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }

    private func touch(_ names: String...) throws {
        for name in names {
            let url = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: url)
        }
    }

    private func find(_ images: String = "images", _ labels: String = "labels") throws -> LabelledPictures {
        try LabelledPictures(images: path(images), labels: path(labels))
    }

    /// Pairs as `picture label`, without the test's folder.
    private func names(_ found: LabelledPictures) -> [String] {
        found.pairs.map { pair in
            [pair.picture, pair.label].map { $0.replacing(folder.path + "/", with: "") }.joined(separator: " ")
        }
    }

    @Test("belong together by their names, in natural order, in folders within the folders too")
    func byName() throws {
        try touch("images/f10.jpg", "images/f2.PNG", "images/town/f1.jpeg", "images/notes.txt", "images/.hidden.png")
        try touch("labels/f2.png", "labels/f10.png", "labels/town/f1.png", "labels/palette.txt")
        let found = try find()
        #expect(
            names(found) == [
                "images/f2.PNG labels/f2.png", "images/f10.jpg labels/f10.png",
                "images/town/f1.jpeg labels/town/f1.png",
            ])
        #expect(found.missing == nil)
        // However the folders are written.
        #expect(try names(find("images/", "labels/")) == names(found))
    }

    @Test("of Cityscapes belong together by its names, trained ids before label ids, fine before coarse")
    func cityscapes() throws {
        for city in ["aachen/aachen_0", "bonn/bonn_1", "ulm/ulm_2"] {
            try touch("images/\(city)_leftImg8bit.png", "labels/\(city)_gtFine_color.png")
            try touch("labels/\(city)_gtFine_instanceIds.png", "labels/\(city)_gtFine_polygons.json")
        }
        try touch("labels/aachen/aachen_0_gtFine_labelIds.png", "labels/aachen/aachen_0_gtFine_labelTrainIds.png")
        try touch("labels/bonn/bonn_1_gtFine_labelIds.png", "labels/bonn/bonn_1_gtCoarse_labelTrainIds.png")
        try touch("labels/ulm/ulm_2_gtCoarse_labelIds.png")
        let found = try find()
        #expect(
            found.pairs.map { $0.label.split(separator: "/").last.map(String.init) } == [
                "aachen_0_gtFine_labelTrainIds.png", "bonn_1_gtFine_labelIds.png", "ulm_2_gtCoarse_labelIds.png",
            ])
        #expect(found.missing == nil)
    }

    @Test("that lack their counterpart are counted and the first few named")
    func missing() throws {
        try touch("images/a.png", "images/b.png", "images/c.png", "images/d.png", "images/e.png")
        try touch("labels/a.png", "labels/x.png", "labels/sub/b.png")
        let found = try find()
        #expect(found.pairs.count == 1)
        #expect(found.picturesWithoutLabel == ["b.png", "c.png", "d.png", "e.png"])
        #expect(found.labelsWithoutPicture == ["sub/b.png", "x.png"])
        let text = try #require(found.missing)
        #expect(
            text.contains(
                "4 pictures of \(path("images")) without a label in \(path("labels")): b.png, c.png, d.png, …"))
        #expect(text.contains("2 labels of \(path("labels")) without a picture in \(path("images")): sub/b.png, x.png"))
    }

    @Test("are refused where none belong together, and what is there is told")
    func nothing() throws {
        try touch("images/a.png", "labels/b.png", "text/notes.txt", "jpegs/a.jpg")
        try touch("colours/a_gtFine_color.png")
        for (images, labels, words) in [
            ("images", "labels", ["a.png for a.png", "there is b.png"]),
            ("text", "labels", ["no picture in \(path("text"))"]),
            ("images", "text", ["no label in \(path("text"))"]),
            ("images", "colours", ["no label in \(path("colours"))"]),
            ("images", "jpegs", ["no PNG files", "a.jpg"]),
            ("images", "images", ["one folder"]), ("images", "images/../images", ["one folder"]),
        ] {
            let error = #expect(throws: PairingError.self) { try find(images, labels) }
            for word in words { #expect(error?.description.contains(word) == true, "\(String(describing: error))") }
        }
    }

    @Test("are refused where a folder is not there or is none")
    func folders() throws {
        try touch("images/a.png", "labels/a.png", "file")
        for (images, labels) in [("away", "labels"), ("images", "away"), ("file", "labels"), ("images", "file")] {
            let error = #expect(throws: MediaError.self) { try find(images, labels) }
            let named = images == "images" ? labels : images
            #expect(error?.kind == .notFound && error?.description.contains(path(named)) == true)
        }
    }

    @Test("are refused where two pictures claim one label")
    func ambiguous() throws {
        try touch("images/a.png", "images/a.jpg", "labels/a.png")
        let error = #expect(throws: PairingError.self) { try find() }
        #expect(error?.description.contains("a.jpg and a.png") == true, "\(String(describing: error))")
    }

    @Test("may lie in each other, and in circles of links")
    func nested() throws {
        try touch("data/a.jpg", "data/labels/a.png", "data/town/b.jpg", "data/labels/town/b.png")
        let expected = ["data/a.jpg data/labels/a.png", "data/town/b.jpg data/labels/town/b.png"]
        #expect(try names(find("data", "data/labels")) == expected)
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "data/town/up"), withDestinationURL: folder.appending(path: "data"))
        #expect(try names(find("data", "data/labels")) == expected)
        #expect(try find("data", "data/labels").missing == nil)
    }
}
