import Foundation
import Kernels

/// A safetensors file: eight bytes of header length, a JSON header of names, types, shapes and offsets, and the data.
///
/// The file is read, not mapped: each tensor when it is asked for. The header is believed in nothing: every tensor must lie inside the file, be as long as
/// its shape says, and touch no other.
public final class SafetensorsFile: Sendable {
    /// An element type of the format that segmentd reads.
    public enum ElementType: String, Sendable {
        case float32 = "F32"
        case float16 = "F16"
        case uint8 = "U8"

        var size: Int {
            switch self {
            case .float32: 4
            case .float16: 2
            case .uint8: 1
            }
        }
    }

    /// What the header says of one tensor.
    public struct Entry: Sendable {
        /// The element type.
        public let type: ElementType
        /// The dimensions.
        public let shape: [Int]
        let range: Range<Int>
    }

    /// The file's path.
    public var path: String { file.path }
    /// `__metadata__`: strings by key.
    public let metadata: [String: String]
    /// The tensors by name.
    public let tensors: [String: Entry]
    private let file: ModelFile
    /// The header as it stands in the file.
    let header: [UInt8]

    /// Headers longer than this are refused. The format's own limit is 100 MB; a header of one of our models takes
    /// 60 kB, and reading JSON takes many times its length in memory.
    private static let headerLimit = 10_000_000

    /// Opens the file at `path` and checks its header.
    public init(path: String) throws(ModelError) {
        file = try ModelFile(path: path)
        let count = file.count
        guard count >= 8 else {
            throw ModelError(
                path: path, "is no safetensors file: it has \(count) bytes, and the header length alone takes 8")
        }
        let length = try file.bytes(0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(Self.headerLimit) else {
            throw ModelError(
                path: path,
                "is no safetensors file: its header should take \(length) bytes, and none takes more than \(Self.headerLimit)"
            )
        }
        guard length <= UInt64(count - 8) else {
            throw ModelError(
                path: path,
                "is truncated or no safetensors file: its header should take \(length) bytes, and \(count - 8) follow")
        }
        let start = 8 + Int(length)
        self.header = try file.bytes(8..<start)
        let header: Header
        do {
            header = try JSONDecoder().decode(Header.self, from: Data(self.header))
        } catch {
            throw ModelError(path: path, "has a header that is not safetensors JSON: \(Self.explain(error))")
        }
        metadata = header.metadata
        tensors = try Self.check(header, path: path, dataStart: start, count: count)
    }

    /// The values of tensor `name` as 32-bit floating point.
    public func floats(_ name: String) throws(ModelError) -> [Float] {
        guard let entry = tensors[name] else { throw ModelError(path: path, "has no tensor \"\(name)\"") }
        let values = Self.floats(try file.bytes(entry.range), entry.type)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw ModelError(
                path: path, "tensor \"\(name)\" holds \(values[bad]) at element \(bad); all values must be finite")
        }
        return values
    }

    /// Little-endian elements as 32-bit floating point.
    private static func floats(_ bytes: [UInt8], _ type: ElementType) -> [Float] {
        let count = bytes.count / type.size
        return bytes.withUnsafeBytes { bytes in
            switch type {
            case .float32:
                return (0..<count).map {
                    Float(
                        bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
                }
            case .float16:
                let halves = (0..<count).map {
                    UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
                }
                return [Float](unsafeUninitializedCapacity: count) { target, filled in
                    halves.withUnsafeBufferPointer { source in
                        guard let from = source.baseAddress, let to = target.baseAddress else { return }
                        PlaneOperations.halfToFloat(from, into: to, count: count)
                        filled = count
                    }
                }
            case .uint8:
                return bytes.map { Float($0) }
            }
        }
    }

    /// Throws where the file was written to since it was opened.
    func checkUnchanged() throws(ModelError) { try file.checkUnchanged() }

    private static func explain(_ error: any Error) -> String {
        switch error {
        case DecodingError.dataCorrupted(let context): context.debugDescription
        case DecodingError.keyNotFound(let key, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has no \"\(key.stringValue)\""
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")): \(context.debugDescription)"
        default: "\(error)"
        }
    }

    private static func check(
        _ header: Header, path: String, dataStart: Int, count: Int
    ) throws(ModelError) -> [String: Entry] {
        let available = count - dataStart
        var entries: [String: Entry] = [:]
        for (name, raw) in header.tensors {
            func fail(_ problem: String) -> ModelError { ModelError(path: path, "tensor \"\(name)\" \(problem)") }
            guard let type = ElementType(rawValue: raw.dtype) else {
                throw fail("has element type \"\(raw.dtype.prefix(40))\"; expected F32, F16 or U8")
            }
            guard raw.dataOffsets.count == 2 else {
                throw fail("has \(raw.dataOffsets.count) data offsets; expected 2")
            }
            let (begin, end) = (raw.dataOffsets[0], raw.dataOffsets[1])
            guard begin >= 0, begin <= end, end <= available else {
                throw fail(
                    "should lie at bytes \(begin) to \(end) of the data, and the file holds \(available): it is truncated or its header is wrong"
                )
            }
            var bytes = type.size
            for dimension in raw.shape {
                let (product, overflow) = bytes.multipliedReportingOverflow(by: dimension)
                guard dimension >= 0, !overflow else { throw fail("has an impossible shape \(raw.shape.prefix(8))") }
                bytes = product
            }
            guard bytes == end - begin else {
                throw fail(
                    "of shape \(raw.shape.prefix(8)) and type \(raw.dtype) takes \(bytes) bytes, and its offsets hold \(end - begin)"
                )
            }
            entries[name] = Entry(type: type, shape: raw.shape, range: dataStart + begin..<dataStart + end)
        }
        var expected = dataStart
        var previous = "the header"
        for (name, entry) in entries.sorted(by: {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key) < (
                $1.value.range.lowerBound, $1.value.range.upperBound, $1.key
            )
        }) {
            guard entry.range.lowerBound == expected else {
                let what = entry.range.lowerBound < expected ? "overlaps" : "leaves a gap behind"
                throw ModelError(
                    path: path,
                    "tensor \"\(name)\" \(what) \(previous): it begins at byte \(entry.range.lowerBound - dataStart) of the data, expected \(expected - dataStart)"
                )
            }
            expected = entry.range.upperBound
            previous = "tensor \"\(name)\""
        }
        guard expected == count else {
            throw ModelError(path: path, "has \(count - expected) bytes at its end that belong to no tensor")
        }
        return entries
    }
}

/// The JSON header.
private struct Header: Decodable {
    struct Tensor: Decodable {
        let dtype: String
        let shape: [Int]
        let dataOffsets: [Int]

        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case dataOffsets = "data_offsets"
        }
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    var metadata: [String: String] = [:]
    var tensors: [String: Tensor] = [:]

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for key in container.allKeys {
            if key.stringValue == "__metadata__" {
                metadata = try container.decode([String: String].self, forKey: key)
            } else {
                tensors[key.stringValue] = try container.decode(Tensor.self, forKey: key)
            }
        }
    }
}
