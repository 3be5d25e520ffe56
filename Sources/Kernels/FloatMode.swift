import CKernels

/// How the calling thread treats denormal numbers, those below 1.2e-38: computing with them takes up to a hundred
/// times as long, and none of them matters to a network.
public struct FloatMode: Sendable {
    private let register: UInt64

    /// Makes the calling thread read and write denormal numbers as zero; returns its mode before.
    public static func flushDenormals() -> FloatMode { FloatMode(register: ck_flush_denormals()) }

    /// Gives the calling thread this mode again.
    public func restore() { ck_restore_float_mode(register) }
}
