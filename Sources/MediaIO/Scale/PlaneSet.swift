import CFFmpeg
import Imaging

/// Up to four planes as swscale takes them: pointers and strides that were checked against a picture's size.
struct PlaneSet {
    private var pointers:
        (
            UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?,
            UnsafeMutablePointer<UInt8>?
        ) = (nil, nil, nil, nil)
    private var strides: (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)

    /// The part `region` of a picture's planes, in stored pixels. The picture must outlive the set, and `region`
    /// must be one that `AVPixelFormat.canCut` allows.
    init(_ planes: [Picture.Plane], format: AVPixelFormat, size: ImageSize, region: MaskGeometry.Rectangle) throws {
        let needed = format.planeCount
        guard planes.count >= needed, needed <= 4 else {
            throw MediaError(
                .invalidArgument, "convert", "a picture", reason: "\(planes.count) planes where \(needed) are needed")
        }
        guard region.y >= 0, region.x >= 0, region.size.height > 0, region.size.width > 0,
            region.y + region.size.height <= size.height, region.x + region.size.width <= size.width
        else {
            throw MediaError(
                .invalidArgument, "convert", "a picture", reason: "the part wanted lies outside its \(size) pixels")
        }
        let steps = format.cutSteps
        for index in 0..<needed {
            let plane = planes[index]
            let isPalette = format.isPaletted && index == 1
            let rowBytes = av_image_get_linesize(format, Int32(clamping: size.width), Int32(index))
            guard isPalette || plane.stride >= Int(rowBytes), let stride = Int32(exactly: plane.stride) else {
                throw MediaError(
                    .invalidArgument, "convert", "a picture",
                    reason: "rows of plane \(index) are \(plane.stride) bytes apart, but \(rowBytes) bytes long")
            }
            var offset = 0
            if !isPalette {
                offset = format.rowsAbove(region.y, ofPlane: index) * plane.stride
                if region.x > 0, let steps { offset += format.columnsLeft(of: region.x, plane: index) * steps[index] }
            }
            set(index, (plane.base + offset).assumingMemoryBound(to: UInt8.self), stride)
        }
    }

    /// All of a frame that was allocated here.
    init(_ holder: FrameHolder) {
        let data = holder.pointer.pointee.data
        let lines = holder.pointer.pointee.linesize
        pointers = (data.0, data.1, data.2, data.3)
        strides = (lines.0, lines.1, lines.2, lines.3)
    }

    /// Three planes as `gbrp` orders them.
    init(
        green: UnsafeMutablePointer<UInt8>, blue: UnsafeMutablePointer<UInt8>, red: UnsafeMutablePointer<UInt8>,
        stride: Int32
    ) {
        pointers = (green, blue, red, nil)
        strides = (stride, stride, stride, 0)
    }

    /// The pointer and stride of a plane; nil where there is none.
    subscript(index: Int) -> (base: UnsafeMutablePointer<UInt8>, stride: Int)? {
        let plane: (base: UnsafeMutablePointer<UInt8>?, stride: Int32)
        switch index {
        case 0: plane = (pointers.0, strides.0)
        case 1: plane = (pointers.1, strides.1)
        case 2: plane = (pointers.2, strides.2)
        case 3: plane = (pointers.3, strides.3)
        default: return nil
        }
        return plane.base.map { ($0, Int(plane.stride)) }
    }

    /// Runs `body` with the two lists of four as C wants them.
    func withLists<Result>(
        _ body: (UnsafePointer<UnsafeMutablePointer<UInt8>?>, UnsafePointer<Int32>) -> Result
    ) -> Result {
        withUnsafePointer(to: pointers) { pointers in
            withUnsafePointer(to: strides) { strides in
                pointers.withMemoryRebound(to: UnsafeMutablePointer<UInt8>?.self, capacity: 4) { pointers in
                    strides.withMemoryRebound(to: Int32.self, capacity: 4) { body(pointers, $0) }
                }
            }
        }
    }

    private mutating func set(_ index: Int, _ pointer: UnsafeMutablePointer<UInt8>, _ stride: Int32) {
        switch index {
        case 0: (pointers.0, strides.0) = (pointer, stride)
        case 1: (pointers.1, strides.1) = (pointer, stride)
        case 2: (pointers.2, strides.2) = (pointer, stride)
        default: (pointers.3, strides.3) = (pointer, stride)
        }
    }
}

extension AVPixelFormat {
    /// The bytes from one pixel to the next of each plane, as far as a picture can be cut between pixels.
    var cutSteps: [Int]? {
        switch self {
        case AV_PIX_FMT_YUYV422, AV_PIX_FMT_UYVY422, AV_PIX_FMT_YVYU422: [2]
        default: isPaletted ? [1, 0] : bytesPerPixel
        }
    }

    /// Whether the part of a picture that starts at row `y`, column `x` can be reached by moving plane pointers.
    func canCut(y: Int, x: Int) -> Bool {
        guard let descriptor else { return false }
        if y == 0, x == 0 { return true }
        let rows = 1 << Int(descriptor.log2_chroma_h)
        let columns = 1 << Int(descriptor.log2_chroma_w)
        return y % rows == 0 && x % columns == 0 && cutSteps != nil
    }

    fileprivate func rowsAbove(_ y: Int, ofPlane plane: Int) -> Int {
        guard let descriptor, plane == 1 || plane == 2 else { return y }
        return y >> Int(descriptor.log2_chroma_h)
    }

    fileprivate func columnsLeft(of x: Int, plane: Int) -> Int {
        guard let descriptor, plane == 1 || plane == 2 else { return x }
        return x >> Int(descriptor.log2_chroma_w)
    }
}
