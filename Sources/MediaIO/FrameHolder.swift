import CFFmpeg
import Imaging

/// An `AVFrame` that is freed with this object; the owner of a decoded `Picture`'s memory.
final class FrameHolder: @unchecked Sendable {
    /// The frame. Never null while the holder lives.
    let pointer: UnsafeMutablePointer<AVFrame>

    /// An empty frame.
    init() throws {
        guard let frame = av_frame_alloc() else { throw Self.outOfMemory() }
        pointer = frame
    }

    /// Another reference to the buffers of `frame`, which must be reference-counted.
    convenience init(referencing frame: UnsafePointer<AVFrame>) throws {
        try self.init()
        try check(av_frame_ref(pointer, frame), "reference", "a frame")
    }

    /// A frame with buffers of its own, rows padded and aligned for FFmpeg's SIMD code.
    convenience init(size: ImageSize, format: AVPixelFormat) throws {
        try self.init()
        pointer.pointee.width = Int32(clamping: size.width)
        pointer.pointee.height = Int32(clamping: size.height)
        pointer.pointee.format = format.rawValue
        let code = av_frame_get_buffer(pointer, 0)
        guard code >= 0 else { throw MediaError(code: code, "allocate", "a \(size) picture") }
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = pointer
        av_frame_free(&frame)
    }

    /// The frame's pixels as a picture that keeps this holder (and `owner`, where given) alive.
    ///
    /// Matrix, range and aspect are those given, since streams know more of them than frames do.
    func picture(
        orientation: Orientation = .upright, sampleAspectRatio: Rational? = nil, color: ColorDescription? = nil,
        owner: AnyObject? = nil
    ) throws -> Picture {
        let frame = pointer.pointee
        let format = AVPixelFormat(rawValue: frame.format)
        let ratio = frame.sample_aspect_ratio
        return Picture(
            codedSize: ImageSize(height: Int(frame.height), width: Int(frame.width)),
            format: try PixelFormat(format), planes: try planes(of: frame, format: format),
            sampleAspectRatio: sampleAspectRatio ?? Rational(Int(ratio.num), Int(ratio.den)),
            orientation: orientation, color: color ?? ColorDescription(of: frame), owner: owner ?? self)
    }

    private func planes(of frame: AVFrame, format: AVPixelFormat) throws -> [Picture.Plane] {
        let count = format.planeCount
        return try withUnsafeBytes(of: frame.data) { data in
            try withUnsafeBytes(of: frame.linesize) { sizes in
                try (0..<count).map { index in
                    guard index < Int(AV_NUM_DATA_POINTERS),
                        let base = data.load(
                            fromByteOffset: index * MemoryLayout<UnsafeMutableRawPointer?>.stride,
                            as: UnsafeMutableRawPointer?.self)
                    else {
                        throw MediaError(
                            .invalidData, "use", "a frame", reason: "plane \(index) of \(count) has no memory")
                    }
                    let isPalette = format.isPaletted && index == 1
                    let stride = isPalette ? 1024 : Int(sizes.load(fromByteOffset: index * 4, as: Int32.self))
                    return Picture.Plane(base: UnsafeMutableRawPointer(base), stride: stride)
                }
            }
        }
    }

    static func outOfMemory() -> MediaError {
        MediaError(code: ff_averror(12), "allocate", "a frame")
    }
}

extension Picture {
    /// Makes `frame` show this picture's pixels without copying them: the frame's buffers keep the picture alive
    /// for as long as FFmpeg holds a reference. What the frame held before is released.
    func fill(_ frame: UnsafeMutablePointer<AVFrame>) throws {
        av_frame_unref(frame)
        frame.pointee.width = Int32(clamping: codedSize.width)
        frame.pointee.height = Int32(clamping: codedSize.height)
        let pixelFormat = try format.avFormat()
        frame.pointee.format = pixelFormat.rawValue
        frame.pointee.sample_aspect_ratio = AVRational(
            num: Int32(clamping: sampleAspectRatio.numerator),
            den: Int32(clamping: max(sampleAspectRatio.denominator, 1)))
        frame.pointee.colorspace = AVColorSpace(rawValue: UInt32(clamping: color.matrix))
        frame.pointee.color_primaries = AVColorPrimaries(rawValue: UInt32(clamping: color.primaries))
        frame.pointee.color_trc = AVColorTransferCharacteristic(rawValue: UInt32(clamping: color.transfer))
        frame.pointee.color_range = color.isFullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG
        let count = pixelFormat.planeCount
        guard planes.count == count else {
            throw MediaError(
                .invalidArgument, "use", "a \(format) picture",
                reason: "it has \(planes.count) planes where \(count) are expected")
        }
        try withPlanes { planes in
            for (index, plane) in planes.enumerated() {
                try attach(plane, index: index, rows: pixelFormat.rows(ofPlane: index, height: codedSize.height), frame)
            }
        }
    }

    /// A frame of its own that shows this picture without copying it.
    func makeFrame() throws -> FrameHolder {
        let holder = try FrameHolder()
        try fill(holder.pointer)
        return holder
    }

    private func attach(_ plane: Plane, index: Int, rows: Int, _ frame: UnsafeMutablePointer<AVFrame>) throws {
        let bytes = plane.base.assumingMemoryBound(to: UInt8.self)
        let retained = Unmanaged.passRetained(self)
        guard
            let buffer = av_buffer_create(
                bytes, max(plane.stride * rows, 1),
                { opaque, _ in
                    guard let opaque else { return }
                    Unmanaged<Picture>.fromOpaque(opaque).release()
                }, retained.toOpaque(), AV_BUFFER_FLAG_READONLY)
        else {
            retained.release()
            throw FrameHolder.outOfMemory()
        }
        withUnsafeMutableBytes(of: &frame.pointee.buf) {
            $0.storeBytes(of: buffer, toByteOffset: index * 8, as: UnsafeMutablePointer<AVBufferRef>?.self)
        }
        withUnsafeMutableBytes(of: &frame.pointee.data) {
            $0.storeBytes(of: bytes, toByteOffset: index * 8, as: UnsafeMutablePointer<UInt8>?.self)
        }
        withUnsafeMutableBytes(of: &frame.pointee.linesize) {
            $0.storeBytes(of: Int32(clamping: plane.stride), toByteOffset: index * 4, as: Int32.self)
        }
    }
}
