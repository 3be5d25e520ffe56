/// Tells when the last piece of a picture has come, for H.264 and H.265 over RTP. Pure.
///
/// libavformat hands on what each RTP packet held, but not the packet's mark that it was the last one of its picture.
/// Its parser waits for the next picture instead, a whole frame interval. This goes by what senders do: a unit (NAL)
/// that is larger than a packet is cut into pieces of one size and a smaller rest, and pictures of a stream have equally
/// many slices. Where that says nothing the next picture is waited for; where it was wrong once it is not trusted again.
struct AccessUnitEnd: Sendable {
    /// How units are told apart.
    enum Syntax: Sendable {
        case h264, hevc

        var headerLength: Int { self == .h264 ? 1 : 2 }

        /// Whether a unit that begins with `byte` holds a part of a picture.
        func isSlice(_ byte: UInt8) -> Bool {
            switch self {
            case .h264: (1...5).contains(byte & 31)
            case .hevc: byte >> 1 & 63 < 32
            }
        }

        /// Whether a unit that begins with `byte` comes before a picture's first slice: parameter sets, delimiters,
        /// messages (ITU-T H.264 7.4.1.2.3, H.265 7.4.2.4.4).
        fileprivate func isPrefix(_ byte: UInt8) -> Bool {
            switch self {
            case .h264: (6...9).contains(byte & 31) || (14...18).contains(byte & 31)
            case .hevc: (32...35).contains(byte >> 1 & 63) || byte >> 1 & 63 == 39
            }
        }
    }

    /// What is to be done with a piece.
    enum Verdict: Hashable, Sendable {
        /// It belongs to the picture that is being put together.
        case append
        /// It begins the next picture: the one before is complete, or was handed on.
        case begin
        /// It is of no use, and a picture is damaged: its own was handed on too early, or has no beginning.
        case torn
    }

    private static let startCode: [UInt8] = [0, 0, 0, 1]

    private let syntax: Syntax
    /// Bytes of payload in the pieces of a unit that was cut, the most there were.
    private var fullPiece = 0
    /// Slices of the last picture that the next one showed to be complete.
    private var expectedSlices: Int?
    private var isTrusted = true
    private var hasBegun = false
    // Of the picture that is being put together:
    private var time: Int64?
    private var slices = 0
    private var isDelivered = false
    /// The payload of its last piece, in bytes.
    private var last = 0

    init(_ syntax: Syntax) { self.syntax = syntax }

    /// Whether the picture so far is complete, for all that is known.
    var isComplete: Bool {
        guard isTrusted, !isDelivered, slices > 0, slices == expectedSlices else { return false }
        // A piece as large as they get may be followed by another one of its unit.
        return last < fullPiece - 2
    }

    /// The picture so far was handed on.
    mutating func deliver() { isDelivered = true }

    /// Judges the next piece: its bytes, and its picture's time stamp.
    mutating func piece(_ bytes: UnsafeRawBufferPointer, time stamp: Int64?) -> Verdict {
        let units = starts(in: bytes)
        let newSlices = units.count { syntax.isSlice($0.kind) }
        // What goes on with a unit is of that unit's time, or its beginning is lost.
        if units.isEmpty, stamp != time || !hasBegun { return .torn }
        defer { learn(bytes.count, isContinuation: units.isEmpty) }
        // Some senders stamp everything alike; a picture begins with its first slice, or what stands before it, all the
        // same.
        let beginsNext =
            units.first.map { syntax.isPrefix($0.kind) } ?? false
            || units.contains { syntax.isSlice($0.kind) && $0.isFirst }
        let isNext = slices > 0 && beginsNext
        if hasBegun, stamp == time, !isNext {
            guard isDelivered else {
                slices += newSlices
                return .append
            }
            // What is no slice belongs to the picture that follows, whatever its stamp.
            guard newSlices == 0, !units.isEmpty else {
                isTrusted = false
                return .torn
            }
            (slices, isDelivered) = (0, false)
            return .begin
        }
        // Parameters alone are no picture.
        let hasPicture = isDelivered || slices > 0
        if slices > 0 { expectedSlices = slices }
        let isFirst = !hasBegun
        (time, slices, isDelivered, hasBegun) = (stamp, newSlices, false, true)
        return hasPicture || isFirst ? .begin : .append
    }

    private mutating func learn(_ count: Int, isContinuation: Bool) {
        // A unit's first piece has a start code and the unit's header more than the others.
        let payload = isContinuation ? count : count - Self.startCode.count - syntax.headerLength
        if isContinuation { fullPiece = max(fullPiece, payload, last) }
        last = payload
    }

    /// What the units are that begin in `bytes`, none where they go on with one: the first byte of each, and whether a
    /// slice is the first of its picture (the first bit of its header says so in both syntaxes).
    private func starts(in bytes: UnsafeRawBufferPointer) -> [(kind: UInt8, isFirst: Bool)] {
        guard bytes.starts(with: Self.startCode) else { return [] }
        var found: [(kind: UInt8, isFirst: Bool)] = []
        var at = 0
        while at + 4 < bytes.count {
            if bytes[at] == 0, bytes[at + 1] == 0, bytes[at + 2] == 0, bytes[at + 3] == 1 {
                let header = at + 4 + syntax.headerLength
                found.append((bytes[at + 4], header < bytes.count && bytes[header] & 0x80 != 0))
                at += 5
            } else {
                at += 1
            }
        }
        return found
    }
}
