import Glibc
import Imaging
import MaskOutput
import MediaIO
import Yams

/// A configuration file that could not be read at all.
public struct ConfigurationFileError: Error, CustomStringConvertible {
    /// The file as the user named it.
    public let path: String
    /// The system's error number.
    public let code: Int32

    /// `cannot read config.yaml: No such file or directory`.
    public var description: String { "cannot read \(path): \(String(cString: strerror(code)))" }
}

extension ServiceConfiguration {
    /// Reads the file at `path`. Throws `ConfigurationFileError` where it cannot be read, and `ConfigurationError`
    /// with everything that is wrong in it.
    public init(path: String) throws {
        try self.init(yaml: ConfigurationText.read(path), file: path)
    }

    /// Reads `yaml`, which came from the file called `file`. Throws everything that is wrong in it.
    public init(yaml: String, file: String) throws(ConfigurationError) {
        let notes = SettingReader.Notes(file: file)
        guard let root = YAMLDocument.compose(yaml, notes: notes) else {
            throw ConfigurationError(problems: notes.inOrder)
        }
        let top = SettingReader(root, path: "", entries: ConfigurationSettings.all, notes: notes)
        guard let configuration = ServiceConfiguration(top), notes.problems.isEmpty else {
            throw ConfigurationError(problems: notes.inOrder)
        }
        self = configuration
    }
}

extension ServiceConfiguration {
    /// Nil where something is missing or wrong; all of it is noted.
    private init?(_ top: SettingReader) {
        typealias Table = ConfigurationSettings
        let model = top.value(Table.model)
        let size = top.value(Table.size)
        let fit = top.value(Table.fit)
        let threads = top.value(Table.threads)
        let cpuFeatures = top.value(Table.cpuFeatures)
        let logThreshold = top.value(Table.logLevel)
        let reportInterval = top.value(Table.reportInterval)
        let sockets = Sockets(top.section(Table.sockets))
        let control = Control(top.section(Table.control))
        let http = HTTP(top.section(Table.http))
        let readers = top.sections(Table.cameras)
        let cameras = readers.map { Camera($0, inheritedFit: fit ?? .stretch) }
        if readers.isEmpty, case .mapping = top.node {
            let gives = top.has(Table.cameras.key)
            top.note(Table.cameras.key, gives ? "expected one camera at least" : "missing; expected a list of cameras")
        }
        if readers.count > Self.maximumCameras {
            top.note(
                Table.cameras.key,
                "expected \(Self.maximumCameras) cameras at most, found \(readers.count); run another service, with its "
                    + "own sockets.directory, for the others")
        }
        Self.noteTwins(readers, cameras)
        guard let model, let size, let threads, let cpuFeatures, let logThreshold, let reportInterval, let sockets,
            let control, let http
        else { return nil }
        self.model = model
        self.size = size
        self.threads = threads
        self.cpuFeatures = cpuFeatures
        self.logThreshold = logThreshold
        reportIntervalSeconds = reportInterval
        self.sockets = sockets
        self.control = control
        self.http = http
        self.cameras = cameras.compactMap { $0 }
    }

    /// Two cameras cannot have the same name, nor two recordings the same path.
    private static func noteTwins(_ readers: [SettingReader], _ cameras: [Camera?]) {
        var names: Set<String> = []
        var paths: Set<String> = []
        for (reader, camera) in zip(readers, cameras) {
            guard let camera else { continue }
            if !names.insert(camera.name).inserted {
                reader.note("name", "\"\(camera.name)\" is the name of an earlier camera")
            }
            for recording in camera.recordings where !paths.insert(plain(recording.path)).inserted {
                reader.note("recordings", "\"\(SourceText.shown(recording.path))\" is written by an earlier recording")
            }
        }
    }
}

extension ServiceConfiguration {
    /// A path without what makes no difference: `a//b/./` is `a/b`.
    private static func plain(_ path: String) -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
    }
}

extension ServiceConfiguration.Sockets {
    init?(_ section: SettingReader) {
        typealias Table = ConfigurationSettings
        let directory = section.value(Table.directory)
        let mode = section.value(Table.mode)
        let group = section.value(Table.group)
        let maxClients = section.value(Table.maxClients)
        let clientTimeout = section.value(Table.clientTimeout)
        let allowedUsers = section.value(Table.allowedUsers)
        guard let directory, let mode, let group, let maxClients, let clientTimeout, let allowedUsers else {
            return nil
        }
        self.directory = directory
        self.mode = mode
        self.group = group
        self.maxClients = maxClients
        clientTimeoutMilliseconds = clientTimeout
        self.allowedUsers = allowedUsers
    }
}

extension ServiceConfiguration.Control {
    init?(_ section: SettingReader) {
        let allowedUsers = section.value(ConfigurationSettings.controlUsers)
        let group = section.value(ConfigurationSettings.controlGroup)
        guard let allowedUsers, let group else { return nil }
        self.allowedUsers = allowedUsers
        self.group = group
    }
}

