import Imaging
import Synchronization
import Testing

@Suite("Buffers")
struct BufferTests {
    private final class Buffer: Sendable {
        let number: Int
        init(number: Int) { self.number = number }
    }

    private func pool(_ made: Counter) -> BufferPool<Buffer> {
        BufferPool { Buffer(number: made.next()) }
    }

    private final class Counter: Sendable {
        private let value = Atomic(0)
        func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).newValue }
        var count: Int { value.load(ordering: .relaxed) }
    }

    private final class Lent: Sendable {
        private let numbers = Mutex<Set<Int>>([])
        func add(_ number: Int) -> Bool { numbers.withLock { $0.insert(number).inserted } }
        func remove(_ number: Int) { numbers.withLock { _ = $0.remove(number) } }
    }

    @Test("are made when none is idle, and used again when a loan ends")
    func reuse() {
        let made = Counter()
        let pool = pool(made)
        #expect(made.count == 0)
        do {
            let (first, second) = (pool.take(), pool.take())
            #expect(first.buffer !== second.buffer)
        }
        for _ in 0..<100 {
            let (first, second) = (pool.take(), pool.take())
            #expect(first.buffer !== second.buffer)
        }
        #expect(made.count == 2)
    }

    @Test("stay lent while anybody holds the loan")
    func copies() {
        let made = Counter()
        let pool = pool(made)
        var holders: [Loan<Buffer>] = []
        do {
            let loan = pool.take()
            holders = [loan, loan, loan]
        }
        let number = holders[0].buffer.number
        holders.removeLast(2)
        #expect(pool.take().buffer.number != number)
        holders.removeAll()
        let both = [pool.take(), pool.take()]
        #expect(Set(both.map(\.buffer.number)) == [1, 2] && made.count == 2)
    }

    @Test("are shared by threads without being lent twice")
    func threads() async {
        let made = Counter()
        let pool = pool(made)
        let lent = Lent()
        let clashes = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<2_000 {
                        let loan = pool.take()
                        let number = loan.buffer.number
                        if !lent.add(number) { _ = clashes.next() }
                        lent.remove(number)
                        withExtendedLifetime(loan) {}
                    }
                }
            }
        }
        #expect(clashes.count == 0 && made.count <= 4)
    }

    @Test("of pixels are black and zero at first, as long as their size, and aligned")
    func pixels() {
        let size = ImageSize(height: 5, width: 7)
        let (picture, map) = (PlanarRGB(size: size), ClassMap(size: size))
        picture.withUnsafeBytes {
            #expect($0.count == 105 && $0.allSatisfy { $0 == 0 })
            #expect(UInt(bitPattern: $0.baseAddress) % 64 == 0)
        }
        map.withUnsafeMutableBytes {
            #expect($0.count == 35 && $0.allSatisfy { $0 == 0 })
            $0[2 * 7 + 3] = 9
        }
        #expect(map[row: 2, column: 3] == 9 && map[row: 3, column: 2] == 0)
        #expect(ClassMap.noAnswer == 255)
    }
}

@Suite("Times of stages")
struct StageTimesTests {
    @Test("are kept apart, and are nothing before they happen")
    func stages() {
        var times = StageTimes()
        for stage in Stage.allCases { #expect(times[stage].nanoseconds == 0 && times[stage].ended == 0) }
        for (number, stage) in Stage.allCases.enumerated() {
            times[stage] = StageTimes.Interval(began: 100, ended: UInt64(110 + number))
        }
        #expect(Stage.allCases.map { times[$0].nanoseconds } == [10, 11, 12, 13])
        #expect(Stage.allCases.map(\.name) == ["decode", "preprocess", "infer", "publish"])
        times[.infer].ended = 90
        #expect(times[.infer].nanoseconds == 0, "an interval that ends before it begins")
    }
}

@Suite("A picture")
struct PictureTests {
    private final class Owner: Sendable {}

    @Test("is seen turned, its pixels too")
    func orientation() {
        for rotation in Orientation.Rotation.allCases {
            let picture = Picture(
                codedSize: ImageSize(height: 576, width: 720), format: .yuv420p, planes: [],
                sampleAspectRatio: Rational(64, 45), orientation: Orientation(rotation: rotation), owner: Owner())
            let turned = rotation == .quarter || rotation == .threeQuarters
            #expect(picture.size == ImageSize(height: turned ? 720 : 576, width: turned ? 576 : 720))
            #expect(picture.pixelAspect == (turned ? Rational(45, 64) : Rational(64, 45)))
        }
    }

    @Test("has square pixels where nothing is known of them")
    func unknownAspect() {
        let picture = Picture(
            codedSize: ImageSize(height: 2, width: 4), format: .gray, planes: [], sampleAspectRatio: Rational(0, 1),
            owner: Owner())
        #expect(picture.pixelAspect == Rational(1, 1))
    }

    @Test("keeps the owner of its memory alive")
    func ownership() {
        weak var owner: Owner?
        var picture: Picture?
        do {
            let some = Owner()
            owner = some
            picture = Picture(codedSize: ImageSize(height: 1, width: 1), format: .gray, planes: [], owner: some)
        }
        #expect(owner != nil)
        picture?.withPlanes { #expect($0.isEmpty) }
        picture = nil
        #expect(owner == nil)
    }
}

@Suite struct ClassMapPoolTests {
    @Test func aMapThatSomebodyKeepsIsNeverWrittenAgainThoughItsMaskIsGone() throws {
        let pool = ClassMapPool(size: ImageSize(height: 2, width: 3))
        let labels = try #require(LabelSet(names: ["a"], palette: [RGB(0, 0, 0)]))
        func mask(_ id: UInt8) -> Mask {
            let classes = pool.take()
            classes.fill(id)
            return Mask(
                stamp: FrameStamp(
                    camera: "front", sequence: UInt64(id), mediaTime: nil, capture: SystemClock().arrival),
                classes: classes, labels: labels, model: "m",
                geometry: MaskGeometry(
                    mask: classes.size, source: ImageSize(height: 2, width: 3), fit: .stretch), stages: StageTimes())
        }
        let kept = mask(1).classes
        for id in 2..<20 as Range<UInt8> { _ = mask(id) }
        #expect(kept.counts()[1] == 6)
    }

    @Test func theMemoryOfAMapThatNobodyKeepsIsUsedAgain() {
        let pool = ClassMapPool(size: ImageSize(height: 8, width: 8))
        func address(_ map: ClassMap) -> Int { map.withUnsafeBytes { Int(bitPattern: $0.baseAddress) } }
        let first = address(pool.take())
        for _ in 0..<10 { #expect(address(pool.take()) == first) }
    }
}
