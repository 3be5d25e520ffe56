import Imaging
import Inference
import MediaIO
import Networks
import Segmentation
import Testing

@Suite("A preprocessor")
struct PreprocessorTests {
    private final class Memory {
        let bytes: UnsafeMutableRawBufferPointer

        init(count: Int) { bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64) }

        deinit { bytes.deallocate() }
    }

    /// A packed RGB picture, its left half of one colour and its right half of another, rows padded.
    private func picture(_ size: ImageSize, _ left: RGB, _ right: RGB) throws -> Picture {
        let stride = (3 * size.width + 63) & ~31
        let memory = Memory(count: stride * size.height + 64)
        for y in 0..<size.height {
            for x in 0..<size.width {
                let color = 2 * x < size.width ? left : right
                for (channel, value) in [color.red, color.green, color.blue].enumerated() {
                    memory.bytes[y * stride + 3 * x + channel] = value
                }
            }
        }
        let base = try #require(memory.bytes.baseAddress)
        return Picture(
            codedSize: size, format: .rgb24, planes: [Picture.Plane(base: base, stride: stride)], owner: memory)
    }

    private func color(_ input: PlanarRGB, _ y: Int, _ x: Int) -> RGB {
        input.withUnsafeBytes { bytes in
            let (place, plane) = (y * input.size.width + x, input.size.area)
            return RGB(bytes[place], bytes[plane + place], bytes[2 * plane + place])
        }
    }

    private func isNear(_ a: RGB, _ b: RGB) -> Bool {
        zip([a.red, a.green, a.blue], [b.red, b.green, b.blue]).allSatisfy { abs(Int($0) - Int($1)) <= 2 }
    }

    private let left = RGB(200, 30, 90)
    private let right = RGB(10, 220, 140)

    @Test("brings a picture to the network's size as it is told, and says how", arguments: Fit.allCases)
    func fits(_ fit: Fit) throws {
        let input = PlanarRGB(size: ImageSize(height: 96, width: 128))
        let preprocessor = Preprocessor(inputSize: input.size, fit: fit)
        #expect(preprocessor.fit == fit && preprocessor.inputSize == input.size)
        // One after the other: what one leaves must not shine through the next.
        for (height, width) in [(90, 320), (240, 100), (96, 128), (91, 321)] {
            let size = ImageSize(height: height, width: width)
            let map = try preprocessor.prepare(try picture(size, left, right), into: input)
            #expect(map == MaskGeometry(mask: input.size, source: size, fit: fit))
            let content = map.content
            for y in stride(from: 1, to: 95, by: 7) {
                for x in stride(from: 1, to: 127, by: 7) {
                    let isInside = { (margin: Int) in
                        (content.y + margin..<content.y + content.size.height - margin).contains(y)
                            && (content.x + margin..<content.x + content.size.width - margin).contains(x)
                    }
                    let column = (Double(x) + 0.5) * map.scaleX + map.offsetX
                    // Not on an edge, where both colours mix.
                    guard abs(column - Double(width) / 2) > 3 * map.scaleX else { continue }
                    if isInside(2) {
                        let expected = column < Double(width) / 2 ? left : right
                        #expect(isNear(color(input, y, x), expected), "\(fit) \(size): (\(y), \(x))")
                    } else if !isInside(-2) {
                        #expect(color(input, y, x) == RGB(0, 0, 0), "\(fit) \(size): the bar at (\(y), \(x))")
                    }
                }
            }
        }
    }

    @Test("and a segmenter turn a picture into classes that lie where the geometry says")
    func together() throws {
        let size = ImageSize(height: 96, width: 128)
        let segmenter = try CompiledNetwork(
            try Model.bundled(), size: size, options: EngineOptions(threads: 1))
        let preprocessor = Preprocessor(inputSize: size, fit: .letterbox)
        let (input, classes) = (PlanarRGB(size: size), ClassMap(size: size))
        let map = try preprocessor.prepare(try picture(ImageSize(height: 90, width: 320), left, right), into: input)
        try segmenter.segment(input, into: classes)
        #expect(Pictures.ids(classes).allSatisfy { $0 < segmenter.labels.count })
        #expect(map.content.y > 0 && map.content.size.height < 96)
    }
}
