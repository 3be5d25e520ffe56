import Foundation
import Testing

@Suite("segmentd evaluate")
struct EvaluateTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What `evaluate --json` prints.
    private struct Report: Decodable {
        let model: String
        let size: String
        let fit: String
        let images: Int
        let pixels: Int
        let meanIoU: Double?
        let classIoU: [String: Double?]
        let meanCategoryIoU: Double?
        let categoryIoU: [String: Double?]?
        let pixelAccuracy: Double
        let boundaryF: Double?
        let classBoundaryF: [String: Double?]
        let ignoredPixels: [String: Int]

        enum CodingKeys: String, CodingKey {
            case model, size, fit, images, pixels
            case meanIoU = "mean_iou"
            case classIoU = "class_iou"
            case meanCategoryIoU = "mean_category_iou"
            case categoryIoU = "category_iou"
            case pixelAccuracy = "pixel_accuracy"
            case boundaryF = "boundary_f"
            case classBoundaryF = "class_boundary_f"
            case ignoredPixels = "ignored_pixels"
        }
    }

    /// The pictures' own size: small enough to be quick, large enough for a sky to be found.
    private let small = ["--size", "96x160", "--threads", "1"]

    private func run(_ arguments: [String]) throws -> Program.Result { try Running(arguments, in: folder).wait() }

    private func evaluate(_ arguments: String..., labels: String = "labels") throws -> Program.Result {
        try run(["evaluate", "--images", "pictures", "--labels", labels] + arguments + small)
    }

    private func report(_ arguments: String..., labels: String = "labels") throws -> Report {
        let result = try run(
            ["evaluate", "--images", "pictures", "--labels", labels, "--json"] + arguments + small)
        #expect(result.status == 0, result.summary)
        return try JSONDecoder().decode(Report.self, from: result.output)
    }

    /// A drive's pictures in `pictures`, and the true class of every pixel in `labels`.
    private func drive(frames: Int = 3) throws {
        let made = try run([
            "synthesize", "-o", "drive.mkv", "--labels", "labels", "--seconds", "\(Double(frames) / 30)", "--size",
            "160x96", "--seed", "3",
        ])
        #expect(made.status == 0, made.summary)
        let unpacked = try run(
            ["segment", "drive.mkv", "-o", "pictures/", "--style", "overlay", "--opacity", "0"] + small)
        #expect(unpacked.status == 0, unpacked.summary)
    }

    /// A label whose left half has one id and whose right half another.
    private func halves(_ left: UInt8, _ right: UInt8) -> StoredPNG {
        StoredPNG.gray(Array(repeating: (0..<160).map { $0 < 80 ? left : right }, count: 96))
    }

    /// The model inside under other names.
    private func renamed(_ names: [String], categories: [String]? = nil) throws -> String {
        let url = Program.root.appending(path: "Sources/Networks/Resources/models/street11.safetensors")
        let whole = try Data(contentsOf: url)
        let length = whole.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var header = try #require(
            try JSONSerialization.jsonObject(with: whole[8..<(8 + length)]) as? [String: Any])
        var metadata = try #require(header["__metadata__"] as? [String: String])
        func list(_ names: [String]) throws -> String {
            String(decoding: try JSONEncoder().encode(names), as: UTF8.self)
        }
        metadata["classes"] = try list(names)
        metadata["categories"] = try categories.map(list)
        header["__metadata__"] = metadata
        let text = try JSONSerialization.data(withJSONObject: header)
        var file = Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) })
        file += text + whole[(8 + length)...]
        try file.write(to: folder.url.appending(path: "renamed.safetensors"))
        return "renamed.safetensors"
    }

    private func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder.path(name), withIntermediateDirectories: true)
    }

    @Test("gives numbers that hang together for a drive with its true labels")
    func consistent() throws {
        try drive()
        let report = try report()
        #expect(report.model == "street11" && report.size == "96x160" && report.fit == "stretch")
        #expect(report.images == 3 && report.pixels + report.ignoredPixels.values.reduce(0, +) == 3 * 96 * 160)
        #expect(report.classIoU.count == 11 && report.classBoundaryF.count == 11)
        let shown = report.classIoU.values.compactMap { $0 }
        #expect(shown.allSatisfy { (0...100).contains($0) } && shown.count >= 5)
        let mean = try #require(report.meanIoU)
        #expect(abs(mean - shown.reduce(0, +) / Double(shown.count)) < 1e-9)
        #expect(report.pixelAccuracy > mean && report.pixelAccuracy < 100)
        #expect((report.classIoU["Sky"] ?? nil) ?? 0 > 40)
        #expect(report.categoryIoU?.count == 7 && report.meanCategoryIoU != nil)
    }

    @Test(
        "runs what segment runs: the ids that segment writes are labels without a fault",
        arguments: ["stretch", "letterbox"])
    func sameAsSegment(fit: String) throws {
        try drive()
        let made = try run(["segment", "pictures", "-o", "own/", "--style", "ids", "--fit", fit] + small)
        #expect(made.status == 0, made.summary)
        let report = try report("--fit", fit, labels: "own")
        #expect(report.fit == fit && report.images == 3 && report.ignoredPixels.isEmpty)
        #expect(report.pixelAccuracy == 100 && report.meanIoU == 100 && report.boundaryF == 100)
        #expect(report.classIoU.values.compactMap { $0 }.allSatisfy { $0 == 100 })
    }

    @Test("prints a table of classes, and one of categories")
    func table() throws {
        try drive(frames: 1)
        let result = try evaluate()
        #expect(result.status == 0, result.summary)
        let text = String(decoding: result.output, as: UTF8.self)
        #expect(text.hasPrefix("street11 at 96x160, 1 picture\n\nclass "), "\(text)")
        for line in [#/\nRoad +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d\n/#, #/\nmean +\d+\.\d\d +\d+\.\d\d\n/#] {
            #expect(text.contains(line), "\(text)")
        }
        #expect(text.contains(/\ncategory +IoU, %\nsky +\d+\.\d\d\n/) && text.contains(/pixel accuracy +\d+\.\d\d/))
        #expect(result.errors.contains("pictures: 1 frame in "), result.summary)
    }

    @Test("says that a model names no categories")
    func noCategories() throws {
        try drive(frames: 1)
        let model = try renamed((0..<11).map { "class \($0)" })
        let text = String(decoding: try evaluate("--model", model).output, as: UTF8.self)
        #expect(text.contains("no categories: renamed names none"), "\(text)")
        let report = try report("--model", model)
        #expect(report.categoryIoU == nil && report.meanCategoryIoU == nil)
    }

    @Test("prints categories where the model has them, and a dash where the labels show none of a class")
    func categories() throws {
        try drive(frames: 1)
        let names = [
            "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "Sign", "Fence", "Car", "Person", "Cyclist",
        ]
        let kinds = Array(repeating: "things", count: 10) + ["riders"]
        let model = try renamed(names, categories: kinds)
        try makeFolder("sky")
        // Nothing but sky: what is taken for another thing is the wrong class of the right category.
        try halves(0, 0).write(to: folder.path("sky/frame_000000.png"))
        let report = try report("--model", model, labels: "sky")
        #expect(report.categoryIoU?.count == 2 && report.categoryIoU?["riders"] == .some(nil))
        let (sky, things) = (
            try #require(report.classIoU["Sky"] ?? nil), try #require(report.categoryIoU?["things"] ?? nil)
        )
        #expect(sky == report.meanIoU && things == report.meanCategoryIoU && things > sky && sky > 0)
        #expect(report.classIoU["Road"] == .some(nil) && report.boundaryF == nil)
        let text = String(decoding: try evaluate("--model", model, labels: "sky").output, as: UTF8.self)
        #expect(text.contains(/\ncategory +IoU, %\nthings +\d+\.\d\d\nriders +–\nmean/), "\(text)")
        #expect(text.contains(/\nRoad +– +– +0.00\n/), "\(text)")
    }

    @Test("reads labels of Cityscapes by their names, its own ids as well as the model's")
    func cityscapes() throws {
        try drive(frames: 1)
        let names = [
            "sky", "building", "pole", "road", "sidewalk", "vegetation", "traffic sign", "fence", "car", "person",
            "bicycle",
        ]
        let model = try renamed(names)
        try FileManager.default.createDirectory(atPath: folder.path("city/ulm"), withIntermediateDirectories: true)
        try FileManager.default.moveItem(
            atPath: folder.path("pictures/frame_000000.png"), toPath: folder.path("city/ulm/ulm_0_leftImg8bit.png"))
        for (kind, left, right) in [("labelTrainIds", UInt8(3), UInt8(0)), ("labelIds", 7, 23)] {
            try FileManager.default.createDirectory(
                atPath: folder.path("\(kind)/ulm"), withIntermediateDirectories: true)
            try halves(left, right).write(to: folder.path("\(kind)/ulm/ulm_0_gtFine_\(kind).png"))
        }
        var answers: [Data] = []
        for kind in ["labelTrainIds", "labelIds"] {
            let result = try run(
                ["evaluate", "--images", "city", "--labels", kind, "--model", model, "--json"] + small)
            #expect(result.status == 0, result.summary)
            answers.append(result.output)
        }
        #expect(answers[0] == answers[1])
        let wrong = try run(["evaluate", "--images", "city", "--labels", "labelIds", "--json"] + small)
        #expect(wrong.status == 65 && wrong.lastLine.contains("\"Sky\"") && wrong.output.isEmpty, wrong.summary)
    }

    @Test("refuses pictures without labels and labels without pictures, unless it is told to go on")
    func missing() throws {
        try drive()
        try FileManager.default.removeItem(atPath: folder.path("labels/frame_000001.png"))
        try FileManager.default.removeItem(atPath: folder.path("pictures/frame_000002.png"))
        let result = try evaluate()
        #expect(result.status == 65 && result.output.isEmpty, result.summary)
        for word in ["frame_000001.png", "frame_000002.png", "--allow-missing"] {
            #expect(result.lastLine.contains(word), result.summary)
        }
        let partial = try evaluate("--allow-missing")
        #expect(partial.status == 0 && partial.errors.contains("warning: 1 picture of pictures"), partial.summary)
        #expect(String(decoding: partial.output, as: UTF8.self).contains("1 picture\n"))
    }

    @Test("ends with a sentence that names the file and the code that fits, and prints no numbers")
    func badInputs() throws {
        try drive(frames: 1)
        let label = try Data(contentsOf: folder.url.appending(path: "labels/frame_000000.png"))
        let picture = try Data(contentsOf: folder.url.appending(path: "pictures/frame_000000.png"))
        func set(_ name: String, _ data: Data) throws {
            try makeFolder(name)
            try data.write(to: folder.url.appending(path: "\(name)/frame_000000.png"))
        }
        try set("cut", label.prefix(label.count / 2))
        try set("colours", picture)
        try set("wide", StoredPNG(height: 1, width: 1, bits: 16, color: 0, rows: [[0, 1]]).data)
        try set("text", Data("label".utf8))
        try set("shape", StoredPNG.gray(Array(repeating: Array(repeating: 0, count: 96), count: 160)).data)
        try set("void", StoredPNG.gray(Array(repeating: Array(repeating: 99, count: 160), count: 96)).data)
        try makeFolder("empty")
        for (labels, status, word) in [
            ("cut", 65, "cut/frame_000000.png"), ("colours", 65, "RGB colours"), ("wide", 65, "16 bits"),
            ("text", 65, "no PNG"), ("shape", 65, "160x96"), ("void", 65, "99"), ("empty", 65, "empty"),
            ("away", 66, "away"), ("drive.mkv", 66, "drive.mkv"),
        ] {
            let result = try evaluate(labels: labels)
            #expect(result.status == Int32(status) && result.output.isEmpty, result.summary)
            #expect(result.lastLine.hasPrefix("segmentd: ") && result.lastLine.contains(word), result.summary)
        }
        try picture.prefix(picture.count / 2).write(to: folder.url.appending(path: "pictures/frame_000000.png"))
        let damaged = try evaluate()
        #expect(damaged.status == 65 && damaged.lastLine.contains("pictures/frame_000000.png"), damaged.summary)
    }

    @Test("prints no numbers of a part of the pictures when it is interrupted")
    func interrupted() throws {
        try drive(frames: 1)
        for number in 1...4_000 {
            for name in ["pictures", "labels"] {
                try FileManager.default.linkItem(
                    atPath: folder.path("\(name)/frame_000000.png"), toPath: folder.path("\(name)/\(number).png"))
            }
        }
        let running = try Running(["evaluate", "--images", "pictures", "--labels", "labels"] + small, in: folder)
        #expect(running.wait { running.errors.contains("/4001 frames, ") })
        running.send(2)
        let result = running.wait()
        #expect(result.status == 130 && result.output.isEmpty, result.summary)
        #expect(result.errors.contains("interrupted"), result.summary)
    }

    @Test(
        "refuses options that make no sense",
        arguments: [
            [], ["--images", "a"], ["--labels", "a"], ["--images", "a", "--labels", "b", "--size", "50x50"],
            ["--images", "a", "--labels", "b", "--fit", "zoom"], ["--images", "a", "--labels", "b", "c"],
        ])
    func usage(arguments: [String]) throws {
        let result = try run(["evaluate"] + arguments)
        #expect(result.status == 64 && result.output.isEmpty && !result.errors.isEmpty, result.summary)
    }
}
