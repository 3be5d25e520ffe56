import Testing

@testable import MediaIO

@Suite("Where a picture ends in a stream of pieces")
struct AccessUnitTests {
    /// A piece as libavformat hands it on: a unit of a type with so many bytes after its header, or, where there is no
    /// type, what goes on with the last unit.
    private func piece(_ type: UInt8?, _ count: Int, isFirst: Bool = false) -> [UInt8] {
        (type.map { [0, 0, 0, 1, $0] } ?? []) + Array(repeating: isFirst ? 0x87 : 7, count: count)
    }

    private func add(_ pieces: [[UInt8]], at time: Int64?, to end: inout AccessUnitEnd) -> [AccessUnitEnd.Verdict] {
        pieces.map { bytes in bytes.withUnsafeBytes { end.piece($0, time: time) } }
    }

    private let sps: UInt8 = 0x67
    private let idr: UInt8 = 0x65
    private let slice: UInt8 = 0x41

    @Test("is told by the smaller last piece, once two pictures have shown how the sender cuts")
    func cut() {
        var end = AccessUnitEnd(.h264)
        #expect(
            add([piece(sps, 20), piece(idr, 1000), piece(nil, 1000), piece(nil, 300)], at: 0, to: &end)
                == [.begin, .append, .append, .append])
        // How many slices a picture has is not known yet.
        #expect(!end.isComplete)
        #expect(add([piece(slice, 1000)], at: 40, to: &end) == [.begin])
        #expect(!end.isComplete, "a full piece is followed by another one")
        #expect(add([piece(nil, 1000)], at: 40, to: &end) == [.append])
        #expect(!end.isComplete)
        #expect(add([piece(nil, 20)], at: 40, to: &end) == [.append])
        #expect(end.isComplete)
        end.deliver()
        #expect(!end.isComplete)
        // A picture in one piece, and one whose last piece is as large as the others.
        #expect(add([piece(slice, 500)], at: 80, to: &end) == [.begin])
        #expect(end.isComplete)
        #expect(add([piece(slice, 1000), piece(nil, 1000)], at: 120, to: &end) == [.begin, .append])
        #expect(!end.isComplete)
        #expect(add([piece(slice, 500)], at: 160, to: &end) == [.begin])
        #expect(end.isComplete)
    }

    @Test("comes after as many slices as the picture before had")
    func slices() {
        var end = AccessUnitEnd(.h264)
        let picture = [piece(slice, 1000), piece(nil, 10), piece(slice, 400)]
        _ = add(picture, at: 0, to: &end)
        _ = add([picture[0], picture[1]], at: 1, to: &end)
        #expect(!end.isComplete)
        _ = add([picture[2]], at: 1, to: &end)
        #expect(end.isComplete)
        // Two units in one piece, as small ones are sent together.
        _ = add([piece(slice, 5) + piece(slice, 5)], at: 2, to: &end)
        #expect(end.isComplete)
    }

    @Test("is not guessed again in a stream where a guess was wrong")
    func torn() {
        var end = AccessUnitEnd(.h264)
        _ = add([piece(slice, 1000), piece(nil, 300)], at: 0, to: &end)
        _ = add([piece(slice, 1000), piece(nil, 300)], at: 1, to: &end)
        #expect(end.isComplete)
        end.deliver()
        #expect(add([piece(slice, 200)], at: 1, to: &end) == [.torn])
        for time in 2..<20 as Range<Int64> {
            #expect(add([piece(slice, 1000), piece(nil, 300)], at: time, to: &end) == [.begin, .append])
            #expect(!end.isComplete)
        }
        var cut = AccessUnitEnd(.h264)
        for time in 0...1 as ClosedRange<Int64> { _ = add([piece(slice, 1000), piece(nil, 300)], at: time, to: &cut) }
        cut.deliver()
        #expect(add([piece(nil, 100)], at: 1, to: &cut) == [.torn], "pieces of any size")
    }

    @Test("is damage where a unit goes on that never began")
    func strays() {
        var end = AccessUnitEnd(.h264)
        #expect(add([piece(nil, 100)], at: 0, to: &end) == [.torn])
        for time in 1...2 as ClosedRange<Int64> { _ = add([piece(slice, 1000), piece(nil, 300)], at: time, to: &end) }
        end.deliver()
        #expect(add([piece(nil, 300)], at: 3, to: &end) == [.torn])
        #expect(add([piece(slice, 1000), piece(nil, 300)], at: 4, to: &end) == [.begin, .append])
        #expect(end.isComplete, "what is lost on the way says nothing of how the sender cuts")
    }

    @Test("is where the next one's first slice is, in streams whose stamps are all the same")
    func sameStamps() {
        var end = AccessUnitEnd(.h264)
        for _ in 0..<3 {
            #expect(
                add([piece(slice, 1000, isFirst: true), piece(nil, 300), piece(slice, 200)], at: 7, to: &end)
                    == [.begin, .append, .append])
        }
        var hevc = AccessUnitEnd(.hevc)
        let first: [UInt8] = [0, 0, 0, 1, 2, 1, 0x80, 9]
        #expect(add([first, first], at: 7, to: &hevc) == [.begin, .begin])
    }

    @Test("parameters belong to the picture after them, whatever their time stamp")
    func parameters() {
        var end = AccessUnitEnd(.hevc)
        let (parameters, slice) = (UInt8(33 << 1), UInt8(1 << 1))
        _ = add([piece(slice, 1000), piece(nil, 300)], at: 0, to: &end)
        _ = add([piece(slice, 1000), piece(nil, 300)], at: 1, to: &end)
        #expect(end.isComplete)
        end.deliver()
        #expect(add([piece(parameters, 30)], at: 1, to: &end) == [.begin])
        #expect(!end.isComplete)
        #expect(add([piece(slice, 400)], at: 2, to: &end) == [.append])
        #expect(end.isComplete)
    }
}
