import ArgumentParser
import Imaging
import MaskOutput
import Operations
import Pipeline
import SyntheticDrive
import VideoInput

/// `segmentd synthesize`: the synthetic drive as a video, with its labels.
struct SynthesizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synthesize",
        abstract: "Render a street drive to a video, with the true class of every pixel.",
        discussion: """
            The same options give the same drive, on every machine. Labels are PNGs, one a frame: a pixel's value is \
            its class id, the palette the class colours, both those of the model.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The video.", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("A folder for the labels; none are written unless given.", valueName: "folder"))
    var labels: String?

    @Option(parsing: .unconditional, help: "The length in seconds.")
    var seconds = 10.0

    @Option(parsing: .unconditional, help: "Decides road, houses, weather and traffic.")
    var seed: UInt64 = 0

    @Option(help: "The size, WIDTHxHEIGHT in pixels as FFmpeg's video_size.")
    var size = "1280x720"

    @Option(help: "Frames a second, such as 30 or 30000/1001.")
    var rate = "30"

    @Option(help: ArgumentHelp("The model whose classes the labels have.", valueName: "file"))
    var model: String?

    func run() throws {
        let options: SyntheticOptions
        do {
            options = try SyntheticOptions(url: "synthetic:seed=\(seed),size=\(size),rate=\(rate),seconds=\(seconds)")
        } catch {
            throw CommandFailure(.usage, "\(error)")
        }
        guard try MaskSinks.kind(of: output) == .video else {
            throw CommandFailure(
                .usage, "cannot write a drive to \(output): give the name of a video file, such as drive.mp4")
        }
        let classes = try EngineArguments.loadModel(model).labels
        let drive = SyntheticDrive(options: options, labels: classes)
        // The picture under colours that cover nothing.
        var clear = OutputOptions()
        clear.opacity = 0
        var sinks: [any MaskSink] = [try MaskSinks.make(output: output, style: .overlay, options: clear)]
        if let labels { sinks.append(PNGSink(target: .folder(labels), style: .ids)) }
        let signals = SignalWatch()
        try render(drive, classes, to: sinks, until: { signals.signalNumber != nil })
        if let status = signals.exitStatus { throw ExitCode(status.rawValue) }
    }

    private func render(
        _ drive: SyntheticDrive, _ classes: LabelSet, to sinks: [any MaskSink], until isOver: () -> Bool
    ) throws {
        let count = drive.options.frameCount ?? 0
        let ledger = LatencyLedger()
        let progress = try ProgressReport(title: "synthetic drive -> \(output)", ledger: ledger) { count }
        do {
            let stream = StreamInfo(
                size: drive.options.size, frameRate: drive.options.frameRate, timeBase: drive.options.timeBase,
                frameCount: count, summary: "synthetic drive, seed \(seed)")
            for sink in sinks {
                try sink.begin(stream: stream, maskSize: drive.options.size, labels: classes)
            }
            for index in 0..<count {
                if index > 0, isOver() { break }
                try write(index, of: drive, classes, to: sinks, ledger: ledger)
            }
            for sink in sinks { try sink.finish() }
        } catch {
            for sink in sinks { sink.abandon() }
            progress.end(note: "not completed")
            throw error
        }
        progress.end(note: isOver() ? "interrupted" : nil)
    }

    private func write(
        _ index: Int, of drive: SyntheticDrive, _ classes: LabelSet, to sinks: [any MaskSink], ledger: LatencyLedger
    ) throws {
        let clock = SystemClock()
        let capture = clock.now(.synthetic)
        let sample = drive.sample(at: index)
        var stages = StageTimes()
        stages[.decode] = StageTimes.Interval(
            began: capture.monotonicNanoseconds, ended: clock.monotonicNanoseconds)
        let stamp = FrameStamp(
            camera: "synthetic", sequence: UInt64(index),
            mediaTime: MediaTime(value: Int64(index), timeBase: drive.options.timeBase), mediaDuration: 1,
            capture: capture)
        let frame = Frame(stamp: stamp, picture: sample.picture, stages: stages)
        ledger.arrived(frame)
        let geometry = MaskGeometry(mask: sample.classes.size, source: sample.picture.size, fit: .stretch)
        let mask = Mask(
            stamp: stamp, classes: sample.classes, labels: classes, model: "truth", geometry: geometry,
            stages: stages)
        stages[.publish].began = clock.monotonicNanoseconds
        for sink in sinks { try sink.write(mask, of: frame, dropped: 0) }
        stages[.publish].ended = clock.monotonicNanoseconds
        ledger.published(stamp, stages: stages)
    }
}
