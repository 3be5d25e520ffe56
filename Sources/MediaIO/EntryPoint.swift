import CFFmpeg

/// Whether decoding of H.264 or H.265 can begin at a picture, as its own units (NAL) say. Pure.
///
/// Containers and FFmpeg's parsers mark the beginning of a recovery as a key frame, although the picture is whole only
/// some pictures later. Sources: ITU-T H.264 D.2.8 and H.265 D.3.8 (recovery point SEI), 7.4.2.2 (unit types).
struct EntryPoint: Hashable, Sendable {
    /// How decoding can begin.
    enum Kind: Hashable, Sendable {
        /// Not here.
        case none
        /// The picture needs no other one: IDR, or in H.265 any IRAP.
        case independent
        /// Pictures are whole after so many further ones (H.264: reference pictures).
        case recovery(after: Int)
    }

    /// How its units are separated.
    enum Framing: Hashable, Sendable {
        /// Start codes (Annex B).
        case startCodes
        /// Each unit's length in so many bytes, 1...4, is before it.
        case lengths(Int)
    }

    /// How decoding can begin here.
    let kind: Kind
    /// Whether other pictures may be predicted from it.
    let isReference: Bool

    /// Longest SEI unit that is looked into, in bytes.
    private static let mostSEI = 1 << 16
    private static let recoveryPoint = 6

    /// Reads a picture's units up to its first slice.
    init(_ bytes: UnsafeRawBufferPointer, syntax: AccessUnitEnd.Syntax, framing: Framing) {
        var kind = Kind.none
        var isReference = true
        var units = UnitReader(bytes, framing: framing)
        while let unit = units.next() {
            guard unit.count > syntax.headerLength else { continue }
            if syntax.isSlice(unit[unit.startIndex]) {
                if syntax.isIndependent(unit[unit.startIndex]) { kind = .independent }
                isReference = syntax == .hevc || unit[unit.startIndex] >> 5 & 3 != 0
                break
            }
            guard syntax.isSEI(unit[unit.startIndex]), unit.count <= Self.mostSEI,
                let count = Self.recoveryCount(unit.dropFirst(syntax.headerLength), syntax: syntax)
            else { continue }
            kind = .recovery(after: count)
        }
        self.kind = kind
        self.isReference = isReference
    }

    /// The count of the recovery point message, where the SEI unit has one.
    private static func recoveryCount(_ unit: Slice<UnsafeRawBufferPointer>, syntax: AccessUnitEnd.Syntax) -> Int? {
        let payload = unescaped(unit)
        var at = 0
        func number() -> Int? {
            var value = 0
            while at < payload.count {
                let byte = payload[at]
                at += 1
                value += Int(byte)
                if byte != 0xFF { return value }
            }
            return nil
        }
        // What is left at the end are the trailing bits.
        while at + 2 < payload.count {
            guard let type = number(), let size = number(), at + size <= payload.count else { return nil }
            if type == recoveryPoint {
                guard let code = exponentialGolomb(payload[at..<at + size]) else { return nil }
                // H.265 counts with a sign: odd codes are positive. A point in the past is one that is reached.
                return syntax == .h264 ? code : code % 2 == 1 ? (code + 1) / 2 : 0
            }
            at += size
        }
        return nil
    }

    /// The unit without its emulation prevention bytes (00 00 03).
    private static func unescaped(_ unit: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(unit.count)
        var zeros = 0
        for byte in unit {
            if zeros >= 2, byte == 3 {
                zeros = 0
                continue
            }
            zeros = byte == 0 ? zeros + 1 : 0
            result.append(byte)
        }
        return result
    }

    /// The first number, coded as ue(v); nil where it is cut off or larger than 16 bits.
    private static func exponentialGolomb(_ bytes: ArraySlice<UInt8>) -> Int? {
        var bits = bytes.lazy.flatMap { byte in (0..<8).lazy.map { Int(byte >> (7 - $0) & 1) } }.makeIterator()
        var zeros = 0
        while true {
            guard let bit = bits.next(), zeros <= 16 else { return nil }
            if bit == 1 { break }
            zeros += 1
        }
        var value = 1
        for _ in 0..<zeros {
            guard let bit = bits.next() else { return nil }
            value = value << 1 | bit
        }
        return value - 1
    }
}

extension EntryPoint.Framing {
    /// As the stream's parameters say: `avcC` and `hvcC` boxes tell the size of a length, anything else is Annex B.
    init(_ parameters: AVCodecParameters) {
        let count = Int(parameters.extradata_size)
        guard let data = parameters.extradata, count > 0, data[0] == 1 else {
            self = .startCodes
            return
        }
        switch parameters.codec_id {
        case AV_CODEC_ID_H264 where count >= 7: self = .lengths(Int(data[4] & 3) + 1)
        case AV_CODEC_ID_HEVC where count >= 23: self = .lengths(Int(data[21] & 3) + 1)
        default: self = .startCodes
        }
    }
}

extension AccessUnitEnd.Syntax {
    /// The syntax of a codec's units; nil for codecs that have none.
    init?(_ codec: AVCodecID) {
        switch codec {
        case AV_CODEC_ID_H264: self = .h264
        case AV_CODEC_ID_HEVC: self = .hevc
        default: return nil
        }
    }

    fileprivate func isIndependent(_ byte: UInt8) -> Bool {
        switch self {
        case .h264: byte & 31 == 5
        case .hevc: (16...23).contains(byte >> 1 & 63)
        }
    }

    fileprivate func isSEI(_ byte: UInt8) -> Bool {
        switch self {
        case .h264: byte & 31 == 6
        case .hevc: byte >> 1 & 63 == 39
        }
    }
}

/// Walks over the units of a picture.
private struct UnitReader {
    private let bytes: UnsafeRawBufferPointer
    private let framing: EntryPoint.Framing
    private var at = 0

    init(_ bytes: UnsafeRawBufferPointer, framing: EntryPoint.Framing) {
        self.bytes = bytes
        self.framing = framing
        if framing == .startCodes { at = Self.afterStartCode(in: bytes, from: 0) ?? bytes.count }
    }

    /// The next unit, without what separates it; nil at the end, or where the data is no units.
    mutating func next() -> Slice<UnsafeRawBufferPointer>? {
        guard at < bytes.count else { return nil }
        switch framing {
        case .startCodes:
            let begin = at
            let following = Self.afterStartCode(in: bytes, from: begin)
            at = following ?? bytes.count
            return bytes[begin..<(following.map { $0 - 3 } ?? bytes.count)]
        case .lengths(let size):
            guard at + size <= bytes.count else { return nil }
            let length = bytes[at..<at + size].reduce(0) { $0 << 8 | Int($1) }
            let begin = at + size
            guard length <= bytes.count - begin else { return nil }
            at = begin + length
            return bytes[begin..<at]
        }
    }

    private static func afterStartCode(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        var at = start
        while at + 2 < bytes.count {
            if bytes[at + 2] > 1 {
                at += 3
            } else if bytes[at] == 0, bytes[at + 1] == 0, bytes[at + 2] == 1 {
                return at + 3
            } else {
                at += 1
            }
        }
        return nil
    }
}
