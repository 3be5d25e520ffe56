import Imaging
import Testing

@Suite("The map between a mask's pixels and the source's")
struct MaskGeometryTests {
    private typealias Rectangle = MaskGeometry.Rectangle

    private func size(_ height: Int, _ width: Int) -> ImageSize { ImageSize(height: height, width: width) }

    @Test("stretched: each axis by itself, all of both")
    func stretch() {
        let map = MaskGeometry(mask: size(768, 1_024), source: size(1_080, 1_920), fit: .stretch)
        #expect(map.scaleY == 1.40625 && map.scaleX == 1.875 && map.offsetY == 0 && map.offsetX == 0)
        #expect(map.content == Rectangle(y: 0, x: 0, size: size(768, 1_024)))
        #expect(map.visible == Rectangle(y: 0, x: 0, size: size(1_080, 1_920)))
    }

    @Test("letterboxed: bars above and below a wide picture, at the sides of a tall one")
    func letterbox() {
        let wide = MaskGeometry(mask: size(768, 1_024), source: size(1_080, 1_920), fit: .letterbox)
        #expect(wide.content == Rectangle(y: 96, x: 0, size: size(576, 1_024)))
        #expect(wide.scaleY == 1.875 && wide.scaleX == 1.875 && wide.offsetY == -180 && wide.offsetX == 0)
        let tall = MaskGeometry(mask: size(768, 1_024), source: size(1_024, 512), fit: .letterbox)
        #expect(tall.content == Rectangle(y: 0, x: 320, size: size(768, 384)))
        #expect(wide.visible.size == wide.source && tall.visible.size == tall.source)
        #expect(wide.maskPixel(sourceRow: 0, sourceColumn: 0)?.row == 96)
    }

    @Test("cropped: what sticks out of the middle is cut off")
    func crop() {
        let wide = MaskGeometry(mask: size(768, 1_024), source: size(1_080, 1_920), fit: .crop)
        #expect(wide.visible == Rectangle(y: 0, x: 240, size: size(1_080, 1_440)))
        #expect(wide.content == Rectangle(y: 0, x: 0, size: size(768, 1_024)))
        #expect(wide.maskPixel(sourceRow: 0, sourceColumn: 239) == nil)
        #expect(wide.maskPixel(sourceRow: 0, sourceColumn: 240).map { [$0.row, $0.column] } == [0, 0])
        #expect(wide.maskPixel(sourceRow: 1_079, sourceColumn: 1_679).map { [$0.row, $0.column] } == [767, 1_023])
        #expect(wide.maskPixel(sourceRow: 0, sourceColumn: 1_680) == nil)
    }

