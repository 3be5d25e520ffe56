/// Why there is no mask to go by: the blind mask says it in its flags.
public enum BlindCause: String, CaseIterable, Codable, Sendable {
    /// The source has not delivered a frame yet since the camera began.
    case connecting
    /// The source delivered frames once, and delivers none now.
    case noSignal = "no_signal"
    /// The source delivers frames that are no pictures of the street: corrupt, frozen, flat.
    case refused = "refused_frames"
    /// The mask was older than the camera allows when it was to be sent.
    case tooOld = "too_old"
    /// Frames come, and the network does not get round to them in time.
    case overload

    /// The number in bits 1 to 3 of the flags.
    public var code: UInt8 {
        switch self {
        case .connecting: 1
        case .noSignal: 2
        case .refused: 3
        case .tooOld: 4
        case .overload: 5
        }
    }
}

/// The flags of a mask, `XF` of its line: `docs/wire.md`.
public struct MaskFlags: RawRepresentable, Hashable, Sendable {
    /// Bit 0: blind; bits 1 to 3: why; bit 4: the capture time is that of arrival.
    public let rawValue: UInt8

    /// Flags by their bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The flags of a mask that was captured as `origin` says, and is blind for `cause` or, where that is nil, valid.
    public init(origin: CaptureOrigin, blind cause: BlindCause? = nil) {
        rawValue = (cause.map { 1 | $0.code << 1 } ?? 0) | (origin.isEstimated ? 1 << 4 : 0)
    }

    /// A valid mask whose capture time is known.
    public static let valid = MaskFlags(rawValue: 0)

    /// Whether the mask says nothing: every id is 255.
    public var isBlind: Bool { rawValue & 1 != 0 }

    /// Why it says nothing; nil for a valid mask.
    public var blindCause: BlindCause? {
        isBlind ? BlindCause.allCases.first { $0.code == rawValue >> 1 & 7 } : nil
    }

    /// Whether the capture time is only the time of arrival.
    public var isCaptureEstimated: Bool { rawValue & 1 << 4 != 0 }
}
