import Imaging
import Synchronization

/// A synthetic drive with the truth about it: the picture of every frame, and the class of every pixel in it.
///
/// Frame i depends on the options and on i alone: frames may be asked for in any order, from any thread (one is
/// rendered at a time). The memory of pictures and class maps is used again once they are released.
public final class SyntheticDrive: Sendable {
    /// A frame and its labels, pixel for pixel.
    public struct Sample: Sendable {
        /// Counted from 0.
        public let index: Int
        /// Packed RGB of the options' size.
        public let picture: Picture
        /// Ids of the label set given; 255 where it lacks the class.
        public let classes: ClassMap
    }

    /// What is rendered.
    public let options: SyntheticOptions
    /// What the ids in class maps mean; nil where there are none.
    public let labels: LabelSet?
    private let identifiers: [UInt8]
    private let pictures: BufferPool<PackedRGB>
    private let renderer: Mutex<StreetRenderer>

    /// A drive of `options`, its labels by the ids that `labels` gives to the names of `StreetClass`. Without labels, the
    /// class of every pixel is 255.
    public init(options: SyntheticOptions, labels: LabelSet? = nil) {
        self.options = options
        self.labels = labels
        identifiers = labels.map(StreetClass.identifiers) ?? StreetClass.allCases.map { _ in ClassMap.noAnswer }
        pictures = PackedRGB.pool(size: options.size)
        renderer = Mutex(StreetRenderer(options: options))
    }

    /// The classes of the drive that the label set lacks; their pixels have id 255.
    public var missingClasses: [StreetClass] { StreetClass.allCases.filter { labels?.id(of: $0.name) == nil } }

    /// Frame `index` and its labels.
    public func sample(at index: Int) -> Sample {
        renderer.withLock { renderer in
            renderer.draw(frame: index)
            let loan = pictures.take()
            loan.buffer.write { renderer.writePicture(frame: index, into: $0) }
            let classes = ClassMap(size: options.size)
            classes.withUnsafeMutableBytes { renderer.writeClasses(identifiers, into: $0) }
            return Sample(index: index, picture: PackedRGB.picture(loan), classes: classes)
        }
    }

    /// The picture of frame `index`.
    public func picture(at index: Int) -> Picture {
        renderer.withLock { renderer in
            renderer.draw(frame: index)
            let loan = pictures.take()
            loan.buffer.write { renderer.writePicture(frame: index, into: $0) }
            return PackedRGB.picture(loan)
        }
    }

    /// The class of every pixel of frame `index`.
    public func label(of index: Int) -> ClassMap {
        renderer.withLock { renderer in
            renderer.draw(frame: index)
            let classes = ClassMap(size: options.size)
            classes.withUnsafeMutableBytes { renderer.writeClasses(identifiers, into: $0) }
            return classes
        }
    }
}

/// Memory for one picture of packed 8-bit red, green and blue, rows without padding.
final class PackedRGB: @unchecked Sendable {
    private let size: ImageSize
    private let memory: UnsafeMutableRawBufferPointer
    private let bytes: UnsafeMutableRawBufferPointer

    private init(size: ImageSize) {
        self.size = size
        // FFmpeg's SIMD code reads past the last row.
        memory = .allocate(byteCount: size.area * 3 + 64, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        bytes = UnsafeMutableRawBufferPointer(rebasing: memory[..<(size.area * 3)])
    }

    deinit { memory.deallocate() }

    static func pool(size: ImageSize) -> BufferPool<PackedRGB> {
        BufferPool { PackedRGB(size: size) }
    }

    /// Lets `body` write the bytes. Nobody else may use the picture meanwhile.
    func write(_ body: (UnsafeMutableRawBufferPointer) -> Void) { body(bytes) }

    /// The bytes as a picture, which keeps the loan.
    static func picture(_ loan: Loan<PackedRGB>) -> Picture {
        let buffer = loan.buffer
        let planes = buffer.bytes.baseAddress.map { [Picture.Plane(base: $0, stride: buffer.size.width * 3)] } ?? []
        return Picture(
            codedSize: buffer.size, format: .rgb24, planes: planes,
            color: ColorDescription(matrix: 0, isFullRange: true), owner: loan)
    }
}
