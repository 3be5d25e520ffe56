import Imaging
import Testing
import SyntheticDrive

/// The eleven classes in an order of the tests' own, so that ids must come from names.
enum TestLabels {
    static let names = [
        "Car", "Sky", "Bicyclist", "Building", "Pole", "Road", "Pedestrian", "Pavement", "Tree", "SignSymbol", "Fence",
    ]

    static func labels(_ names: [String] = names) throws -> LabelSet {
        try #require(LabelSet(names: names, palette: names.map { _ in RGB(1, 2, 3) }))
    }

    static func id(_ kind: StreetClass) throws -> UInt8 {
        try #require(names.firstIndex(of: kind.name).map { UInt8($0) })
    }
}

/// A frame copied out: red, green and blue bytes, and ids.
struct DrivePicture {
    let width: Int
    let height: Int
    let pixels: [UInt8]
    let ids: [UInt8]

    init(_ drive: SyntheticDrive, frame: Int) {
        let sample = drive.sample(at: frame)
        width = sample.classes.size.width
        height = sample.classes.size.height
        pixels = Self.bytes(of: sample.picture)
        ids = sample.classes.withUnsafeBytes { Array($0) }
    }

    static func bytes(of picture: Picture) -> [UInt8] {
        picture.withPlanes { planes in
            guard let plane = planes.first else { return [] }
            let row = picture.codedSize.width * 3
            return (0..<picture.codedSize.height).flatMap { y in
                Array(UnsafeRawBufferPointer(start: plane.base + y * plane.stride, count: row))
            }
        }
    }

    func id(_ x: Int, _ y: Int) -> UInt8 { ids[y * width + x] }

    /// The sum of the channels' differences between two pixels.
    func difference(_ x0: Int, _ y0: Int, _ x1: Int, _ y1: Int) -> Int {
        let a = (y0 * width + x0) * 3
        let b = (y1 * width + x1) * 3
        return (0..<3).reduce(0) { $0 + abs(Int(pixels[a + $1]) - Int(pixels[b + $1])) }
    }

    /// The mean red, green and blue of the pixels with `id`, and how many there are.
    func mean(of id: UInt8) -> (red: Double, green: Double, blue: Double, count: Int) {
        var sum = [0, 0, 0]
        var count = 0
        for index in ids.indices where ids[index] == id {
            for channel in 0..<3 { sum[channel] += Int(pixels[index * 3 + channel]) }
            count += 1
        }
        let n = Double(max(count, 1))
        return (Double(sum[0]) / n, Double(sum[1]) / n, Double(sum[2]) / n, count)
    }

    /// FNV-1a over pixels and ids.
    var checksum: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in pixels { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in ids { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
