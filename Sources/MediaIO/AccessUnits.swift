import CFFmpeg

/// Puts pictures together from the pieces that an unparsed stream comes in (`AccessUnitEnd`).
final class AccessUnits {
    /// No picture is larger, however it was coded.
    private static let mostBytes = 64 << 20

    private var end: AccessUnitEnd
    private let pending: Packet
    private let outgoing: Packet
    private var hasOutgoing = false
    private var pendingIsAfterLoss = false
    private var nextIsAfterLoss = false
    private var outgoingIsAfterLoss = false
    /// Whether data was lost between the picture that `take` moved last and the one before.
    private(set) var isAfterLoss = false

    init(_ syntax: AccessUnitEnd.Syntax) throws {
        end = AccessUnitEnd(syntax)
        (pending, outgoing) = (try Packet(), try Packet())
    }

    /// Moves a picture that is complete into `packet`; false where none is.
    func take(into packet: Packet) -> Bool {
        if hasOutgoing {
            av_packet_move_ref(packet.pointer, outgoing.pointer)
            hasOutgoing = false
            isAfterLoss = outgoingIsAfterLoss
            return true
        }
        guard end.isComplete else { return false }
        av_packet_move_ref(packet.pointer, pending.pointer)
        end.deliver()
        isAfterLoss = pendingIsAfterLoss
        pendingIsAfterLoss = false
        return true
    }

    /// Adds what `packet` holds, and empties it. `isAfterLoss` says that data is missing just before it.
    ///
    /// - Throws: `MediaError` where memory runs out.
    func add(_ packet: Packet, isAfterLoss: Bool) throws {
        let count = Int(packet.pointer.pointee.size)
        // A picture that is not known to be complete may have lost its end, or what lies between two pieces.
        if isAfterLoss { lose() }
        guard count > 0, let data = packet.pointer.pointee.data else {
            av_packet_unref(packet.pointer)
            return
        }
        let bytes = UnsafeRawBufferPointer(start: data, count: count)
        switch end.piece(bytes, time: packet.pts) {
        case .torn:
            av_packet_unref(packet.pointer)
            lose()
        case .begin:
            if pending.byteCount > 0 {
                av_packet_move_ref(outgoing.pointer, pending.pointer)
                hasOutgoing = true
                outgoingIsAfterLoss = pendingIsAfterLoss
            }
            (pendingIsAfterLoss, nextIsAfterLoss) = (nextIsAfterLoss, false)
            av_packet_move_ref(pending.pointer, packet.pointer)
        case .append:
            guard pending.byteCount + count <= Self.mostBytes else {
                av_packet_unref(pending.pointer)
                av_packet_unref(packet.pointer)
                nextIsAfterLoss = true
                return
            }
            try append(packet, bytes)
        }
    }

    /// Data is missing behind what came of the pending picture: it may be cut off, and the next one follows a loss.
    private func lose() {
        if pending.byteCount > 0 { pending.pointer.pointee.flags |= AV_PKT_FLAG_CORRUPT }
        nextIsAfterLoss = true
    }

    private func append(_ packet: Packet, _ bytes: UnsafeRawBufferPointer) throws {
        defer { av_packet_unref(packet.pointer) }
        let before = pending.byteCount
        guard before > 0 else {
            av_packet_move_ref(pending.pointer, packet.pointer)
            return
        }
        try check(av_grow_packet(pending.pointer, Int32(clamping: bytes.count)), "read", "a picture")
        guard let data = pending.pointer.pointee.data, let source = bytes.baseAddress else { return }
        UnsafeMutableRawPointer(data + before).copyMemory(from: source, byteCount: bytes.count)
        // What came before a picture's slices can have an older stamp.
        pending.pointer.pointee.pts = packet.pointer.pointee.pts
        if packet.isCorrupt { pending.pointer.pointee.flags |= AV_PKT_FLAG_CORRUPT }
    }
}
