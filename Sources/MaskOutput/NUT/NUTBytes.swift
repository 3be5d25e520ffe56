/// Bytes in NUT's notation: numbers of as many bytes as they need, packets with a startcode, a length and a checksum.
struct NUTBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ more: [UInt8]) { bytes += more }

    /// A number that is not negative, seven bits a byte, the highest first.
    mutating func number(_ value: some BinaryInteger) {
        let value = UInt64(clamping: value)
        var shift = UInt64(max(0, 63 - value.leadingZeroBitCount) / 7 * 7)
        while shift > 0 {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift) | 0x80)
            shift -= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: value) & 0x7F)
    }

    /// A number with a sign: 0, 1, -1, 2, -2, … become 0, 1, 2, 3, 4, …
    mutating func signed(_ value: Int) {
        number(2 * value.magnitude - (value > 0 ? 1 : 0))
    }

    /// A text with its length.
    mutating func text(_ text: String) {
        let utf8 = Array(text.utf8)
        number(utf8.count)
        append(utf8)
    }

    /// A packet: startcode, length, what `write` writes, and its checksum. Ours are all shorter than the 4 KiB from
    /// which the length would have a checksum of its own.
    mutating func packet(_ startcode: UInt64, _ write: (inout NUTBytes) -> Void) {
        var content = NUTBytes()
        write(&content)
        word(startcode)
        number(content.bytes.count + 4)
        append(content.bytes)
        append(Self.checksum(content.bytes))
    }

    /// What `write` writes, and its checksum.
    mutating func checked(_ write: (inout NUTBytes) -> Void) {
        var content = NUTBytes()
        write(&content)
        append(content.bytes)
        append(Self.checksum(content.bytes))
    }

    private mutating func word(_ value: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// CRC-32 of polynomial 0x04C11DB7, highest bit first, from 0, not inverted; its four bytes, the highest first.
    private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var crc: UInt32 = 0
        for byte in bytes {
            crc ^= UInt32(byte) << 24
            for _ in 0..<8 { crc = crc & 0x8000_0000 != 0 ? crc << 1 ^ 0x04C1_1DB7 : crc << 1 }
        }
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: crc >> $0) }
    }
}
