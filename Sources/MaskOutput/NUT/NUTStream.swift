import Imaging

/// The bytes of a NUT stream of masks in `pal8`: ids and palette in one, with the times of capture.
///
/// One video stream of raw pictures, each a key frame with a syncpoint of its own, so that the same header fits every
/// reader whenever it comes, and any frame may follow any other. The palette (256 words, blue first) follows each
/// picture's ids, which is where FFmpeg looks for it. Times are microseconds since the epoch.
/// The format is that of NUT's specification, version 3 (https://git.ffmpeg.org/nut).
struct NUTStream {
    /// Time stamps a second.
    static let timeBase = 1_000_000

    private static let mainStartcode: UInt64 = 0x4E4D_7A56_1F5F_04AD
    private static let streamStartcode: UInt64 = 0x4E53_1140_5BF2_F9DB
    private static let syncpointStartcode: UInt64 = 0x4E4B_E4AD_EECA_4569
    private static let infoStartcode: UInt64 = 0x4E49_AB68_B596_BA78

    /// A frame's flags: a key frame with its time, its size and a checksum of its own.
    private static let frameFlags = 1 | 8 | 32 | 64
    private static let invalidFlags = 8192
    /// Nothing smaller than this many ticks is coded as the low part of a time: all times are whole.
    private static let partBits = 7

    /// The header for pictures of `size`; `frameRate` is told to those who ask, where it is known.
    static func header(size: ImageSize, frameRate: Rational?) -> [UInt8] {
        var bytes = NUTBytes()
        bytes.append(Array("nut/multimedia container".utf8))
        bytes.append([0])
        bytes.packet(mainStartcode) { main in
            main.number(3)
            main.number(1)
            main.number(65_536)
            main.number(1)
            main.number(1)
            main.number(timeBase)
            // Of the 256 codes a frame can begin with, all but the first, the last and N (a startcode's) are ours.
            for (flags, count) in [(invalidFlags, 1), (frameFlags, 253), (invalidFlags, 1)] {
                main.number(flags)
                main.number(6)
                main.signed(0)
                main.number(1)
                for _ in 0..<3 { main.number(0) }
                main.number(count)
            }
            main.number(0)
        }
        bytes.packet(streamStartcode) { stream in
            stream.number(0)
            stream.number(0)
            stream.number(4)
            stream.append(Array("PAL".utf8) + [8])
            stream.number(0)
            stream.number(partBits)
            stream.number(timeBase)
            stream.number(0)
            stream.number(0)
            stream.number(0)
            stream.number(size.width)
            stream.number(size.height)
            stream.number(1)
            stream.number(1)
            stream.number(0)
        }
        if let frameRate, frameRate.isPositive {
            bytes.packet(infoStartcode) { info in
                info.number(1)
                info.signed(0)
                info.number(0)
                info.number(0)
                info.number(1)
                info.text("r_frame_rate")
                info.signed(-1)
                info.text("\(frameRate.numerator)/\(frameRate.denominator)")
            }
        }
        return bytes.bytes
    }

    /// What comes before a frame of `count` bytes shown at `time`, microseconds since the epoch and not negative.
    static func framePrefix(time: Int64, count: Int) -> [UInt8] {
        let time = UInt64(max(0, time))
        var bytes = NUTBytes()
        bytes.packet(syncpointStartcode) { syncpoint in
            syncpoint.number(time)
            // The way back to a syncpoint with a key frame: none, it is this one.
            syncpoint.number(0)
        }
        bytes.checked { frame in
            frame.append([1])
            frame.number(time + 1 << partBits)
            frame.number(count)
        }
        return bytes.bytes
    }

    /// Writes the palette of `labels` as FFmpeg's words in memory: blue, green, red, opaque; black for no class.
    static func write(palette labels: LabelSet, to bytes: UnsafeMutableRawBufferPointer) {
        for id in 0..<bytes.count / 4 {
            let color = labels.color(of: UInt8(truncatingIfNeeded: id))
            bytes[4 * id] = color.blue
            bytes[4 * id + 1] = color.green
            bytes[4 * id + 2] = color.red
            bytes[4 * id + 3] = 255
        }
    }
}

/// Rising times for a stream whose readers cannot go back: a clock that was set back holds the time still.
struct NUTTimes {
    private var last: Int64 = -1

    /// Microseconds for a frame captured `nanoseconds` after the epoch: its own, or one more than the last.
    mutating func next(_ nanoseconds: Int64) -> Int64 {
        last = max(nanoseconds / 1000, last + 1)
        return last
    }
}
