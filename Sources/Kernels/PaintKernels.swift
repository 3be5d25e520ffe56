import CKernels

/// Painting class ids over the rows of a picture: one function an operation, chosen once for the processor.
///
/// Every buffer is one row of one plane; sizes are checked, so no kernel reads or writes past a row.
public struct PaintKernels: Sendable {
    typealias Lookup =
        @convention(c) (
            UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, Int, UnsafePointer<UInt8>?, UInt32
        ) -> Void
    typealias Blend =
        @convention(c) (
            UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?, Int, UnsafePointer<UInt8>?,
            UInt32, UInt32
        ) -> Void

    /// The instruction set they are written for.
    public let instructionSet: InstructionSet
    private let lookup: Lookup
    private let blend: Blend

    private init(_ instructionSet: InstructionSet, lookup: @escaping Lookup, blend: @escaping Blend) {
        self.instructionSet = instructionSet
        self.lookup = lookup
        self.blend = blend
    }

    /// Every set that this processor can run, the definition (`scalar`) first, the fastest last.
    public static let available: [PaintKernels] = InstructionSet.supported.compactMap(PaintKernels.init)

    /// The fastest set that this processor can run.
    public static let best = available.last ?? PaintKernels(scalar: .scalar)

    private init(scalar set: InstructionSet) {
        self.init(set, lookup: ck_paint_lookup__scalar, blend: ck_paint_blend__scalar)
    }

    /// Nil where nothing is written for `set`.
    private init?(_ set: InstructionSet) {
        switch set {
        case .scalar: self.init(scalar: set)
        #if arch(x86_64)
            case .avx2: self.init(set, lookup: ck_paint_lookup__avx2, blend: ck_paint_blend__avx2)
            case .avx512: self.init(set, lookup: ck_paint_lookup__avx512, blend: ck_paint_blend__avx512)
        #endif
        default: return nil
        }
    }

    /// `ids[i] = row[columns[i]]`; every column must lie in `row`, which whoever made the table sees to.
    public func expand(
        _ row: UnsafeRawBufferPointer, columns: ArraySlice<UInt32>, into ids: UnsafeMutableRawBufferPointer
    ) {
        precondition(ids.count >= columns.count, "the row of ids is too short")
        assert(columns.allSatisfy { $0 < row.count }, "a column outside the row")
        columns.withUnsafeBufferPointer {
            ck_paint_expand__scalar(bytes(ids), bytes(row), $0.baseAddress, columns.count)
        }
    }

    /// `out[i] = table[ids[i]]`; all entries of `table` (256) from `count` (1…255) up are the same.
    public func lookUp(
        _ ids: UnsafeRawBufferPointer, in table: [UInt8], count: Int, into out: UnsafeMutableRawBufferPointer
    ) {
        precondition(table.count == 256 && (1...255).contains(count), "no table of 256 entries")
        precondition(out.count >= ids.count, "the row is too short")
        lookup(bytes(out), bytes(ids), ids.count, table, UInt32(count))
    }

    /// Mixes `table[ids[i]]` over `source[i]` with `weight` (0…256) parts of 256 where `ids[i] < count`, and copies
    /// elsewhere. `out` may be `source`.
    public func blend(
        _ source: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer, table: [UInt8], count: Int, weight: Int,
        into out: UnsafeMutableRawBufferPointer
    ) {
        precondition(table.count == 256 && (1...255).contains(count), "no table of 256 entries")
        precondition((0...256).contains(weight), "a weight beyond 256")
        precondition(out.count >= ids.count && source.count >= ids.count, "the row is too short")
        blend(bytes(out), bytes(source), bytes(ids), ids.count, table, UInt32(count), UInt32(weight))
    }

    /// `blend` on pixels of three bytes; `table` has 3 × 256 entries.
    public func blendPacked(
        _ source: UnsafeRawBufferPointer, ids: UnsafeRawBufferPointer, table: [UInt8], count: Int, weight: Int,
        into out: UnsafeMutableRawBufferPointer
    ) {
        precondition(table.count == 768 && (1...255).contains(count), "no table of 3 x 256 entries")
        precondition((0...256).contains(weight), "a weight beyond 256")
        precondition(out.count >= 3 * ids.count && source.count >= 3 * ids.count, "the row is too short")
        ck_paint_blend_packed__scalar(
            bytes(out), bytes(source), bytes(ids), ids.count, table, UInt32(count), UInt32(weight))
    }

    private func bytes(_ row: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
        row.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }

    private func bytes(_ row: UnsafeMutableRawBufferPointer) -> UnsafeMutablePointer<UInt8>? {
        row.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}