    @Test("pixels that are not square are seen as they are shown")
    func pixelAspect() {
        // PAL widescreen: 720x576 stored, 1024x576 seen.
        let map = MaskGeometry(
            mask: size(576, 1_024), source: size(576, 720), pixelAspect: Rational(64, 45), fit: .letterbox)
        #expect(map.content == Rectangle(y: 0, x: 0, size: size(576, 1_024)))
        #expect(map.scaleX == 720.0 / 1_024 && map.scaleY == 1)
        let cut = MaskGeometry(mask: size(576, 576), source: size(576, 720), pixelAspect: Rational(64, 45), fit: .crop)
        #expect(cut.visible == Rectangle(y: 0, x: 157, size: size(576, 405)))
        for unknown in [Rational(0, 1), Rational(0, 0), Rational(-1, 1)] {
            let map = MaskGeometry(
                mask: size(10, 20), source: size(10, 20), pixelAspect: unknown, fit: .letterbox)
            #expect(map.content.size == map.mask, "\(unknown)")
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    private func any(_ random: inout SplitMix) -> MaskGeometry {
        func side() -> Int { Int.random(in: 1...(Bool.random(using: &random) ? 40 : 2_000), using: &random) }
        let aspects = [
            Rational(1, 1), Rational(64, 45), Rational(8, 9), Rational(4, 3), Rational(1, 100), Rational(100, 1),
            Rational(1, Int(Int32.max)), Rational(Int(Int32.max), 1),
        ]
        return MaskGeometry(
            mask: size(side(), side()), source: size(side(), side()),
            pixelAspect: aspects.randomElement(using: &random) ?? Rational(1, 1),
            fit: Fit.allCases.randomElement(using: &random) ?? .stretch)
    }

    @Test("content and visible part lie inside, are not empty, and are what the scale and offset say")
    func rectangles() {
        var random = SplitMix(state: 1)
        for _ in 0..<4_000 {
            let map = any(&random)
            let (content, visible) = (map.content, map.visible)
            let about: Comment = "\(map)"
            #expect(content.y >= 0 && content.x >= 0 && content.size.height > 0 && content.size.width > 0, about)
            #expect(content.y + content.size.height <= map.mask.height, about)
            #expect(content.x + content.size.width <= map.mask.width, about)
            #expect(visible.y >= 0 && visible.x >= 0 && visible.size.height > 0 && visible.size.width > 0, about)
            #expect(visible.y + visible.size.height <= map.source.height, about)
            #expect(visible.x + visible.size.width <= map.source.width, about)
            // The content's corners lie on the visible part's.
            func near(_ a: Double, _ b: Int) -> Bool { abs(a - Double(b)) < 1e-6 * Double(max(1, b)) }
            #expect(near(Double(content.y) * map.scaleY + map.offsetY, visible.y), about)
            #expect(near(Double(content.x) * map.scaleX + map.offsetX, visible.x), about)
            let (bottom, right) = (content.y + content.size.height, content.x + content.size.width)
            #expect(near(Double(bottom) * map.scaleY + map.offsetY, visible.y + visible.size.height), about)
            #expect(near(Double(right) * map.scaleX + map.offsetX, visible.x + visible.size.width), about)
            // Bars and cuts are as even as whole pixels allow.
            #expect((map.mask.height - content.size.height) / 2 == content.y, about)
            #expect((map.source.width - visible.size.width) / 2 == visible.x, about)
        }
    }

    @Test("a source pixel has a place in the mask where it is visible, inside the content, and nowhere else")
    func pixels() {
        var random = SplitMix(state: 2)
        for _ in 0..<4_000 {
            let map = any(&random)
            let row = Int.random(in: -3..<map.source.height + 3, using: &random)
            let column = Int.random(in: -3..<map.source.width + 3, using: &random)
            let (content, visible) = (map.content, map.visible)
            let isVisible =
                (visible.y..<visible.y + visible.size.height).contains(row)
                && (visible.x..<visible.x + visible.size.width).contains(column)
            let place = map.maskPixel(sourceRow: row, sourceColumn: column)
            if !isVisible {
                // Outside of the source there may still be a bar of the mask.
                let isBar = place.map {
                    !(content.y..<content.y + content.size.height).contains($0.row)
                        || !(content.x..<content.x + content.size.width).contains($0.column)
                }
                #expect(isBar ?? true, "(\(row), \(column)) of \(map)")
                continue
            }
            guard let place else {
                Issue.record("(\(row), \(column)) has no place in \(map)")
                continue
            }
            #expect((content.y..<content.y + content.size.height).contains(place.row), "\(map)")
            #expect((content.x..<content.x + content.size.width).contains(place.column), "\(map)")
            // And back: the mask pixel's span in the source holds the source pixel's centre.
            let top = Double(place.row) * map.scaleY + map.offsetY
            #expect(top <= Double(row) + 0.5 + 1e-6 && Double(row) + 0.5 <= top + map.scaleY + 1e-6, "\(map)")
        }
    }

    @Test("proportions are kept but for whole pixels, unless it is stretched")
    func proportions() {
        for fit in [Fit.letterbox, .crop] {
            for (height, width) in [(480, 640), (1_080, 1_920), (963, 1_021), (240, 2_000)] {
                let map = MaskGeometry(mask: size(768, 1_024), source: size(height, width), fit: fit)
                #expect(abs(map.scaleY / map.scaleX - 1) < 0.005, "\(fit) \(height)x\(width)")
            }
        }
    }
}
