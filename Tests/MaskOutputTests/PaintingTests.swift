import Imaging
import Kernels
import MaskOutput
import MediaIO
import Testing

/// Planes of bytes to draw on, with a guard around each row.
private final class Board {
    let size: ImageSize
    let shapes: [ImageSize]
    private var blocks: [UnsafeMutablePointer<UInt8>] = []
    private let padding = 16

    init(_ size: ImageSize, bytesAPixel: Int = 1, planes: Int = 1, halved: Bool = false) {
        self.size = size
        let half = ImageSize(height: (size.height + 1) / 2, width: (size.width + 1) / 2)
        shapes = (0..<planes).map {
            halved && $0 > 0 ? half : ImageSize(height: size.height, width: size.width * bytesAPixel)
        }
        for shape in shapes {
            let count = shape.height * (shape.width + padding)
            let block = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
            block.initialize(repeating: 0xA5, count: count)
            blocks.append(block)
        }
    }

    deinit { for block in blocks { block.deallocate() } }

    var planes: [PlaneRows] {
        zip(blocks, shapes).map {
            PlaneRows(base: $0, stride: $1.width + padding, rows: $1.height, rowBytes: $1.width)
        }
    }

    func byte(_ plane: Int, _ y: Int, _ x: Int) -> UInt8 { blocks[plane][y * (shapes[plane].width + padding) + x] }

    var guardsAreWhole: Bool {
        zip(blocks, shapes).allSatisfy { block, shape in
            (0..<shape.height).allSatisfy { y in
                (shape.width..<shape.width + padding).allSatisfy { block[y * (shape.width + padding) + $0] == 0xA5 }
            }
        }
    }
}

@Suite struct PaintingTests {
    static let sources = [
        ImageSize(height: 45, width: 80), ImageSize(height: 37, width: 131), ImageSize(height: 131, width: 37),
        ImageSize(height: 1, width: 1), ImageSize(height: 96, width: 128), ImageSize(height: 300, width: 7),
    ]

    /// The definition, pixel by pixel.
    private func id(_ mask: Mask, _ y: Int, _ x: Int) -> UInt8 {
        mask.geometry.maskPixel(sourceRow: y, sourceColumn: x).map { mask.classes[row: $0.row, column: $0.column] }
            ?? 255
    }

    /// `row, column` of the first pixel for which `isSame` is false.
    private func firstDifference(_ size: ImageSize, _ isSame: (Int, Int) -> Bool) -> String? {
        for y in 0..<size.height {
            for x in 0..<size.width where !isSame(y, x) { return "row \(y), column \(x)" }
        }
        return nil
    }

    private func mixed(_ source: UInt8, _ color: UInt8, weight: Int = 128) -> UInt8 {
        UInt8((Int(source) * (256 - weight) + Int(color) * weight + 128) >> 8)
    }

    @Test("Ids at the source's size are those of the mask's pixel under each centre", arguments: sources, Fit.allCases)
    func ids(source: ImageSize, fit: Fit) {
        let mask = Made.mask(Made.street(ImageSize(height: 48, width: 64)), source: source, fit: fit)
        let board = Board(source)
        MaskPainter(labels: Made.labels).drawIDs(of: mask, on: board.planes, size: source)
        #expect(firstDifference(source) { board.byte(0, $0, $1) == id(mask, $0, $1) } == nil)
        #expect(board.guardsAreWhole)
    }

    @Test("Ids at the mask's size are the mask's")
    func idsOfMask() {
        let size = ImageSize(height: 19, width: 33)
        let mask = Made.mask(Made.street(size), source: ImageSize(height: 100, width: 57), fit: .letterbox)
        let board = Board(size)
        MaskPainter(labels: Made.labels).drawIDs(of: mask, maskOnly: true, on: board.planes, size: size)
        #expect(firstDifference(size) { board.byte(0, $0, $1) == mask.classes[row: $0, column: $1] } == nil)
    }

    @Test("Class colours are exact in RGB, black where there is no answer", arguments: sources, Fit.allCases)
    func colors(source: ImageSize, fit: Fit) {
        let mask = Made.mask(Made.street(ImageSize(height: 48, width: 64)), source: source, fit: fit)
        let painter = MaskPainter(labels: Made.labels)
        let rgb = Board(source, bytesAPixel: 3)
        let words = Board(source, bytesAPixel: 4)
        painter.drawColors(of: mask, on: rgb.planes, format: .rgb24, size: source)
        painter.drawColors(of: mask, on: words.planes, format: PixelFormat(rawValue: "bgr0"), size: source)
        let difference = firstDifference(source) { y, x in
            let color = Made.labels.color(of: id(mask, y, x))
            return RGB(rgb.byte(0, y, 3 * x), rgb.byte(0, y, 3 * x + 1), rgb.byte(0, y, 3 * x + 2)) == color
                && RGB(words.byte(0, y, 4 * x + 2), words.byte(0, y, 4 * x + 1), words.byte(0, y, 4 * x)) == color
        }
        #expect(difference == nil)
        #expect(rgb.guardsAreWhole && words.guardsAreWhole)
    }

