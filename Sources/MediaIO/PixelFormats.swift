import CFFmpeg
import Imaging

extension PixelFormat {
    /// The name of one of FFmpeg's formats.
    init(_ format: AVPixelFormat) throws {
        guard let name = av_get_pix_fmt_name(format) else {
            throw MediaError(
                .unsupported, "use", "a picture", reason: "FFmpeg has no pixel format number \(format.rawValue)")
        }
        self.init(rawValue: String(cString: name))
    }

    /// FFmpeg's number for this name.
    func avFormat() throws -> AVPixelFormat {
        let format = av_get_pix_fmt(rawValue)
        guard format != AV_PIX_FMT_NONE else {
            throw MediaError(
                .unsupported, "use", "pixel format '\(rawValue)'", reason: "FFmpeg knows no such format",
                hint: "`ffmpeg -pix_fmts` lists them")
        }
        return format
    }
}

extension AVPixelFormat {
    /// FFmpeg's description of the format.
    var descriptor: AVPixFmtDescriptor? { av_pix_fmt_desc_get(self)?.pointee }

    private func has(_ flag: Int32) -> Bool { (descriptor?.flags ?? 0) & UInt64(flag) != 0 }

    /// Whether the numbers are red, green and blue.
    var isRGB: Bool { has(AV_PIX_FMT_FLAG_RGB) || isPaletted }
    /// Whether the second plane is a palette.
    var isPaletted: Bool { has(AV_PIX_FMT_FLAG_PAL) }
    /// Whether pixels are not whole bytes, or stand for neighbours too, so that rows cannot be cut at any pixel.
    var isIndivisible: Bool { has(AV_PIX_FMT_FLAG_BITSTREAM) || has(AV_PIX_FMT_FLAG_BAYER) || isPackedSubsampled }
    /// Whether it is grey, with or without alpha.
    var isGray: Bool { !isRGB && (descriptor?.nb_components ?? 0) < 3 && !has(AV_PIX_FMT_FLAG_BAYER) }
    /// Whether the name itself says full range (`yuvj420p`).
    var isFullRangeByName: Bool {
        switch self {
        case AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUVJ411P:
            true
        default: false
        }
    }
    /// Bits of the deepest component.
    var depth: Int {
        guard let descriptor else { return 0 }
        return withUnsafeBytes(of: descriptor.comp) { raw in
            raw.assumingMemoryBound(to: AVComponentDescriptor.self).prefix(Int(descriptor.nb_components))
                .map { Int($0.depth) }.max() ?? 0
        }
    }

    /// How many pointers of an `AVFrame` the format uses, the palette's included.
    var planeCount: Int { isPaletted ? 2 : max(Int(av_pix_fmt_count_planes(self)), 0) }

    /// Rows of one plane of a picture of `height` rows.
    func rows(ofPlane plane: Int, height: Int) -> Int {
        if isPaletted, plane == 1 { return 1 }
        guard let descriptor, plane == 1 || plane == 2 else { return height }
        return shrink(height, by: Int(descriptor.log2_chroma_h))
    }

    /// Pixels (groups of components) in a row of one plane of a picture of `width` columns.
    func columns(ofPlane plane: Int, width: Int) -> Int {
        guard let descriptor, plane == 1 || plane == 2 else { return width }
        return shrink(width, by: Int(descriptor.log2_chroma_w))
    }

    /// The bytes from one pixel to the next of each plane; nil where a plane has no such thing.
    var bytesPerPixel: [Int]? {
        guard let descriptor, !has(AV_PIX_FMT_FLAG_BITSTREAM), !has(AV_PIX_FMT_FLAG_BAYER), !isPaletted else {
            return nil
        }
        var steps = [Int](repeating: 0, count: planeCount)
        let components = withUnsafeBytes(of: descriptor.comp) { raw in
            Array(raw.assumingMemoryBound(to: AVComponentDescriptor.self).prefix(Int(descriptor.nb_components)))
        }
        for component in components where Int(component.plane) < steps.count {
            let step = Int(component.step)
            let index = Int(component.plane)
            guard steps[index] == 0 || steps[index] == step else { return nil }
            steps[index] = step
        }
        return steps.allSatisfy { $0 > 0 } ? steps : nil
    }

    private var isPackedSubsampled: Bool {
        guard let descriptor, descriptor.log2_chroma_w > 0 else { return false }
        return bytesPerPixel == nil
    }

    private func shrink(_ length: Int, by shift: Int) -> Int { (length + (1 << shift) - 1) >> shift }
}

extension ColorDescription {
    /// What a frame says of its own colours.
    init(of frame: AVFrame) {
        let format = AVPixelFormat(rawValue: frame.format)
        if format.isRGB {
            self.init(
                matrix: 0, isFullRange: true, primaries: Int(frame.color_primaries.rawValue),
                transfer: Int(frame.color_trc.rawValue))
        } else {
            self.init(
                matrix: Int(frame.colorspace.rawValue),
                isFullRange: frame.color_range == AVCOL_RANGE_JPEG || format.isFullRangeByName,
                primaries: Int(frame.color_primaries.rawValue), transfer: Int(frame.color_trc.rawValue))
        }
    }

    /// Whether the matrix is known.
    var isSpecified: Bool { matrix != 2 && matrix != 3 }

    /// The same with the usual guess where nothing is said: BT.709 from 720 rows up, BT.601 below.
    public func resolved(for size: ImageSize) -> ColorDescription {
        if isSpecified { return self }
        return ColorDescription(
            matrix: size.height >= 720 ? 1 : 6, isFullRange: isFullRange, primaries: primaries, transfer: transfer)
    }
}
