import CFFmpeg
import Glibc
import Imaging

extension Orientation {
    /// From a display matrix (libavutil/display.h): nine 32-bit numbers, x' = a x + c y, y' = b x + d y, y downwards.
    /// Turns that are not quarter turns go to the nearest one. Nil where the matrix is too short or flat.
    init?(matrix bytes: UnsafePointer<UInt8>?, count: Int) {
        guard let bytes, count >= 36 else { return nil }
        let raw = UnsafeRawPointer(bytes)
        func entry(_ index: Int) -> Double { Double(raw.loadUnaligned(fromByteOffset: index * 4, as: Int32.self)) }
        let (a, b, c, d) = (entry(0), entry(1), entry(3), entry(4))
        let determinant = a * d - b * c
        guard determinant != 0 else { return nil }
        let isMirrored = determinant < 0
        // Mirroring left to right comes first and turns the sign of a and b.
        let degrees = atan2(isMirrored ? -b : b, isMirrored ? -a : a) * 180 / .pi
        let quarters = (Int((degrees / 90).rounded()) % 4 + 4) % 4
        guard let rotation = Rotation(rawValue: quarters * 90) else { return nil }
        self.init(rotation: rotation, isMirrored: isMirrored)
    }

    /// From the EXIF tag `Orientation`, 1 to 8.
    init?(exif value: Int) {
        switch value {
        case 1: self.init()
        case 2: self.init(isMirrored: true)
        case 3: self.init(rotation: .half)
        case 4: self.init(rotation: .half, isMirrored: true)
        case 5: self.init(rotation: .threeQuarters, isMirrored: true)
        case 6: self.init(rotation: .quarter)
        case 7: self.init(rotation: .quarter, isMirrored: true)
        case 8: self.init(rotation: .threeQuarters)
        default: return nil
        }
    }

    /// What a decoded frame says of itself; nil where it says nothing.
    init?(of frame: UnsafePointer<AVFrame>) {
        if let data = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX),
            let orientation = Orientation(matrix: data.pointee.data, count: data.pointee.size)
        {
            self = orientation
            return
        }
        guard let metadata = frame.pointee.metadata, let entry = av_dict_get(metadata, "Orientation", nil, 0),
            let value = Int(String(cString: entry.pointee.value).filter { !$0.isWhitespace }),
            let orientation = Orientation(exif: value)
        else { return nil }
        self = orientation
    }
}
