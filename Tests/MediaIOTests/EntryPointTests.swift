import Testing

@testable import MediaIO

@Suite("Where decoding can begin, by the units of a picture")
struct EntryPointTests {
    private func entry(
        _ units: [[UInt8]], _ syntax: AccessUnitEnd.Syntax = .h264, _ framing: EntryPoint.Framing = .startCodes
    ) -> EntryPoint {
        let bytes = units.flatMap { unit -> [UInt8] in
            switch framing {
            case .startCodes: [0, 0, 1] + unit
            case .lengths(let size):
                (0..<size).reversed().map { UInt8(truncatingIfNeeded: unit.count >> (8 * $0)) } + unit
            }
        }
        return bytes.withUnsafeBytes { EntryPoint($0, syntax: syntax, framing: framing) }
    }

    private let slice: [UInt8] = [0x41, 0x9A, 1, 2, 3]
    private let unreferenced: [UInt8] = [0x01, 0x9A, 1, 2, 3]
    private let idr: [UInt8] = [0x65, 0x88, 1, 2, 3]
    private let sps: [UInt8] = [0x67, 0x42, 0, 0x1E, 9]

    @Test("an IDR is independent; other slices are not, whatever the container says")
    func slices() {
        #expect(entry([sps, idr]) == entry([idr]))
        #expect(entry([idr]).kind == .independent)
        #expect(entry([slice]).kind == .none)
        #expect(entry([slice]).isReference)
        #expect(!entry([unreferenced]).isReference)
        #expect(entry([sps, idr], .h264, .lengths(4)).kind == .independent)
        #expect(entry([sps, idr], .h264, .lengths(2)).kind == .independent)
        for type in 16...21 as ClosedRange<UInt8> {
            #expect(entry([[type << 1, 1, 0x80, 5]], .hevc).kind == .independent)
        }
        for type in [0, 1, 8, 9] as [UInt8] { #expect(entry([[type << 1, 1, 0x80, 5]], .hevc).kind == .none) }
    }

    @Test("a recovery point says after how many pictures all is whole")
    func recoveryPoints() {
        // recovery_frame_cnt 0 is the bit 1, 18 is 000010011.
        #expect(entry([[6, 6, 1, 0xC4, 0x80], slice]).kind == .recovery(after: 0))
        #expect(entry([[6, 6, 2, 0x09, 0xC0, 0x80], slice]).kind == .recovery(after: 18))
        // After other messages, a long one among them.
        let user: [UInt8] = [5, 0xFF, 45] + Array(repeating: 7, count: 300)
        #expect(entry([[6] + user + [1, 1, 9, 6, 1, 0xC4, 0x80], slice]).kind == .recovery(after: 0))
        // With a byte that keeps start codes out: 00 00 03 02 is 00 00 02.
        #expect(entry([[6, 5, 3, 0, 0, 3, 2, 6, 1, 0xC4, 0x80], slice]).kind == .recovery(after: 0))
        #expect(entry([[6, 6, 1, 0xC4, 0x80], idr]).kind == .independent)
        // H.265 counts with a sign: 1 is 010, -1 is 011, 2 is 00100.
        let point: [UInt8] = [39 << 1, 1, 6, 1]
        let picture: [UInt8] = [1 << 1, 1, 0x80, 5]
        #expect(entry([point + [0b1010_0000, 0x80], picture], .hevc).kind == .recovery(after: 0))
        #expect(entry([point + [0b0101_0000, 0x80], picture], .hevc).kind == .recovery(after: 1))
        #expect(entry([point + [0b0111_0000, 0x80], picture], .hevc).kind == .recovery(after: 0))
        #expect(entry([point + [0b0010_0100, 0x80], picture], .hevc).kind == .recovery(after: 2))
    }

    @Test("damaged units are no entry, and no trap")
    func damage() {
        #expect(entry([]).kind == .none)
        #expect(entry([[], [6], [6, 6], [6, 6, 200, 1], [6, 0xFF, 0xFF, 0xFF], slice]).kind == .none)
        #expect(entry([[6, 6, 3, 0, 0, 0, 0x80], slice]).kind == .none)
        #expect(entry([[6, 6, 0, 0x80], slice]).kind == .none)
        for count in 0..<9 {
            let bytes = Array([0, 0, 0, 200, 0x65, 1, 2, 3, 4][..<count] as ArraySlice<UInt8>)
            let cut = bytes.withUnsafeBytes { EntryPoint($0, syntax: .h264, framing: .lengths(4)) }
            #expect(cut.kind == .none)
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random) & (Bool.random(using: &random) ? 7 : 255)
            }
            bytes.withUnsafeBytes { data in
                for syntax in [AccessUnitEnd.Syntax.h264, .hevc] {
                    _ = EntryPoint(data, syntax: syntax, framing: .startCodes)
                    _ = EntryPoint(data, syntax: syntax, framing: .lengths(2))
                }
            }
        }
    }
}

@Suite("The end of a recovery")
struct RecoveriesTests {
    @Test("is so many reference pictures after its beginning")
    func count() {
        var recoveries = Recoveries()
        func picture(_ tag: Int64, isReference: Bool = true, loss: Int64? = nil) -> Bool {
            recoveries.picture(tag: tag, isReference: isReference, loss: loss)
        }
        #expect(!picture(1))
        recoveries.announce(tag: 2, after: 2)
        #expect(!picture(2))
        #expect(!picture(3, isReference: false))
        #expect(!picture(4))
        #expect(picture(5))
        #expect(!picture(6), "it is said once")
        recoveries.announce(tag: 7, after: 0)
        // Pictures that are shown before it, but were coded later, need what may be missing.
        #expect(!picture(6, isReference: false))
        #expect(picture(7))
    }

    @Test("does not come where something is lost meanwhile, but may begin right after a loss")
    func loss() {
        var recoveries = Recoveries()
        func picture(_ tag: Int64, isReference: Bool = true, loss: Int64? = nil) -> Bool {
            recoveries.picture(tag: tag, isReference: isReference, loss: loss)
        }
        recoveries.announce(tag: 1, after: 2)
        #expect(!picture(1, loss: 1))
        #expect(!picture(2))
        #expect(picture(3))
        recoveries.announce(tag: 4, after: 2)
        #expect(!picture(4))
        #expect(!picture(5, loss: 5))
        for tag in 6..<20 as Range<Int64> { #expect(!picture(tag)) }
    }

    @Test("is found where every picture announces one")
    func many() {
        var recoveries = Recoveries()
        func picture(_ tag: Int64, isReference: Bool = true, loss: Int64? = nil) -> Bool {
            recoveries.picture(tag: tag, isReference: isReference, loss: loss)
        }
        var first: Int64?
        for tag in 1...200 as ClosedRange<Int64> {
            recoveries.announce(tag: tag, after: 18)
            if picture(tag), first == nil { first = tag }
        }
        #expect(first == 19)
    }
}
