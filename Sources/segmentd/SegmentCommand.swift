import ArgumentParser
import Imaging
import MaskOutput
import MediaIO
import Operations
import Pipeline
import Segmentation
import VideoInput

extension Fit: ExpressibleByArgument {}
extension OutputStyle: ExpressibleByArgument {}
extension OutputResolution: ExpressibleByArgument {}

/// `segmentd segment`: videos and pictures in, masks out.
struct SegmentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "segment",
        abstract: "Segment videos, pictures, or folders of pictures.",
        discussion: """
            An INPUT is a video or picture file, a folder of pictures, any URL that FFmpeg opens, - for standard \
            input, or synthetic: for the drive that the program renders (synthetic:seed=7,size=1280x720,seconds=10).

            OUT is a video file (.mp4, .mkv, …: an overlay unless --style says otherwise), a folder for a PNG a frame \
            (class ids with the class colours as palette), - for Y4M on standard output, or null: for nothing. \
            Of several INPUTs each gets a file of its own in the folder OUT, named after it: a video in style overlay \
            or mask, a folder of PNGs in style ids. An output appears when it is complete, in place of what was there.

            Of a folder, pictures that cannot be read are left out: each is named at the end, and the status is 65. \
            What else lies in it, hidden files and folders too, is counted and the first few are named.
            """)

    @Argument(help: ArgumentHelp("What to segment.", valueName: "input"))
    var inputs: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("Where the masks go.", valueName: "out"))
    var output: String

    @Option(help: "overlay is the picture under the class colours, mask the colours, ids the class ids.")
    var style: OutputStyle?

    @Option(parsing: .unconditional, help: "How strongly the colours cover the picture of an overlay, 0 to 1.")
    var opacity = 0.5

    @Option(help: "The size of mask and ids: the source's, or the network's own.")
    var resolution = OutputResolution.source

    @Option(help: "How pictures are brought to the network's size.")
    var fit = Fit.stretch

    @Option(parsing: .unconditional, help: "Frames of each input to segment at most.")
    var limit: Int?

    @Option(help: "The network's input, height x width, multiples of 16; smaller is faster and coarser.")
    var size = NetworkSize.standard

    @Flag(
        help: """
            Keep the input's time stamps in a video. Without it a video begins at 0 and leaves out the jumps of the \
            input's clock: steps backwards, or forwards by more than 10 s and ten frames.
            """)
    var exactTimes = false

    @Option(
        help: ArgumentHelp(
            "FFmpeg's demuxer for the inputs, where it takes the wrong one or none by itself: mjpeg, mpjpeg, h264.",
            valueName: "name"))
    var demuxer: String?

    @Flag(help: "Stop at the first picture of a folder that cannot be read.")
    var strict = false

    @OptionGroup var input: InputArguments

    @OptionGroup var engine: EngineArguments

    func validate() throws {
        if inputs.contains("") { throw ValidationError("An INPUT is empty; is a variable of the shell unset?") }
        if let limit, limit < 1 { throw ValidationError("--limit takes 1 or more, not \(limit).") }
        guard (0...1).contains(opacity) else { throw ValidationError("--opacity takes 0 to 1, not \(opacity).") }
    }

    func run() throws {
        let inputs = try inputs.map { input in
            do {
                return try SecretReferences.hasReference(input) ? SecretReferences(input).resolved() : input
            } catch {
                throw CommandFailure(.usage, "\(MediaLocation.shown(input)): \(error)")
            }
        }
        let jobs = try SegmentJob.plan(inputs: inputs, output: output, style: style)
        var options = OutputOptions()
        options.opacity = opacity
        options.resolution = resolution
        options.keepsExactTimes = exactTimes
        // All that can be refused before the model is loaded is refused here.
        var sourceOptions = input.sourceOptions
        sourceOptions.skipsUnreadablePictures = !strict
        sourceOptions.format = demuxer
        let prepared = try jobs.map { job in
            (
                job: job, source: try VideoSources.source(job.input, camera: job.name, options: sourceOptions),
                sink: try MaskSinks.make(output: job.output, style: job.style, options: options)
            )
        }
        for job in jobs { try MaskSinks.check(place: job.output) }
        let signals = SignalWatch()
        let queue = try engine.makeEngine(size: size.size)
        var status: ExitStatus?
        for (job, source, sink) in prepared where signals.signalNumber == nil {
            let pipeline = CameraPipeline(
                source: source, preparer: Preprocessor(inputSize: size.size, fit: fit), engine: queue, sinks: [sink],
                options: CameraPipeline.Options(limit: limit))
            signals.onSignal { pipeline.cancel() }
            let limit = limit
            let progress = try ProgressReport(title: job.title, ledger: pipeline.ledger) {
                [pipeline.stream?.frameCount, limit].compactMap { $0 }.min()
            }
            let outcome = pipeline.runAndWait()
            signals.onSignal(nil)
            progress.end(note: outcome.wasCancelled ? "interrupted" : outcome.isComplete ? nil : "not completed")
            for remark in sink.remarks { StandardError.write("\(job.title): \(remark)\n") }
            let report = InputReport(of: source.diagnostics, input: job.input)
            for line in report.lines { StandardError.write("segmentd: \(line)\n") }
            if report.isIncomplete { status = status ?? .dataError }
            if let failure = Self.failure(of: outcome, job: job) {
                let told = failure.tell()
                status = status ?? told
            }
        }
        if let status = signals.exitStatus ?? status { throw ExitCode(status.rawValue) }
    }

    private static func failure(of outcome: PipelineOutcome, job: SegmentJob) -> CommandFailure? {
        if let failure = outcome.failure { return CommandFailure(failure) }
        if outcome.isComplete || outcome.wasCancelled { return nil }
        return CommandFailure(.dataError, "\(job.input) has no frames; nothing was written to \(job.output)")
    }
}