extension ServiceConfiguration.HTTP {
    init?(_ section: SettingReader) {
        let port = section.value(ConfigurationSettings.port)
        let address = section.value(ConfigurationSettings.address)
        guard let port, let address else { return nil }
        self.port = port
        self.address = address
    }
}

extension ServiceConfiguration.Camera {
    init?(_ section: SettingReader, inheritedFit: Fit) {
        typealias Table = ConfigurationSettings
        let name = section.value(Table.name)
        let source = section.value(Table.source)
        let loop = section.value(Table.loop)
        let maxFPS = section.value(Table.maxFPS)
        let maxAge = section.value(Table.maxAge)
        let priority = section.value(Table.priority)
        let fit = section.value(Table.cameraFit)
        let rtspTransport = section.value(Table.rtspTransport)
        let openTimeout = section.value(Table.openTimeout)
        let readTimeout = section.value(Table.readTimeout)
        let protocols = section.value(Table.protocols)
        let formats = section.value(Table.formats)
        let codecs = section.value(Table.codecs)
        let maxPixels = section.value(Table.maxPixels)
        let frozenAfter = section.value(Table.frozenAfter)
        let refuseFlat = section.value(Table.refuseFlat)
        let awaitKeyFrame = section.value(Table.awaitKeyFrame)
        let demuxer = section.value(Table.demuxer)
        let stillFPS = section.value(Table.stillFPS)
        let deviceOptions = Self.deviceOptions(section)
        let sockets = section.value(Table.cameraSockets)
        if let source, let problem = SourceText(source).problem { section.note(Table.source.key, problem) }
        let recordings = section.sections(Table.recordings).map { ServiceConfiguration.Recording($0) }
        if sockets == [], recordings.isEmpty {
            section.note(Table.cameraSockets.key, "the camera has neither a socket nor a recording")
        }
        guard let name, let source, let loop, let maxFPS, let maxAge, let priority, let fit, let rtspTransport,
            let openTimeout, let readTimeout, let protocols, let formats, let codecs, let maxPixels, let frozenAfter,
            let refuseFlat, let awaitKeyFrame, let demuxer, let stillFPS, let deviceOptions, let sockets
        else { return nil }
        self.name = name
        self.source = SourceText(source)
        isLooped = loop
        maxFramesPerSecond = maxFPS
        maxAgeMilliseconds = maxAge
        self.priority = priority
        self.fit = fit ?? inheritedFit
        self.rtspTransport = rtspTransport
        openTimeoutMilliseconds = openTimeout
        readTimeoutMilliseconds = readTimeout
        access = MediaAccess(protocols: protocols, formats: formats, codecs: codecs)
        self.maxPixels = maxPixels
        frozenAfterMilliseconds = frozenAfter
        refusesFlat = refuseFlat
        awaitsKeyFrame = awaitKeyFrame
        self.demuxer = demuxer
        stillFramesPerSecond = stillFPS
        self.deviceOptions = deviceOptions
        self.sockets = sockets
        self.recordings = recordings.compactMap { $0 }
    }

    private static func deviceOptions(_ section: SettingReader) -> [String: String]? {
        let size = section.value(ConfigurationSettings.deviceSize)
        let rate = section.value(ConfigurationSettings.deviceFPS)
        let format = section.value(ConfigurationSettings.deviceFormat)
        guard let size, let rate, let format else { return nil }
        var options: [String: String] = [:]
        options["video_size"] = size
        options["framerate"] = rate.map { "\($0)" }
        options["input_format"] = format
        return options
    }
}

extension ServiceConfiguration.Recording {
    init?(_ section: SettingReader) {
        let path = section.value(ConfigurationSettings.recordingPath)
        let style = section.value(ConfigurationSettings.recordingStyle)
        let opacity = section.value(ConfigurationSettings.recordingOpacity)
        let seconds = section.value(ConfigurationSettings.rotateSeconds)
        let rotate = section.value(ConfigurationSettings.rotateMegabytes)
        let quota = section.value(ConfigurationSettings.quotaMegabytes)
        let free = section.value(ConfigurationSettings.minimumFreeMegabytes)
        if path?.hasSuffix("/") == true {
            for key in ["rotate_s", "rotate_mb", "quota_mb", "min_free_mb"] where section.has(key) {
                section.note(key, "is for video files; a folder of PNGs keeps every picture")
            }
        }
        guard let path, let style, let opacity, let seconds, let rotate, let quota, let free else { return nil }
        func bytes(_ megabytes: Int) -> Int64 { Int64(megabytes) * 1_000_000 }
        self.path = path
        self.style = style
        self.opacity = opacity
        limits = RecordingLimits(
            rotateSeconds: seconds, rotateBytes: rotate.map(bytes), quotaBytes: quota.map(bytes),
            minimumFreeBytes: bytes(free))
    }
}
