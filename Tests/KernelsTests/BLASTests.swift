import Kernels
import Testing

extension KernelTests {
    @Suite("OpenBLAS")
    struct BLASTests {
        struct Case: CustomStringConvertible {
            let rows: Int, columns: Int, depth: Int
            let moreA: Int, moreB: Int, moreC: Int
            let adding: Bool

            var description: String {
                "\(rows)x\(depth) times \(depth)x\(columns), strides +\(moreA) +\(moreB) +\(moreC), adding \(adding)"
            }
        }

        private static func cases() -> [Case] {
            var random = Random(seed: 9)
            let sizes = [
                (1, 1, 1), (1, 1, 300), (1, 300, 1), (300, 1, 1), (58, 97, 58), (116, 70, 348), (24, 129, 27),
                (128, 64, 256), (19, 65, 128), (5, 1_024, 3), (464, 1, 464),
            ]
            return
                (sizes
                + (0..<60).map { _ in
                    (
                        Int.random(in: 1...40, using: &random), Int.random(in: 1...70, using: &random),
                        Int.random(in: 1...50, using: &random)
                    )
                }).flatMap { rows, columns, depth in
                    [false, true].map { adding in
                        Case(
                            rows: rows, columns: columns, depth: depth, moreA: random.pick([0, 1, 7]),
                            moreB: random.pick([0, 1, 16]), moreC: random.pick([0, 3]), adding: adding)
                    }
                }
        }

        @Test("a product is that of the textbook, at any strides, and adds where asked")
        func product() throws {
            let blas = try BLAS.load()
            var random = Random(seed: 10)
            let (a, b) = (try GuardedMemory<Float>(capacity: 1 << 18), try GuardedMemory<Float>(capacity: 1 << 18))
            let c = try GuardedMemory<Float>(capacity: 1 << 18)
            check(Self.cases()) { one in
                let (aStride, bStride, cStride) = (
                    one.depth + one.moreA, one.columns + one.moreB, one.columns + one.moreC
                )
                let layout = Layout(rows: one.rows, width: one.columns, stride: cStride)
                let left = Values.ordinary.make((one.rows - 1) * aStride + one.depth, &random)
                let right = Values.ordinary.make((one.depth - 1) * bStride + one.columns, &random)
                // What is there before must not matter where nothing is added, not even where it is no number.
                let old =
                    one.adding
                    ? Values.ordinary.make((one.rows - 1) * cStride + one.columns, &random)
                    : [Float](repeating: .canary, count: (one.rows - 1) * cStride + one.columns)
                blas.product(
                    rows: one.rows, columns: one.columns, depth: one.depth, a.place(left), aStride, b.place(right),
                    bStride,
                    into: c.place(old), cStride, adding: one.adding)
                if let place = c.firstIntrusion(outside: layout) {
                    return "wrote at \(place)"
                }
                var (expected, magnitudes): ([Float], [Float]) = ([], [])
                for y in 0..<one.rows {
                    for x in 0..<one.columns {
                        var sum = one.adding ? Double(old[y * cStride + x]) : 0
                        var size = abs(sum)
                        for k in 0..<one.depth {
                            let term = Double(left[y * aStride + k]) * Double(right[k * bStride + x])
                            sum += term
                            size += abs(term)
                        }
                        expected.append(Float(sum))
                        magnitudes.append(Float(size))
                    }
                }
                return Comparison.sum(of: one.depth).mismatch(
                    found: layout.gather(c.contents), expected: expected,
                    magnitudes: magnitudes)
            }
        }

        @Test("its kernels are made for this processor, not for the oldest one it knows")
        func core() throws {
            let blas = try BLAS.load()
            guard !blas.wasLoadedBefore else {
                print("skipped: another library brought OpenBLAS into this process before")
                return
            }
            let name = blas.coreName
            let fallbacks = ["Prescott", "Nehalem", "Core2", "Penryn", "Dunnington", "Atom", "Barcelona", "unknown"]
            if InstructionSet.avx2.isSupported { #expect(!fallbacks.contains(name)) }
        }

        @Test("several threads may multiply at once and each gets what it would get alone")
        func threads() async throws {
            let blas = try BLAS.load()
            var random = Random(seed: 11)
            let (m, n, k) = (60, 90, 70)
            let (a, b) = (Values.ordinary.make(m * k, &random), Values.ordinary.make(k * n, &random))
            func multiply() -> [Float] {
                var c = [Float](repeating: 0, count: m * n)
                blas.product(rows: m, columns: n, depth: k, a, k, b, n, into: &c, n)
                return c
            }
            let alone = multiply()
            let same = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { (0..<50).allSatisfy { _ in multiply() == alone } } }
                return await group.reduce(true) { $0 && $1 }
            }
            #expect(same)
        }
    }
}

@Suite("Instruction sets")
struct InstructionSetTests {
    @Test("the definitions are always there, the best set is among the supported, lowest first")
    func supported() {
        #expect(InstructionSet.supported.first == .scalar)
        #expect(InstructionSet.supported.last == InstructionSet.best)
        #expect(InstructionSet.supported.contains(.avx2) || !InstructionSet.supported.contains(.avx512))
    }

    @Test("a set that the machine does not have is refused by name, with those it has")
    func unsupported() throws {
        let missing = try #require(InstructionSet.allCases.first { !$0.isSupported })
        let error = #expect(throws: UnsupportedInstructionSet.self) { try KernelTable(missing) }
        let text = try #require(error?.description)
        #expect(
            text.contains("\"\(missing)\"")
                && text.contains(InstructionSet.supported.map(\.rawValue).joined(separator: ", ")))
    }

    @Test("a table tells which set it is for", arguments: InstructionSet.supported)
    func table(_ set: InstructionSet) throws {
        #expect(try KernelTable(set).instructionSet == set)
    }
}
