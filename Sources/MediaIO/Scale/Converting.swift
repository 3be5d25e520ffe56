import CFFmpeg
import Imaging

extension Scaler {
    /// `picture`, turned upright, as a picture of `size` pixels (as seen) in `format`.
    ///
    /// The result says how its numbers are meant: R'G'B' full range; Y'CbCr by the source's matrix (or the usual guess
    /// for R'G'B' sources) in limited range, `yuvj` formats in full range. It shares the picture's memory where
    /// nothing is to be done, and takes its memory from a pool otherwise. Pictures in PQ and HLG become SDR of BT.709.
    /// Its pixel aspect is such that it looks as
    /// the source does; a pixel more or less for the sake of even sizes does not count.
    ///
    /// - Throws: `MediaError`, `.unsupported` for a pixel format or matrix that swscale does not know.
    public func convert(_ picture: Picture, to size: ImageSize, format: PixelFormat) throws -> Picture {
        guard size.height > 0, size.width > 0 else {
            throw MediaError(.invalidArgument, "convert", "a picture", reason: "the size \(size) is empty")
        }
        if picture.color.isHDR { return try convert(try toneMapped(picture, to: size), to: size, format: format) }
        let source = try cache.value(of: picture.format)
        let target = try format.avFormat()
        let color = Self.color(of: target, from: source, picture.color.resolved(for: picture.codedSize), size: size)
        let aspect = Self.aspect(of: picture, at: size)
        if picture.orientation == .upright, picture.codedSize == size, source == target,
            source.isRGB || picture.color.isFullRange == color.isFullRange
        {
            return Picture(
                codedSize: size, format: format, planes: picture.planes, sampleAspectRatio: aspect, color: color,
                owner: picture)
        }
        let (result, loan) = try cache.loan(size, target)
        try picture.withPlanes { planes in
            if picture.orientation == .upright {
                try scale(picture, planes, to: result, color)
            } else {
                try turn(picture, planes, to: result, color)
            }
        }
        return try result.picture(sampleAspectRatio: aspect, color: color, owner: loan)
    }

    /// Scales all of a picture as stored to the whole of `target`.
    private func scale(
        _ picture: Picture, _ planes: [Picture.Plane], to target: FrameHolder, _ color: ColorDescription
    ) throws {
        let whole = MaskGeometry.Rectangle(y: 0, x: 0, size: picture.codedSize)
        let (set, end) = try source(of: picture, planes, region: whole)
        try run(set, end, to: target, color)
    }

    private func run(
        _ set: PlaneSet, _ end: ScalingContext.End, to target: FrameHolder, _ color: ColorDescription
    ) throws {
        let format = target.format
        if format.isPackedRGB, !end.format.isRGB {
            // By way of planes: several times faster than swscale's own way to packed R'G'B', and with chroma
            // interpolated in both directions.
            let planes = try cache.buffer(target.size, AV_PIX_FMT_GBRP, step: 5)
            try run(set, end, to: planes, color)
            let planar = ScalingContext.End(size: target.size, format: AV_PIX_FMT_GBRP, color: color)
            try run(PlaneSet(planes), planar, to: target, color)
            return
        }
        // swscale takes all grey for full range. Luma passes unchanged when it takes the result for full range too.
        let passes = end.isLimitedGray && !format.isRGB
        let told = passes ? ColorDescription(matrix: color.matrix, isFullRange: true) : color
        let context = try cache.context(
            from: end, to: ScalingContext.End(size: target.size, format: format, color: told))
        try context.run(set, to: PlaneSet(target))
        if end.isLimitedGray, format.isRGB { try expandGray(in: target) }
    }

    private func turn(
        _ picture: Picture, _ planes: [Picture.Plane], to result: FrameHolder, _ color: ColorDescription
    ) throws {
        let orientation = picture.orientation
        let format = result.format
        let stored = orientation.swapsSides ? result.size.transposed : result.size
        guard format.canTurn(result.size, swapsSides: orientation.swapsSides) else {
            // Turned without chroma subsampling first, then brought to the format.
            let between = format.withoutSubsampling
            let betweenColor = between.isRGB ? ColorDescription(matrix: 0, isFullRange: true) : color
            let turned = try cache.buffer(result.size, between, step: 3)
            try turn(picture, planes, to: turned, betweenColor)
            try run(
                PlaneSet(turned), ScalingContext.End(size: result.size, format: between, color: betweenColor),
                to: result, color)
            return
        }
        let buffer = try cache.buffer(stored, format, step: 4)
        try scale(picture, planes, to: buffer, color)
        let from = PlaneSet(buffer)
        let to = PlaneSet(result)
        let steps = format.bytesPerPixel ?? []
        for (index, bytes) in steps.enumerated() {
            guard let source = from[index], let target = to[index] else { throw FrameHolder.outOfMemory() }
            let size = ImageSize(
                height: format.rows(ofPlane: index, height: result.size.height),
                width: format.columns(ofPlane: index, width: result.size.width))
            Turning.turn(source, to: target, size: size, bytes: bytes, orientation: orientation)
        }
    }

