import CFFmpeg
import Imaging

/// A piece of coded data; one object is filled again and again.
public final class Packet {
    let pointer: UnsafeMutablePointer<AVPacket>

    /// An empty packet.
    public init() throws {
        guard let packet = av_packet_alloc() else { throw FrameHolder.outOfMemory() }
        pointer = packet
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = pointer
        av_packet_free(&packet)
    }

    /// Whether decoding can start here.
    public var isKey: Bool { pointer.pointee.flags & AV_PKT_FLAG_KEY != 0 }
    /// Whether the container knows that data is missing.
    public var isCorrupt: Bool { pointer.pointee.flags & AV_PKT_FLAG_CORRUPT != 0 }
    /// When it is shown, in ticks of the stream's time base.
    public var pts: Int64? { pointer.pointee.pts == FF_NOPTS ? nil : pointer.pointee.pts }
    /// When it is decoded, in ticks of the stream's time base.
    public var dts: Int64? { pointer.pointee.dts == FF_NOPTS ? nil : pointer.pointee.dts }
    /// How long it is shown, in ticks; 0 where the container does not tell.
    public var duration: Int64 { max(pointer.pointee.duration, 0) }
    /// When the sender captured it, by its own clock, in microseconds since the epoch; nil where it does not tell.
    var producerTime: Int64? {
        var size = 0
        guard let data = av_packet_get_side_data(pointer, AV_PKT_DATA_PRFT, &size),
            size >= MemoryLayout<Int64>.size
        else { return nil }
        let wallclock = UnsafeRawPointer(data).loadUnaligned(as: AVProducerReferenceTime.self).wallclock
        return wallclock > 0 ? wallclock : nil
    }
    /// Bytes of data.
    public var byteCount: Int { Int(pointer.pointee.size) }
}
