import Foundation
import Imaging
import MediaIO

/// A network input as three lists of bytes, and what is needed to compare it.
struct Pixels {
    let size: ImageSize
    /// Red, green and blue planes one after the other.
    let bytes: [UInt8]

    init(_ picture: PlanarRGB) {
        size = picture.size
        bytes = picture.withUnsafeBytes { Array($0) }
    }

    /// From `rgb24` bytes, as ffmpeg's rawvideo has them.
    init(rgb24 data: Data, size: ImageSize) {
        self.size = size
        let packed = [UInt8](data.prefix(3 * size.area))
        var planes = [UInt8](repeating: 0, count: 3 * size.area)
        for pixel in 0..<min(size.area, packed.count / 3) {
            for channel in 0..<3 { planes[channel * size.area + pixel] = packed[3 * pixel + channel] }
        }
        bytes = planes
    }

    subscript(y: Int, x: Int) -> [Int] {
        (0..<3).map { Int(bytes[$0 * size.area + y * size.width + x]) }
    }

    /// The mean and the largest difference of all bytes.
    func difference(from other: Pixels) -> (mean: Double, largest: Int) {
        guard bytes.count == other.bytes.count else { return (.infinity, 255) }
        var sum = 0
        var largest = 0
        for (a, b) in zip(bytes, other.bytes) {
            let distance = abs(Int(a) - Int(b))
            sum += distance
            largest = max(largest, distance)
        }
        return (Double(sum) / Double(max(bytes.count, 1)), largest)
    }
}

extension VideoReader {
    /// The first picture of the file at `path`.
    static func firstPicture(_ path: String) throws -> Picture {
        guard let output = try VideoReader(MediaLocation(path)).next() else {
            throw TestMedia.Failure(description: "\(path) has no frame")
        }
        return output.frame.picture
    }
}

extension Scaler {
    /// `picture` scaled into a fresh network input that was full of rubbish before.
    func pixels(_ picture: Picture, height: Int, width: Int, fit: Fit = .stretch) throws -> Pixels {
        let target = PlanarRGB(size: ImageSize(height: height, width: width))
        target.withUnsafeMutableBytes { _ = $0.initializeMemory(as: UInt8.self, repeating: 77) }
        _ = try scale(picture, into: target, fit: fit)
        return Pixels(target)
    }
}
