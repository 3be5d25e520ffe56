import Evaluation
import Imaging
import VideoInput

/// What `evaluate` prints: the report with what was measured, as tables for people or as JSON for programs.
struct AccuracyTable: Encodable {
    private let model: String
    private let size: ImageSize
    private let fit: Fit
    private let report: AccuracyReport
    private let leftOut: [LeftOut]

    /// The report on the masks of `model`, whose input of `size` was fitted by `fit`, and what was not measured.
    init(_ report: AccuracyReport, model: String, size: ImageSize, fit: Fit, leftOut: [LeftOut]) {
        self.leftOut = leftOut
        self.report = report
        self.model = model
        self.size = size
        self.fit = fit
    }

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
        case leftOut = "left_out"
    }

    /// Rates in percent; null where the labels do not show a class, or the model has no categories.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(size.description, forKey: .size)
        try container.encode(fit.rawValue, forKey: .fit)
        try container.encode(report.images, forKey: .images)
        try container.encode(report.classIoU.mean.map(percent), forKey: .meanIoU)
        try container.encode(byName(report.classIoU), forKey: .classIoU)
        try container.encode(report.categoryIoU?.mean.map(percent), forKey: .meanCategoryIoU)
        try container.encode(report.categoryIoU.map(byName), forKey: .categoryIoU)
        try container.encode(percent(report.pixelAccuracy), forKey: .pixelAccuracy)
        try container.encode(report.boundaryF.mean.map(percent), forKey: .boundaryF)
        try container.encode(byName(report.boundaryF), forKey: .classBoundaryF)
        try container.encode(report.confusion.pixels, forKey: .pixels)
        let ignored = report.confusion.ignoredPixels.map { ("\($0.id)", $0.pixels) }
        try container.encode(Dictionary(uniqueKeysWithValues: ignored), forKey: .ignoredPixels)
        let names = Dictionary(grouping: leftOut, by: \.reason.rawValue)
        try container.encode(names.mapValues(LeftOutNames.init), forKey: .leftOut)
    }

    /// What was not measured for one reason: how many, and the first few.
    private struct LeftOutNames: Encodable {
        let count: Int
        let first: [String]

        init(_ all: [LeftOut]) {
            count = all.count
            first = all.prefix(10).map { PathBytes.shown($0.name) }
        }
    }

    private func percent(_ share: Double) -> Double { 100 * share }

    private func byName(_ scores: ClassScores) -> [String: Double?] {
        var values: [String: Double?] = [:]
        for (name, value) in zip(scores.names, scores.values) { values.updateValue(value.map(percent), forKey: name) }
        return values
    }

    /// The tables.
    var lines: [String] {
        let pictures = report.images == 1 ? "1 picture" : "\(report.images) pictures"
        let fitted = fit == .stretch ? "" : ", \(fit.rawValue)"
        let names = report.classIoU.names + (report.categoryIoU?.names ?? []) + ["category"]
        let width = (names.map(\.count).max() ?? 0) + 2
        func row(_ name: String, _ cells: [String]) -> String {
            TextTable.left(name, width) + cells.map { TextTable.right($0, 12) }.joined()
        }
        func cell(_ share: Double?) -> String { share.map { TextTable.fixed(percent($0), 2) } ?? "–" }
        let (matrix, pixels) = (report.confusion, Double(report.confusion.pixels))
        var lines = ["\(model) at \(size)\(fitted), \(pictures)", ""]
        lines.append(row("class", ["IoU, %", "boundary F", "pixels, %"]))
        for (id, name) in report.classIoU.names.enumerated() {
            let share = Double(matrix.labelled(id)) / pixels
            lines.append(row(name, [cell(report.classIoU.values[id]), cell(report.boundaryF.values[id]), cell(share)]))
        }
        lines.append(row("mean", [cell(report.classIoU.mean), cell(report.boundaryF.mean)]))
        lines.append("")
        if let categories = report.categoryIoU {
            lines.append(row("category", ["IoU, %"]))
            for (name, value) in zip(categories.names, categories.values) { lines.append(row(name, [cell(value)])) }
            lines.append(row("mean", [cell(categories.mean)]))
        } else {
            lines.append("no categories: \(model) names none")
        }
        lines += ["", row("pixel accuracy", [cell(report.pixelAccuracy)])]
        let ignored = matrix.ignoredPixels
        if !ignored.isEmpty {
            let share = Double(ignored.reduce(0) { $0 + $1.pixels })
            let ids = ignored.prefix(8).map { "\($0.id)" }.joined(separator: ", ") + (ignored.count > 8 ? ", …" : "")
            lines.append(row("no class", [cell(share / (share + pixels))]) + "  of all pixels, not counted: \(ids)")
        }
        if let summary = LeftOut.summary(of: leftOut) { lines += ["", "left out: \(summary)"] }
        return lines
    }
}
