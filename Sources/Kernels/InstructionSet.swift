import CKernels

/// A set of vector instructions that kernels are written for.
public enum InstructionSet: String, CaseIterable, Sendable, CustomStringConvertible {
    /// The definitions, in plain C.
    case scalar
    /// AVX2 with FMA.
    case avx2
    /// AVX-512 F, BW, DQ and VL.
    case avx512
    /// 64-bit Arm's Advanced SIMD.
    case neon

    /// The name as on the command line.
    public var description: String { rawValue }

    /// The highest set that this processor and its operating system support.
    public static var best: InstructionSet {
        allCases.first { $0.code == ck_detect_instruction_set() } ?? .scalar
    }

    /// Whether this processor and its operating system support the set.
    public var isSupported: Bool { ck_supports(code) != 0 }

    /// The sets that can be used here, lowest first.
    public static var supported: [InstructionSet] { allCases.filter(\.isSupported) }

    var code: CInt {
        switch self {
        case .scalar: CInt(CK_SCALAR.rawValue)
        case .avx2: CInt(CK_AVX2.rawValue)
        case .avx512: CInt(CK_AVX512.rawValue)
        case .neon: CInt(CK_NEON.rawValue)
        }
    }
}

/// An instruction set was asked for that this machine does not have.
public struct UnsupportedInstructionSet: Error, CustomStringConvertible {
    /// The set that was asked for.
    public let requested: InstructionSet

    /// The machine does not have `requested`.
    public init(requested: InstructionSet) { self.requested = requested }

    /// One sentence for people.
    public var description: String {
        let here = InstructionSet.supported.map(\.rawValue).joined(separator: ", ")
        return "this processor does not support the instruction set \"\(requested)\"; it supports \(here)"
    }
}
