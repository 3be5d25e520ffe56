import Imaging
import MaskOutput
import MediaIO
import Pipeline
import Segmentation
import VideoInput

/// Makes what a camera's pipeline is put together from.
public struct CameraFactory: Sendable {
    /// The source of a camera, not yet opened.
    public var source: @Sendable (ServiceConfiguration.Camera) throws -> any VideoSource
    /// What brings its pictures to the network's size.
    public var preparer: @Sendable (ServiceConfiguration.Camera) -> any Preparing
    /// Its outputs, not yet begun.
    public var sinks: @Sendable (ServiceConfiguration.Camera) throws -> [any MaskSink]
    /// Whether its source has a pace of its own; says so without looking up secrets.
    private let isLive: @Sendable (ServiceConfiguration.Camera) throws -> Bool

    /// Makes the parts with these.
    public init(
        source: @escaping @Sendable (ServiceConfiguration.Camera) throws -> any VideoSource,
        preparer: @escaping @Sendable (ServiceConfiguration.Camera) -> any Preparing,
        sinks: @escaping @Sendable (ServiceConfiguration.Camera) throws -> [any MaskSink]
    ) {
        self.init(source: source, preparer: preparer, sinks: sinks, isLive: { try source($0).isLive })
    }

    private init(
        source: @escaping @Sendable (ServiceConfiguration.Camera) throws -> any VideoSource,
        preparer: @escaping @Sendable (ServiceConfiguration.Camera) -> any Preparing,
        sinks: @escaping @Sendable (ServiceConfiguration.Camera) throws -> [any MaskSink],
        isLive: @escaping @Sendable (ServiceConfiguration.Camera) throws -> Bool
    ) {
        self.source = source
        self.preparer = preparer
        self.sinks = sinks
        self.isLive = isLive
    }

    /// Makes them as `configuration` says, for a network that takes pictures of its size; outputs go to `sockets` too.
    public init(_ configuration: ServiceConfiguration, sockets: CameraSockets) {
        self.init(
            source: { try Self.source(of: $0) },
            preparer: { Preprocessor(inputSize: configuration.size, fit: $0.fit) },
            sinks: { try sockets.sinks(of: $0.name) + Self.files(of: $0) },
            isLive: { try Self.source(of: $0, resolves: false).isLive })
    }

    /// The source of a camera, kept going; it is made anew each time it is opened.
    public func supervised(
        _ camera: ServiceConfiguration.Camera, backoff: Backoff = Backoff(), clock: any FrameClock = SystemClock(),
        onEvent: @escaping @Sendable (SupervisedSource.Event) -> Void
    ) throws -> SupervisedSource {
        let isLive = try isLive(camera)
        var settings = SupervisedSource.Settings()
        settings.gate.maxPixels = camera.maxPixels
        settings.gate.frozenAfter = camera.frozenAfterMilliseconds.map { UInt64($0) * 1_000_000 }
        settings.gate.refusesFlat = camera.refusesFlat
        settings.gate.awaitsKeyFrame = camera.awaitsKeyFrame
        settings.supervision.backoff = backoff
        switch camera.source.input {
        case .device: break
        case .media(let location) where location.isLive: break
        // What is drawn or recorded may well stand still.
        case .media, .folder, .synthetic: settings.gate.frozenAfter = nil
        }
        return SupervisedSource(
            camera: camera.name, isLive: isLive, location: "\(camera.source)", settings: settings, clock: clock,
            make: { [source] in try source(camera) }, onEvent: onEvent)
    }

    /// `resolves` says whether secrets that the source refers to are looked up.
    private static func source(
        of camera: ServiceConfiguration.Camera, resolves: Bool = true
    ) throws -> any VideoSource {
        var options = SourceOptions()
        options.loops = camera.isLooped
        options.pace = camera.isLooped ? .realTime : .unpaced
        options.maxPixels = camera.maxPixels
        options.access = camera.access
        options.format = camera.demuxer
        options.stillRate = camera.stillFramesPerSecond
        options.openTimeout = .milliseconds(camera.openTimeoutMilliseconds)
        options.readTimeout = .milliseconds(camera.readTimeoutMilliseconds)
        // The gate refuses them, and counts them.
        options.refusesCorruptFrames = false
        if camera.source.isRTSP { options.options["rtsp_transport"] = camera.rtspTransport.rawValue }
        let input = resolves ? try camera.source.resolved() : camera.source.input
        if case .device = input { options.options.merge(camera.deviceOptions) { _, given in given } }
        return try VideoSources.source(input, camera: camera.name, options: options)
    }

    private static func files(of camera: ServiceConfiguration.Camera) throws -> [any MaskSink] {
        try camera.recordings.map { recording in
            var options = OutputOptions()
            options.opacity = recording.opacity
            switch try? MaskSinks.kind(of: recording.path) {
            case .null:
                return try MaskSinks.make(output: recording.path, style: recording.style, options: options)
            case .folder:
                return QueuedSink(
                    try MaskSinks.make(output: recording.path, style: recording.style, options: options),
                    path: recording.path)
            default:
                // The network needs the processors more.
                options.threads = 1
                return QueuedSink(
                    try RotatingRecording(
                        path: recording.path, style: recording.style, options: options, limits: recording.limits),
                    path: recording.path)
            }
        }
    }

    /// Makes every part once, so that what can only be mended in the configuration is told before the service is up.
    /// A recording over what one of `cameras` reads is such a thing.
    public func check(
        _ camera: ServiceConfiguration.Camera, among cameras: [ServiceConfiguration.Camera] = []
    ) throws {
        _ = try isLive(camera)
        // Devices have demuxers that are loaded with the device only.
        if let demuxer = camera.demuxer, case .media = camera.source.input {
            try MediaAccess.checkDemuxer(demuxer, subject: "\(camera.source)")
        }
        _ = try sinks(camera)
        for recording in camera.recordings {
            for other in [camera] + cameras { try Overwriting.check(other.source.input, output: recording.path) }
        }
    }
}
