import Foundation
import Imaging
import Inference
import MaskOutput
import MediaIO
import Segmentation
import SyntheticDrive
import VideoInput

/// Decoded pictures taken the whole way to the readers of both sockets, one after the other, each stage timed.
///
/// The stages are the service's own, called from one thread instead of each on its queue.
struct PipelineMeasurement {
    /// A stage of the way.
    enum Stage: String, CaseIterable {
        case scale = "scale and convert"
        /// 8-bit samples to numbers, where the engine does it as an operation of its own.
        case normalize
        case network
        /// The last resize, the classes, and the copy of the class map.
        case argmax
        /// The class colours, for the socket `.color`.
        case paint
        /// Both sockets, until their readers have the last byte.
        case socket

        /// Whether it is the network's own work.
        var isNetwork: Bool { self == .network }
    }

    /// Milliseconds of each stage for each picture, in order.
    private(set) var times: [Stage: [Double]] = [:]
    /// Milliseconds of each picture, from decoded to read.
    private(set) var totals: [Double] = []
    /// Bytes that the readers got of each picture.
    let bytes: Int

    private let clock = SystemClock()
    private let segmenter: CompiledNetwork
    private let preprocessor: Preprocessor
    private let input: PlanarRGB
    private let classMaps: ClassMapPool
    private let colors: SocketSink
    private let ids: SocketSink
    private let readers: [MaskReader]
    private var sequence: UInt64 = 0

    /// Runs three pictures that do not count, then `frames` that do; pictures of `size` in `yuv420p`.
    init(of segmenter: CompiledNetwork, from size: ImageSize, frames: Int) throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let server = try SocketServer()
        defer { server.close() }
        let pictures = try Self.pictures(size)
        let maskSize = segmenter.inputSize
        self.segmenter = segmenter
        preprocessor = Preprocessor(inputSize: maskSize, fit: .stretch)
        input = PlanarRGB(size: maskSize)
        classMaps = ClassMapPool(size: maskSize)
        let stream = StreamInfo(
            size: size, frameRate: Rational(30, 1), timeBase: Rational(1, 30), summary: "synthetic yuv420p")
        func sink(_ content: SocketSink.Content) throws -> SocketSink {
            let sink = SocketSink(socket: try server.open(path: folder.path("bench.\(content)")), content: content)
            try sink.begin(stream: stream, maskSize: maskSize, labels: segmenter.labels)
            return sink
        }
        (colors, ids) = (try sink(.color), try sink(.mask))
        readers = [
            try MaskReader(path: folder.path("bench.color"), frameBytes: 3 * maskSize.area),
            try MaskReader(path: folder.path("bench.mask"), frameBytes: maskSize.area),
        ]
        bytes = 4 * maskSize.area
        for number in 0..<3 + frames {
            try run(pictures[number % pictures.count], counts: number >= 3)
        }
    }

    private mutating func run(_ picture: Picture, counts: Bool) throws {
        let stamp = FrameStamp(camera: "bench", sequence: sequence, mediaTime: nil, capture: clock.arrival)
        sequence += 1
        let frame = Frame(stamp: stamp, picture: picture)
        let start = clock.monotonicNanoseconds
        let geometry = try preprocessor.prepare(picture, into: input)
        let scaled = clock.monotonicNanoseconds
        let classes = classMaps.take()
        try segmenter.segment(input, into: classes)
        let segmented = clock.monotonicNanoseconds
        let mask = Mask(
            stamp: stamp, classes: classes, labels: segmenter.labels, model: segmenter.modelName,
            geometry: geometry, stages: frame.stages)
        try colors.write(mask, of: frame, dropped: 0)
        let painted = clock.monotonicNanoseconds
        try ids.write(mask, of: frame, dropped: 0)
        for reader in readers { try reader.frame(stamp.sequence) }
        let end = clock.monotonicNanoseconds
        guard counts else { return }
        var (normalize, network): (UInt64, UInt64) = (0, 0)
        for timing in segmenter.timings {
            switch timing.node.operation {
            case .normalize: normalize += timing.nanoseconds
            case .argmax, .resizeArgmax: break
            default: network += timing.nanoseconds
            }
        }
        for (stage, nanoseconds) in [
            (Stage.scale, scaled - start), (.normalize, normalize), (.network, network),
            (.argmax, segmented - scaled - normalize - network), (.paint, painted - segmented),
            (.socket, end - painted),
        ] {
            times[stage, default: []].append(Double(nanoseconds) / 1e6)
        }
        totals.append(Double(end - start) / 1e6)
    }

    /// A few pictures of the synthetic drive as a decoder gives them.
    private static func pictures(_ size: ImageSize) throws -> [Picture] {
        let source = SyntheticSource(camera: "bench", options: SyntheticOptions(size: size, seconds: 1))
        _ = try source.open()
        defer { source.close() }
        let scaler = Scaler()
        return try (0..<4).compactMap { _ in
            try source.next().map { try scaler.convert($0.picture, to: size, format: .yuv420p) }
        }
    }
}

/// A folder for sockets, removed when it is no longer needed.
private struct TemporaryDirectory {
    private let path: String

    init() throws {
        var template = Array("\(NSTemporaryDirectory())/segmentd.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            let code = errno
            throw CommandFailure(
                .cannotCreate, "cannot make a folder in \(NSTemporaryDirectory()): \(String(cString: strerror(code)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