    @Test(
        "An overlay mixes the class colour into every plane and leaves the rest alone", arguments: sources,
        [PixelFormat.yuv420p, .yuv444p])
    func overlay(source: ImageSize, format: PixelFormat) {
        for fit in Fit.allCases {
            let mask = Made.mask(Made.street(ImageSize(height: 48, width: 64)), source: source, fit: fit)
            let picture = Made.ramp(source, format)
            let board = Board(source, planes: 3, halved: format == .yuv420p)
            let tables = Board(ImageSize(height: 16, width: 16), planes: 3)
            // The colours' own Y'CbCr, from a map that holds every id.
            let every = Made.mask(Made.classes(ImageSize(height: 16, width: 16)) { UInt8($0 * 16 + $1) })
            let painter = MaskPainter(labels: Made.labels, opacity: 0.5)
            painter.drawColors(
                of: every, maskOnly: true, on: tables.planes, format: .yuv444p, matrix: 1,
                size: ImageSize(height: 16, width: 16))
            painter.drawOverlay(
                of: mask, over: planes(of: picture), on: board.planes, format: format, matrix: 1,
                size: source)
            for (plane, shape) in board.shapes.enumerated() {
                let step = plane > 0 && format == .yuv420p ? 2 : 1
                let difference = firstDifference(shape) { y, x in
                    let id = id(mask, y * step, x * step)
                    let source = picture.byte(plane, y, x)
                    let color = tables.byte(plane, Int(id) / 16, Int(id) % 16)
                    return board.byte(plane, y, x) == (id < 11 ? mixed(source, color) : source)
                }
                #expect(difference == nil, "plane \(plane), \(fit)")
            }
            #expect(board.guardsAreWhole)
        }
    }

    @Test("Every instruction set paints the same as the definition")
    func kernels() {
        let size = ImageSize(height: 5, width: 333)
        let picture = Made.ramp(size, .yuv444p)
        defer { withExtendedLifetime(picture) {} }
        let mask = Made.mask(Made.classes(size) { UInt8(truncatingIfNeeded: $0 * 7 + $1 * 13) })
        for count in [1, 2, 11, 16, 17, 19, 32, 33, 150, 255] {
            let colors = (0..<count).map { RGB(UInt8(255 - $0), UInt8($0), UInt8(truncatingIfNeeded: $0 * 37)) }
            guard let labels = LabelSet(names: colors.indices.map { "\($0)" }, palette: colors) else { continue }
            for opacity in [0, 0.3, 0.5, 1] {
                let boards = PaintKernels.available.map { kernels in
                    let board = Board(size, planes: 3)
                    MaskPainter(labels: labels, opacity: opacity, kernels: kernels).drawOverlay(
                        of: mask, over: planes(of: picture), on: board.planes, format: .yuv444p,
                        size: size)
                    let drawn = Board(size, planes: 3)
                    MaskPainter(labels: labels, kernels: kernels).drawColors(
                        of: mask, on: drawn.planes, format: .yuv444p, size: size)
                    return (kernels.instructionSet, board, drawn)
                }
                for (name, board, drawn) in boards.dropFirst() {
                    for plane in 0..<3 {
                        let difference = firstDifference(size) { y, x in
                            board.byte(plane, y, x) == boards[0].1.byte(plane, y, x)
                                && drawn.byte(plane, y, x) == boards[0].2.byte(plane, y, x)
                        }
                        #expect(
                            difference == nil, "\(name), \(count) classes, opacity \(opacity), plane \(plane)")
                    }
                    #expect(board.guardsAreWhole && drawn.guardsAreWhole)
                }
            }
        }
    }

    private func planes(of picture: Picture) -> [PlaneRows] {
        picture.planes.enumerated().map { index, plane in
            let half = picture.format == .yuv420p && index > 0
            let size = picture.codedSize
            return PlaneRows(
                base: plane.base, stride: plane.stride, rows: half ? (size.height + 1) / 2 : size.height,
                rowBytes: half ? (size.width + 1) / 2 : size.width)
        }
    }
}
