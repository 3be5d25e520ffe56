import ArgumentParser
import Evaluation
import Foundation
import Imaging
import Pipeline
import Segmentation
import VideoInput

/// `segmentd evaluate`: how well a model does on labelled pictures.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure a model on labelled pictures: IoU by class and category, pixel accuracy, boundaries.",
        discussion: """
            The pictures are segmented as `segment` does it, and compared with their labels pixel by pixel, at the \
            labels' size. A label is a PNG, 8-bit grey or with a palette, whose values are the model's class ids; \
            values that are no class are not counted. It lies at the same place below its folder and is named as its \
            picture: val/a.jpg, val/a.png. Files named as those of Cityscapes are understood too: \
            X_leftImg8bit.png with X_gtFine_labelTrainIds.png, or with X_gtFine_labelIds.png for a model with \
            Cityscapes' classes.

            A picture or label that lacks its counterpart, or cannot be read, ends it with status 65; --allow-missing \
            leaves it out. What is left out is named on standard error and counted in the JSON. Damage to what is no \
            pixel, such as a comment, a profile or EXIF, does not count.

            docs/evaluation.md says how each number is reckoned.
            """)

    @Option(help: ArgumentHelp("The folder of the pictures; folders in it are read too.", valueName: "folder"))
    var images: String

    @Option(help: ArgumentHelp("The folder of the labels.", valueName: "folder"))
    var labels: String

    @Flag(help: "Go on with the others where a picture has no label, a label no picture, or one cannot be read.")
    var allowMissing = false

    @Option(help: "How pictures are brought to the network's size.")
    var fit = Fit.stretch

    @Option(help: "The network's input, height x width, multiples of 16.")
    var size = NetworkSize.standard

    @Flag(help: "Print JSON, rates in percent.")
    var json = false

    @OptionGroup var input: InputArguments

    @OptionGroup var engine: EngineArguments

    func run() throws {
        let found = try LabelledPictures(images: images, labels: labels)
        if let missing = found.missing {
            guard allowMissing else {
                throw CommandFailure(.dataError, "\(missing) (--allow-missing goes on with the others)")
            }
            StandardError.write("segmentd: warning: \(missing)\n")
        }
        for (folder, leftOut) in [(images, found.leftOutOfImages), (labels, found.leftOutOfLabels)] {
            guard let summary = LeftOut.summary(of: leftOut) else { continue }
            StandardError.write("segmentd: warning: left out of \(PathBytes.shown(folder)): \(summary)\n")
        }
        let signals = SignalWatch()
        let queue = try engine.makeEngine(size: size.size)
        var options = input.sourceOptions
        options.skipsUnreadablePictures = allowMissing
        // A picture with a hole in it is no measure of the model.
        options.refusesCorruptFrames = true
        let sink = AccuracySink(
            pairs: found.pairs, folder: labels, maxPixels: input.maxPixels, skipsUnreadable: allowMissing)
        let source = ImageFolderSource(
            camera: "evaluate", path: images, images: found.pairs.map(\.picture), options: options)
        let pipeline = CameraPipeline(
            source: source, preparer: Preprocessor(inputSize: size.size, fit: fit), engine: queue, sinks: [sink])
        signals.onSignal { pipeline.cancel() }
        let progress = try ProgressReport(title: PathBytes.shown(images), ledger: pipeline.ledger) { found.pairs.count }
        let outcome = pipeline.runAndWait()
        signals.onSignal(nil)
        progress.end(note: outcome.wasCancelled ? "interrupted" : outcome.isComplete ? nil : "not completed")
        if let failure = outcome.failure { throw CommandFailure(failure) }
        // Numbers of a part of the pictures would pass for those of all.
        if let status = signals.exitStatus { throw ExitCode(status.rawValue) }
        let unreadable = source.diagnostics.leftOut + sink.leftOut
        for problem in unreadable.compactMap(\.problem) { StandardError.write("segmentd: warning: \(problem)\n") }
        guard let evaluation = sink.evaluation else {
            throw CommandFailure(.dataError, "\(images): nothing was compared")
        }
        let report: AccuracyReport
        do { report = try evaluation.report() } catch { throw CommandFailure(.dataError, "\(labels): \(error)") }
        let table = AccuracyTable(
            report, model: queue.modelName, size: queue.inputSize, fit: fit, leftOut: found.leftOut + unreadable)
        print(try json ? Self.json(table) : table.lines.joined(separator: "\n"))
    }

    private static func json(_ table: AccuracyTable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(table), as: UTF8.self)
    }
}