    private func expandGray(in holder: FrameHolder) throws {
        // R'G'B' of 8 bits: every byte is a grey value.
        guard holder.format.depth == 8, !holder.format.isPaletted, let steps = holder.format.bytesPerPixel else {
            throw MediaError(
                .unsupported, "convert", "limited-range grey to \(try PixelFormat(holder.format))",
                reason: "only 8-bit R'G'B' formats are supported", hint: "convert to gbrp or rgb24 first")
        }
        let set = PlaneSet(holder)
        for (index, bytes) in steps.enumerated() {
            guard let plane = set[index] else { continue }
            GrayRange.expand(
                plane.base, stride: plane.stride,
                size: ImageSize(height: holder.size.height, width: holder.size.width * bytes))
        }
    }

    private static func color(
        of target: AVPixelFormat, from source: AVPixelFormat, _ color: ColorDescription, size: ImageSize
    ) -> ColorDescription {
        func described(matrix: Int, isFullRange: Bool) -> ColorDescription {
            ColorDescription(
                matrix: matrix, isFullRange: isFullRange, primaries: color.primaries, transfer: color.transfer)
        }
        if target.isRGB { return described(matrix: 0, isFullRange: true) }
        if target.isGray {
            return described(matrix: color.matrix, isFullRange: source.isGray ? color.isFullRange : true)
        }
        // R'G'B' that is said to be BT.709's becomes Y'CbCr of BT.709 at any size.
        let isBT709 = color.primaries == 1 && color.transfer == 1
        let guess = ColorDescription(matrix: isBT709 ? 1 : 2, isFullRange: false).resolved(for: size)
        let hasMatrix = !source.isRGB && !source.isGray && color.matrix != 0
        return described(
            matrix: hasMatrix ? color.matrix : guess.matrix, isFullRange: target.isFullRangeByName)
    }

    static func aspect(of picture: Picture, at size: ImageSize) -> Rational {
        let aspect = picture.pixelAspect
        let seen = picture.size
        if abs(seen.width - size.width) <= 1, abs(seen.height - size.height) <= 1 { return aspect }
        let (across, overflowA) = aspect.numerator.multipliedReportingOverflow(by: seen.width * size.height)
        let (down, overflowB) = aspect.denominator.multipliedReportingOverflow(by: size.width * seen.height)
        var numerator: Int32 = 0
        var denominator: Int32 = 1
        guard !overflowA, !overflowB, across > 0, down > 0 else { return aspect }
        av_reduce(&numerator, &denominator, Int64(across), Int64(down), 65535)
        return Rational(Int(numerator), Int(denominator))
    }
}

extension FrameHolder {
    fileprivate var format: AVPixelFormat { AVPixelFormat(rawValue: pointer.pointee.format) }
    fileprivate var size: ImageSize {
        ImageSize(height: Int(pointer.pointee.height), width: Int(pointer.pointee.width))
    }
}

extension AVPixelFormat {
    /// Whether it is one of the packed R'G'B' formats that swscale makes of planes by copying.
    fileprivate var isPackedRGB: Bool {
        switch self {
        case AV_PIX_FMT_RGB24, AV_PIX_FMT_BGR24, AV_PIX_FMT_RGBA, AV_PIX_FMT_BGRA, AV_PIX_FMT_ARGB, AV_PIX_FMT_ABGR,
            AV_PIX_FMT_RGB0, AV_PIX_FMT_BGR0, AV_PIX_FMT_0RGB, AV_PIX_FMT_0BGR:
            true
        default: false
        }
    }

    /// Whether the planes of a picture of `size` can be turned one by one.
    fileprivate func canTurn(_ size: ImageSize, swapsSides: Bool) -> Bool {
        guard let descriptor, bytesPerPixel != nil else { return false }
        let rows = Int(descriptor.log2_chroma_h)
        let columns = Int(descriptor.log2_chroma_w)
        if swapsSides, rows != columns { return false }
        return size.height % (1 << rows) == 0 && size.width % (1 << columns) == 0
    }
}
